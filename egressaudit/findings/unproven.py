"""Pods that look like a proxy and that nothing proves to be one: why, and whether they matter.

In: the snapshot, the logs that were read. Out: an `UnprovenProxy` for each (EA316), or one sentence each for `verify`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from egressaudit.addresses import ip_of
from egressaudit.findings.facts import UnprovenProxy
from egressaudit.mesh import Mesh
from egressaudit.mesh.roles import Role
from egressaudit.model import Hop, LogSource

if TYPE_CHECKING:
    from egressaudit.join.window_hops import WindowHops

_ADDRESSES = ("upstream_host", "dst_addr")


def unproven_logs(mesh: Mesh) -> frozenset[LogSource]:
    """The logs of these pods."""
    return frozenset(log for pod, _ in mesh.unproven() if (log := mesh.proxy_log(pod)) is not None)


def unproven_proxies(mesh: Mesh, hops: WindowHops) -> tuple[UnprovenProxy, ...]:
    """These pods for the findings of a window: they matter where they wrote access lines, or something went to them."""
    lines: dict[LogSource, int] = {}
    for log in hops.logs:
        if log.source is not None:
            lines[log.source] = lines.get(log.source, 0) + log.count.access
    reached = hops.engine.reached()
    found = []
    for pod, role in mesh.unproven():
        source = mesh.proxy_log(pod)
        count = 0 if source is None else lines.get(source, 0)
        addresses = [each for each in pod.addresses if each in reached]
        matters = [f"its log has {count} access lines"] if count else []
        matters += [f"something went to its address {addresses[0]}"] if addresses else []
        found.append(UnprovenProxy(str(pod.ref), _why(role), "; ".join(matters)))
    return tuple(found)


def unproven_notes(mesh: Mesh, sources: Iterable[LogSource], hops: Iterable[Hop]) -> tuple[str, ...]:
    """What a report of verify says of those that its lines touch, one sentence each."""
    followed = frozenset(sources)
    reached = {ip_of(hop.text(column)) for hop in hops for column in _ADDRESSES}
    return tuple(
        f"pod {pod.ref}: {_why(role)}; its lines prove nothing"
        for pod, role in mesh.unproven()
        if mesh.proxy_log(pod) in followed or reached.intersection(pod.addresses)
    )


def _why(role: Role) -> str:
    return f"its marks claim a proxy of the mesh ({role.claimed}), and nothing proves it: {'; '.join(role.doubts)}"
