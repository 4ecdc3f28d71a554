"""Which logs an audit of a window needs.

In: a mesh, namespaces and a selector. Out: all gateways' and ztunnels' logs, then the chosen sidecars'.
"""

from __future__ import annotations

from collections.abc import Container

from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, Pod, Reporter
from egressaudit.selectors import Selector

_ORDER = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL, Reporter.SIDECAR)
"""Logs without which nothing is proven come first, so that an interrupted collection has them."""


def select_sources(
    mesh: Mesh, namespaces: Container[str] | None, selector: Selector | None = None
) -> tuple[LogSource, ...]:
    """The logs of the sidecars in these namespaces (None: in all) whose pods the selector matches, and of all others.

    All gateways, waypoints and ztunnels are always among them: without their lines nothing is proven, whoever sent.
    Gateways come first, sidecars last, each kind sorted.
    """
    found: dict[Reporter, list[LogSource]] = {each: [] for each in _ORDER}
    for pod in mesh.pods:
        log = mesh.proxy_log(pod)
        reporter = None if log is None else mesh.reporter(log)
        if log is None or reporter is None:
            continue
        if reporter is not Reporter.SIDECAR or is_chosen(pod, namespaces, selector):
            found[reporter].append(log)
    return tuple(log for reporter in _ORDER for log in sorted(found[reporter]))


def is_chosen(pod: Pod, namespaces: Container[str] | None, selector: Selector | None) -> bool:
    """Whether a pod is in one of the namespaces and the selector matches it; None chooses all."""
    here = namespaces is None or pod.namespace in namespaces
    return here and (selector is None or selector.matches(pod.labels))
