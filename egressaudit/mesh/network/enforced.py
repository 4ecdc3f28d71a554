"""What the network itself enforces in one snapshot, for whoever asks about a pod.

In: a snapshot's world, the kinds that were read, and the cluster's own ranges. Out: where a pod may go, or what denies
it one destination. Example: `denied(cart, Outside(203.0.113.7, 443))` is `("NetworkPolicy shop/deny",)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from egressaudit.mesh.network import POLICY_KINDS
from egressaudit.mesh.network.egress_rules import Outside
from egressaudit.mesh.network.enforcers import Enforcer, agents, enforcer_of
from egressaudit.mesh.network.reach import denied_by, reach_of
from egressaudit.mesh.ranges import ClusterRanges
from egressaudit.mesh.world import World
from egressaudit.model import BlindSpot, NetworkReach, ObjectRef, Pod


@dataclass(frozen=True)
class EnforcedNetwork:
    """The policies of the network; nothing is said where one of their kinds was not read."""

    world: World
    read: frozenset[str]
    ranges: ClusterRanges

    def reach(self, pod: Pod) -> NetworkReach | None:
        """Where the network lets a pod go outside the cluster; None where its policies were not all read."""
        if not self._all_read:
            return None
        inside = (*self.ranges.pods, *self.ranges.services)
        return reach_of(self.world.objects, pod, inside, self._enforcer(pod))

    def denied(self, pod: Pod, to: Outside) -> tuple[str, ...]:
        """The objects that provably deny a pod one destination, as `NetworkPolicy shop/deny`; else none."""
        return denied_by(self.world.objects, pod, to) if self._all_read else ()

    def enforcer(self, pod: Pod, by: Iterable[str]) -> str:
        """The network plugin that provably enforces all of these objects for a pod; '' if nothing shows one."""
        return self._enforcer(pod).of(by)

    def beside(self, spots: Iterable[BlindSpot]) -> tuple[BlindSpot, ...]:
        """The blind spots, those of pods with what the network lets them do."""
        return tuple(replace(each, network=self._of(each.subject)) for each in spots)

    @property
    def _all_read(self) -> bool:
        """Policies of administrators choose namespaces by their labels, so those must be known too."""
        return self.read >= {*POLICY_KINDS, "Namespace"}

    @cached_property
    def _agents(self) -> Mapping[str, frozenset[str]]:
        return agents(self.world.pods)

    def _enforcer(self, pod: Pod) -> Enforcer:
        return enforcer_of(self.world.objects, self.read, pod, self._agents)

    def _of(self, subject: str) -> NetworkReach | None:
        namespace, _, name = subject.partition("/")
        pod = self.world.pods_by_name.get(ObjectRef(namespace, name))
        return None if pod is None else self.reach(pod)
