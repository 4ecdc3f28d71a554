"""What a log's path shows: whose log it is, whether it is a proxy's, and which kind of proxy it probably is.

In: `namespaces/shop/pods/cart-1/istio-proxy/istio-proxy/logs/current.log`. Out: shop/cart-1/istio-proxy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from egressaudit.model import PROXY_CONTAINER, LogSource, Reporter

"""The container of every Istio proxy: sidecar, gateway, waypoint and ztunnel."""

_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_NS, _POD, _CONTAINER = (rf"(?P<{part}>{_NAME})" for part in ("namespace", "pod", "container"))
_PACKED = r"(?:\.gz|\.zst)?"
_LAYOUTS = tuple(
    re.compile(pattern)
    for pattern in (
        # `oc adm must-gather`: current.log, previous.log, previous.insecure.log, rotated/0.log.20250217-072641.gz
        # (openshift/oc pkg/cli/admin/inspect/pod.go)
        rf".*namespaces/{_NS}/pods/{_POD}/{_CONTAINER}/(?:{_NAME}/)?logs/(?:rotated/)?[^/]+",
        # `istioctl bug-report` (istio/istio tools/bug-report/pkg/archive/archive.go)
        rf"(?:.*/)?(?:proxies|istio|operator)/{_NS}/{_POD}/{_CONTAINER}\.log(?:\.[^/]+)?",
        # a node's /var/log/pods (kubernetes/kubernetes pkg/kubelet/kuberuntime/helpers.go, BuildPodLogsDirectory)
        rf"(?:.*/)?{_NS}_{_POD}_[0-9a-f-]+/{_CONTAINER}/[0-9]+\.log(?:\.[0-9-]+)?{_PACKED}",
        # a node's /var/log/containers (legacy.go, logSymlink)
        rf"(?:.*/)?{_POD}_{_NS}_{_CONTAINER}-[0-9a-f]{{64}}\.log",
    )
)
_OURS = re.compile(
    rf"(?:.*/)?{_NS}/{_POD}/(?P<container>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.previous)?\.log"
    r"(?!.*\.(?:md5|sha[0-9]+|asc|sig)$)(?:[.-][^/]+)?"
)
"""What `--save-logs` writes; `.previous` is the container's run before its last restart. Whatever stands behind `.log`
says that it was rotated, compressed or put aside (`.log.1.gz`, `.log.bak`): its lines are that container's. A checksum
or a signature beside a log is no log.

Any three names look like this, so it is believed only for containers of proxies.
"""

_LOG_NAME = re.compile(r"[^/]*\.log(?:[.-][0-9][^/]*)?(?:\.gz|\.zst)?", re.IGNORECASE)
"""File names of logs, rotated and compressed ones too."""

# What a must-gather contains besides pods' logs: the nodes' own logs, audit logs, and its own output.
_NOT_OF_PODS = re.compile(
    r"(?:.*/)?(?:(?:host_service_logs|audit_logs|cluster-scoped-resources|static-pods)/.*|(?:must-)?gather[^/]*\.log)"
)

_GATEWAY = re.compile(r"(?:egress|ingress)-?gateway|-istio-[a-f0-9]{6,10}-[a-z0-9]{5}$")
"""Istio's own gateways, and the pods that it makes for a Gateway of the Kubernetes API (`NAME-istio-HASH-ID`)."""
_WAYPOINT = re.compile(r"(?:^|-)waypoint(?:-|$)")


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Whose log a path shows; `skip` is the reason not to read it when found in a folder, '' if it should be read."""

    source: LogSource | None
    skip: str = ""


def place(path: str, containers: frozenset[str]) -> LogPlace:
    """What a path (`/` between its parts) says; `containers` are those that hold a proxy."""
    if (ours := _OURS.fullmatch(path)) and ours["container"] in containers:
        return LogPlace(LogSource(ours["namespace"], ours["pod"], ours["container"]))
    for layout in _LAYOUTS:
        if found := layout.fullmatch(path):
            container = PROXY_CONTAINER if found["container"] == "proxy" else found["container"]
            source = LogSource(found["namespace"], found["pod"], container)
            return LogPlace(source, "" if source.container in containers else "logs of other containers")
    if _NOT_OF_PODS.fullmatch(path):
        return LogPlace(None, "logs that don't belong to pods")
    return LogPlace(None, "" if _LOG_NAME.fullmatch(path.rpartition("/")[2]) else "files not named *.log")


def reporter_of(pod: str) -> Reporter | None:
    """The kind of proxy that a pod's name suggests; None if it suggests none.

    Anybody who may create pods chooses their names: good enough for a column, never for a proof.
    """
    if pod.startswith("ztunnel-") or pod == "ztunnel":
        return Reporter.ZTUNNEL
    if _WAYPOINT.search(pod):
        return Reporter.WAYPOINT
    return Reporter.EGRESS_GATEWAY if _GATEWAY.search(pod) else None
