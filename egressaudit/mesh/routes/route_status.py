"""Where the status of a route and the objects of a snapshot say different things about it.

In: a world. Out: routes, each with faults. Example: the status of HTTPRoute shop/docs says `Accepted: True`, but the
listener that it names takes routes of its own namespace alone. Then the route is not in force, whatever its status
says: the status is older than the listener, or of another controller.

What is in force is told from the objects, as istiod tells it. Its status is what the controller last wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.gateway_api_routes import gateway_api, known_hosts
from egressaudit.mesh.routes.gateway_classes import GATEWAY_CONTROLLER, OPENSHIFT_CONTROLLER
from egressaudit.mesh.routes.reference_grants import ReferenceGrants
from egressaudit.mesh.routes.route_backends import Backends, BadRoute
from egressaudit.mesh.routes.route_parents import ListenersOf, by_gateway, taken_by
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.mesh.world import World
from egressaudit.model import Fault

_KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
_DENIED = ("NotAllowedByListeners", "NoMatchingListenerHostname", "NoMatchingParent")
"""Why a parent does not take a route; other reasons are about the route itself."""


def status_faults(world: World) -> tuple[tuple[Obj, tuple[Fault, ...]], ...]:
    """The routes whose status says otherwise, and what it says; ask for it by `world.once`."""
    listed = by_gateway(world.once(gateway_api).listeners)
    found = ((each, tuple(_of_route(world, listed, each))) for each in world.objects.all(GATEWAY_API, *_KINDS))
    return tuple((route, faults) for route, faults in found if faults)


def _of_route(world: World, listed: ListenersOf, route: Obj) -> Iterator[Fault]:
    for said in rows(route.status.get("parents")):
        if said.get("controllerName") not in (None, GATEWAY_CONTROLLER, OPENSHIFT_CONTROLLER):
            continue
        ref = table(said.get("parentRef"))
        taken = list(taken_by(world.objects, listed, route, ref))
        denied = _condition(said, "Accepted")
        if denied is not None and _told(denied, taken=bool(taken)):
            yield fault.status_differs(route, "Accepted", text(denied.get("status")), text(ref.get("name")))
        resolved = _condition(said, "ResolvedRefs")
        if resolved is not None and taken and _resolves(world, route, mesh=taken[0].is_mesh) is _is_false(resolved):
            yield fault.status_differs(route, "ResolvedRefs", text(resolved.get("status")), text(ref.get("name")))


def _condition(said: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((each for each in rows(said.get("conditions")) if each.get("type") == kind), None)


def _is_false(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") == "False"


def _told(condition: Mapping[str, Any], *, taken: bool) -> bool:
    """Whether a status tells otherwise whether a parent takes the route."""
    if _is_false(condition):
        return taken and condition.get("reason") in _DENIED
    return not taken


def _resolves(world: World, route: Obj, *, mesh: bool) -> bool:
    backends = Backends(route, world.once(_grants), world.once(_hosts), mesh)
    listed = (each for rule in rows(route.spec.get("rules")) for each in rows(rule.get("backendRefs")))
    try:
        return all(backends.resolves(each) for each in listed)
    except BadRoute:
        return False


def _grants(world: World) -> ReferenceGrants:
    return ReferenceGrants.of(world.objects)


def _hosts(world: World) -> frozenset[tuple[str, str]]:
    return known_hosts(world.objects)
