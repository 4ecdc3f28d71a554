"""stub until the cluster facts come."""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh.places import Places
from egressaudit.mesh.resources import ISTIO
from egressaudit.mesh.services import World
from egressaudit.mesh.leading_out import Hosts, unbalanced_hosts
from egressaudit.mesh.registry import entries
from egressaudit.mesh.values import rows, text
from egressaudit.addresses import canonical_ip


@dataclass(frozen=True, slots=True)
class Ends:
    """What decides how much a cluster's name proves."""

    mixed: bool = False
    by_sender: bool = False
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class ClusterEnds:
    world: World
    places: Places
    unbalanced: Hosts

    @classmethod
    def of(cls, world: World, read: frozenset[str], places: Places) -> ClusterEnds:
        return cls(world, places, Hosts.of(unbalanced_hosts(world.objects)))

    def of_cluster(self, kind: str | None, host: str | None, port: int | None, subset: str | None) -> Ends:
        if host is None:
            return Ends()
        found = entries(self.world.objects, host)
        resolutions = {text(e.spec.get("resolution")) or "NONE" for e in found}
        ends = {
            (p.place, self.places.proxies.get(p.ip or ""))
            for e in found for each in rows(e.spec.get("endpoints"))
            if canonical_ip(a := text(each.get("address"))) for p in [self.places.place(f"[{a}]:{port or 1}" if ":" in a else f"{a}:{port or 1}")]
        }
        return Ends(len(ends) > 1, "NONE" in resolutions or self.unbalanced.cover(host), "DYNAMIC_DNS" in resolutions)
