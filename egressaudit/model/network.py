"""Where the network itself lets a pod go outside the cluster.

Example: `NetworkReach(ReachState.CLOSED, ("NetworkPolicy shop/deny-egress",), enforcer="OVNKubernetes")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model.proxies import Reporter


class ReachState(StrEnum):
    """How much of the outside the policies that were read leave to a pod."""

    OPEN = "open"
    """No policy that was read keeps anything from it."""
    PARTLY = "partly"
    CLOSED = "closed"
    """They allow nothing outside the cluster."""


@dataclass(frozen=True, slots=True)
class NetworkReach:
    """What network policies and egress firewalls leave to a pod, whatever its proxy does."""

    state: ReachState
    by: tuple[str, ...] = ()
    """The objects that close it, as `NetworkPolicy shop/deny`; where it is open, those that are about the pod."""
    left: tuple[str, ...] = ()
    """What is left open, where that is a part, in words."""
    enforcer: str = ""
    """The network plugin that provably enforces policies; '' if nothing shows one."""

    @property
    def proven(self) -> bool:
        """Whether the configuration closes it: policies say so, and something is there that enforces them."""
        return self.state is ReachState.CLOSED and bool(self.enforcer)


@dataclass(frozen=True, slots=True)
class NetworkView:
    """What the network lets some pods do, whatever their proxies do; and the address that the outside sees of them."""

    who: tuple[str, ...]
    """Workloads as `namespace/Kind/name`, sorted; the network treats them alike."""
    role: Reporter | None
    """What their proxies are, if they are a proxy alone: a gateway or a waypoint."""
    reach: NetworkReach
    addresses: tuple[str, ...] = ()
    """Their EgressIPs, each with the name of its object: `192.0.2.10 (EgressIP fixed)`."""
