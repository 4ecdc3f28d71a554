"""How much the name of a cluster proves: who chose the address, and whether a retry may have gone somewhere else.

In: the parts of a cluster's name. Out: `Ends`. Example: `outbound|443||*.s3.example` of a ServiceEntry with
`resolution: NONE` is `Ends(by_sender=True)`: the sender chose the address, and the host is only what it called it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egressaudit.mesh.places import Place, Places
from egressaudit.mesh.services.cluster_facts import Chooser, ClusterFacts, Clusters
from egressaudit.mesh.world import World


@dataclass(frozen=True, slots=True)
class Ends:
    """What decides how much a cluster's name proves."""

    mixed: bool = False
    """One request may be tried at endpoints that lead to different kinds of place, and its line names the last."""
    by_sender: bool = False
    """The sender chose the address."""
    by_name: bool = False
    """The proxy resolved the name that was asked for: a wildcard host stands for that name."""


@dataclass(frozen=True)
class ClusterEnds:
    """The ends of all clusters of a snapshot, each looked up once."""

    clusters: Clusters
    places: Places
    known: dict[tuple[str, str, int | None, str], Ends] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, world: World, read: frozenset[str], places: Places) -> ClusterEnds:
        """What a snapshot says, if kinds `read` (as `Resource.name`) were."""
        return cls(Clusters.of(world, read), places)

    def of_cluster(self, kind: object, host: object, port: object, subset: object) -> Ends:
        """The ends of the cluster whose name has these parts (`dialects.cluster_columns`); none for another's name."""
        if not isinstance(kind, str) or not isinstance(host, str):
            return Ends()
        key = (kind, host.lower(), port if isinstance(port, int) else None, subset if isinstance(subset, str) else "")
        if key not in self.known:
            self.known[key] = self._ends(key[1], self.clusters.facts(*key))
        return self.known[key]

    def _ends(self, host: str, facts: ClusterFacts) -> Ends:
        return Ends(
            mixed=facts.retries and self._mixed(host, facts),
            by_sender=facts.chooser is Chooser.SENDER,
            by_name=facts.chooser is Chooser.PROXY_DNS and host.startswith("*."),
        )

    def _mixed(self, host: str, facts: ClusterFacts) -> bool:
        found = {self._place(ip, port) for ip, port in facts.addresses}
        if self.places.service_of(host):
            # Slices and pods are not listed at one moment: an endpoint whose pod is gone takes no request.
            found.discard(Place.VACANT)
        if facts.names:
            found.add(Place.OUTSIDE)
        return len(found) > 1

    def _place(self, ip: str, port: int | None) -> Place:
        return self.places.place(f"[{ip}]:{port or 1}" if ":" in ip else f"{ip}:{port or 1}").place
