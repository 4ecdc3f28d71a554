"""Whether a pod's outbound traffic provably escapes the mesh's capture."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from egressaudit.addresses import ip_of
from egressaudit.mesh.marks import INJECT, INTERCEPTION_MODE, REDIRECTION
from egressaudit.model import PROXY_CONTAINER, DataplaneMode, Pod

_PREFIX = "traffic.sidecar.istio.io/"


def uncaptured(pod: Pod, port: int, address: str | None = None) -> str:
    """Why this pod's traffic to a port and address (with or without its own port) is not captured; no final stop.

    '' where it is captured, or where its manifest does not tell.
    """
    if pod.mode is DataplaneMode.SIDECAR and not pod.host_network:
        return _around_sidecar(pod.annotations, port, address)
    return outside(pod)


def outside(pod: Pod) -> str:
    """Why the mesh provably captures nothing of what this pod sends; no final stop. '' where it does, or may."""
    if pod.host_network:
        return "the pod uses the host's network, which the mesh never captures"
    if pod.mode is not DataplaneMode.NONE or pod.role is not None or PROXY_CONTAINER in pod.containers:
        return ""
    if REDIRECTION in pod.annotations:
        # `pending`: Istio's CNI is still at it.
        return ""
    # The label beats the annotation (istio/istio pkg/kube/inject/inject.go).
    inject = pod.labels.get(INJECT) or pod.annotations.get(INJECT)
    why = f" ({INJECT} is {inject!r})" if inject == "false" else ""
    return f"the pod has no sidecar{why} and is not in ambient mode"


def _around_sidecar(annotations: Mapping[str, str], port: int, address: str | None) -> str:
    """The rules in the order of the sidecar's iptables (istio/istio tools/istio-iptables/pkg/capture/run.go)."""
    if annotations.get(INTERCEPTION_MODE) == "NONE":
        return f"the pod's {INTERCEPTION_MODE} is NONE: nothing is redirected to its sidecar"
    ports = _listed(annotations, "excludeOutboundPorts")
    if str(port) in ports:
        return f"the pod excludes port {port} from its sidecar ({_PREFIX}excludeOutboundPorts: {','.join(ports)})"
    excluded = _listed(annotations, "excludeOutboundIPRanges")
    if (network := _containing(excluded, address)) is not None:
        return f"the pod excludes {network} from its sidecar ({_PREFIX}excludeOutboundIPRanges)"
    included_ports = _listed(annotations, "includeOutboundPorts")
    if str(port) in included_ports or "*" in included_ports or f"{_PREFIX}includeOutboundIPRanges" not in annotations:
        return ""
    included = _listed(annotations, "includeOutboundIPRanges")
    if not included:
        return f"the pod redirects no addresses to its sidecar ({_PREFIX}includeOutboundIPRanges is empty)"
    if "*" in included or not _all_known(included, address) or _containing(included, address) is not None:
        return ""
    ranges = ",".join(included)
    return f"the pod redirects only {ranges} to its sidecar ({_PREFIX}includeOutboundIPRanges)"


def _listed(annotations: Mapping[str, str], key: str) -> tuple[str, ...]:
    value = annotations.get(_PREFIX + key, "")
    return tuple(each.strip() for each in value.split(",") if each.strip())


def _address(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(ip_of(address) or (address or "").strip("[]"))
    except ValueError:
        return None


def _containing(ranges: tuple[str, ...], address: str | None) -> str | None:
    """The first of these ranges that has the address; None where none has, or the address is not known."""
    known = _address(address)
    if known is None:
        return None
    for each in ranges:
        try:
            if known in ipaddress.ip_network(each, strict=False):
                return each
        except ValueError:
            continue
    return None


def _all_known(ranges: tuple[str, ...], address: str | None) -> bool:
    """Whether the address and every range can be read, so that `in none of them` is certain."""
    try:
        for each in ranges:
            ipaddress.ip_network(each, strict=False)
    except ValueError:
        return False
    return _address(address) is not None
