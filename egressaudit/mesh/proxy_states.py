"""The gateways and waypoints of a mesh, and whether they are ready for traffic.

In: the world of a snapshot. Out: `ProxyState`s, e.g. the waypoint egress/waypoint, which is not `Programmed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egressaudit.mesh.apis import CORE, GATEWAY_API
from egressaudit.mesh.logging.versions import proxy_tags
from egressaudit.mesh.marks import EAST_WEST_CLASS, WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.steering.gateways import template_gateway, templates
from egressaudit.mesh.untyped import rows, text
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter
from egressaudit.model.analysis import ProxyState

_KINDS = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT)


def proxy_states(world: World) -> tuple[ProxyState, ...]:
    """Every gateway and waypoint, sorted: of a Gateway API Gateway, of a workload, or of a pod that has neither."""
    found: dict[tuple[Reporter, ObjectRef], ProxyState] = {}
    for gateway in world.objects.all(GATEWAY_API, "Gateway"):
        if (named := text(gateway.spec.get("gatewayClassName"))) != EAST_WEST_CLASS:
            kind = Reporter.WAYPOINT if named == WAYPOINT_CLASS else Reporter.EGRESS_GATEWAY
            found[kind, gateway.ref] = _of_gateway(world, kind, gateway, named)
    for kind in _KINDS:
        refs = {gateway_of(pod) for pod in world.proxies.get(kind, ())}
        refs |= {template_gateway(world, each) for each in templates(world, kind)}
        for ref in refs:
            found.setdefault((kind, ref), _state(world, kind, ref))
    return tuple(found[key] for key in sorted(found))


def _of_gateway(world: World, kind: Reporter, gateway: Obj, gateway_class: str) -> ProxyState:
    conditions = rows(gateway.status.get("conditions"))
    said = next((each for each in conditions if each.get("type") == "Programmed"), None)
    status = "Unknown" if said is None else text(said.get("status")) or "Unknown"
    reason = "" if said is None or status == "True" else " ".join(text(said.get("message")).split())
    state = _state(world, kind, gateway.ref)
    return ProxyState(kind, gateway.ref, gateway_class, status, reason, state.ready, state.versions)


def _state(world: World, kind: Reporter, ref: ObjectRef) -> ProxyState:
    pods = [pod for pod in world.proxies.get(kind, ()) if gateway_of(pod) == ref]
    ready = sum(pod.ready for pod in pods)
    return ProxyState(kind, ref, ready=ready, versions=tuple(sorted(set(_tags(world, pods)))))


def _tags(world: World, pods: Iterable[Pod]) -> Iterator[str]:
    for pod in pods:
        obj = world.objects.one(CORE, "Pod", pod.namespace, pod.name)
        yield from () if obj is None else proxy_tags(obj)
