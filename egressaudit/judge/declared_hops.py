"""Whether the hops of declared ways write access logs, and how: without one nothing proves which way traffic took.

In: a `Mesh`, the groups of sources and the declared ways. Out: `HopLogging` for each group, gateway and waypoint.
Example: a group of sidecars logs everything to the standard output as text, and the gateway behind it logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egressaudit.mesh import Mesh
from egressaudit.mesh.logging.outputs import hop_logging
from egressaudit.model import DataplaneMode, ObjectRef, Path, Reporter
from egressaudit.model.analysis import DeclaredWay, HopLogging, SourceGroup


def declared_hops(mesh: Mesh, groups: Iterable[SourceGroup], ways: Iterable[DeclaredWay]) -> Iterator[HopLogging]:
    """Every hop that a declared way has: its sources, then its gateways and waypoints."""
    for group in groups:
        if (reporter := _AT_SOURCE.get(group.mode)) is not None:
            pod = group.example
            yield hop_logging(mesh.world.objects, group.name, pod.ref, pod.labels, reporter)
    named: dict[tuple[Reporter, ObjectRef], None] = {}
    for way in ways:
        if way.via is not None and (reporter := Reporter.on(way.path or Path.UNKNOWN)) is not None:
            named[reporter, way.via] = None
        other = Reporter.WAYPOINT if way.path is Path.VIA_GATEWAY else Reporter.EGRESS_GATEWAY
        named.update(dict.fromkeys((other, each) for each in way.passing))
    for reporter, ref in sorted(named):
        labels = next((pod.labels for pod in mesh.proxies_of((ref,))), {})
        yield hop_logging(mesh.world.objects, str(ref), ref, labels, reporter)


_AT_SOURCE = {DataplaneMode.SIDECAR: Reporter.SIDECAR, DataplaneMode.AMBIENT: Reporter.ZTUNNEL}
