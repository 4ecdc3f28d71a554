"""What the network lets pods do, in words.

In: a `NetworkReach`. Out: e.g. "NetworkPolicy shop/deny lets it reach nothing outside the cluster, and
calico-node enforces that".
"""

from __future__ import annotations

from egressaudit.model import BlindSpot, NetworkReach, NetworkView, ReachState

_UNPROVEN = "if the network plugin enforces policies, which is not proven"


def network_words(reach: NetworkReach) -> str:
    """A clause about one pod, or about pods that the network treats alike; no full stop."""
    by = ", ".join(reach.by)
    lets = "lets" if len(reach.by) == 1 else "let"
    enforced = f"and {reach.enforcer} enforces that" if reach.enforcer else _UNPROVEN
    match reach.state:
        case ReachState.CLOSED:
            return f"{by} {lets} it reach nothing outside the cluster, {enforced}"
        case ReachState.PARTLY:
            left = "; ".join(reach.left) or "unknown"
            return f"{by} {lets} it reach only part of the outside ({left}), {enforced}"
        case _:
            about = f" ({by} {'allows' if len(reach.by) == 1 else 'allow'} all of it)" if by else ""
            return f"no network policy keeps it from leaving{about}"


def blind_spot_words(spot: BlindSpot) -> str:
    """Why traffic is not seen, and whether the network keeps it in; no full stop."""
    if spot.network is None:
        return spot.reason
    head = "closed by configuration: " if spot.network.proven else ""
    return f"{spot.reason}; {head}{network_words(spot.network)}"


def network_view_words(view: NetworkView, most: int) -> str:
    """What the network lets workloads do, naming at most so many of them; no full stop."""
    more = f" and {len(view.who) - most} more" if len(view.who) > most else ""
    who = f"{view.role.noun} " if view.role is not None else ""
    seen = f"; the outside sees {', '.join(view.addresses)}" if view.addresses else ""
    return f"{who}{', '.join(view.who[:most])}{more}: {network_words(view.reach)}{seen}"
