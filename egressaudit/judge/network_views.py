"""What the network itself lets sources, gateways and waypoints do: enforced, beside declared and observed.

In: a mesh and pods. Out: one `NetworkView` for all workloads that the network treats alike; none where the policies of
the network were not all read. Example: a NetworkPolicy closes namespace shop: `shop/Deployment/cart` may go nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from egressaudit.mesh import Mesh
from egressaudit.mesh.network.egress_ips import EgressAddress, egress_addresses
from egressaudit.model import NetworkReach, NetworkView, Pod, Reporter


def network_views(mesh: Mesh, pods: Iterable[Pod]) -> tuple[NetworkView, ...]:
    """What the network lets these pods do, sorted; nothing where no policy is about any of them."""
    alike: dict[tuple[Reporter | None, NetworkReach, tuple[str, ...]], set[str]] = {}
    for pod in pods:
        reach = mesh.network.reach(pod)
        if reach is None:
            return ()
        role = pod.role if pod.role is not None and pod.role.path is not None else None
        addresses = tuple(map(_words, egress_addresses(mesh.world.objects, pod)))
        alike.setdefault((role, reach, addresses), set()).add(f"{pod.namespace}/{pod.owner or f'Pod/{pod.name}'}")
    found = [NetworkView(tuple(sorted(who)), *key) for key, who in alike.items()]
    if not any(each.reach.by or each.addresses for each in found):
        return ()
    return tuple(sorted(found, key=lambda each: each.who))


def _words(given: EgressAddress) -> str:
    part = ", for some destinations" if given.in_part else ""
    waiting = f"no node has {', '.join(given.waiting)}" if given.waiting else ""
    return f"{', '.join((*given.addresses, *([waiting] if waiting else ())))} (EgressIP {given.name}{part})"
