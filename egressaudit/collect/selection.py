"""Which logs a window's audit needs."""

from __future__ import annotations

from collections.abc import Container, Mapping

from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, Pod, Reporter

_ORDER = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL, Reporter.SIDECAR)
"""Those without which nothing is proven come first: an interrupted collection has them."""


def select_sources(
    mesh: Mesh, namespaces: Container[str] | None, selector: Mapping[str, str] | None = None
) -> tuple[LogSource, ...]:
    """The logs of the sidecars in these namespaces (None: in all) whose pods have these labels, and of all others.

    All gateways, waypoints and ztunnels are always among them: without their lines nothing is proven, whoever sent.
    Gateways come first, sidecars last, each kind sorted.
    """
    found: dict[Reporter, list[LogSource]] = {each: [] for each in _ORDER}
    for pod in mesh.pods:
        log = mesh.proxy_log(pod)
        reporter = None if log is None else mesh.reporter(log)
        if log is None or reporter is None:
            continue
        if reporter is not Reporter.SIDECAR or _chosen(pod, namespaces, selector or {}):
            found[reporter].append(log)
    return tuple(log for reporter in _ORDER for log in sorted(found[reporter]))


def _chosen(pod: Pod, namespaces: Container[str] | None, selector: Mapping[str, str]) -> bool:
    here = namespaces is None or pod.namespace in namespaces
    return here and all(pod.labels.get(key) == value for key, value in selector.items())
