"""Kubernetes Gateway API: what routes say about one host, from the mesh to a gateway and from there on.

In: a host and port as a pod sees them. Out: `Ways`. Example: an HTTPRoute whose parent is the ServiceEntry and whose
backend is the gateway's Service is a `Steer`; one whose parent is the Gateway is a `Forward`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO, Resource
from egressaudit.mesh.marks import EAST_WEST_CLASS, WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.gateway_classes import NAME_OVERRIDE
from egressaudit.mesh.routes.listeners import LISTENER_MODE, TERMINATE_MODE
from egressaudit.mesh.services.services import service_ports
from egressaudit.mesh.shapes import CONDITIONS, KEEP, STATUS, TARGET, TRIES, Shape
from egressaudit.mesh.steering.gateways import leads_to_gateway
from egressaudit.mesh.steering.registry import entries, ports_of_family
from egressaudit.mesh.steering.ways import RULE_KINDS, Forward, Steer, Ways, missing_port
from egressaudit.mesh.untyped import covers, number, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Fault, Pod, Target

ROUTES = {"HTTPRoute": "http", "GRPCRoute": "http", "TLSRoute": "tls", "TCPRoute": "tcp"}
"""The kinds of route, with the family of traffic that each applies to."""

# Headers and queries are next to what decides, and their values may be tokens: only their names are kept.
_MIRROR = {"backendRef": {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "port": KEEP}}
_FILTERS = {
    "filters": {
        "type": KEEP,
        "requestMirror": {**_MIRROR, "percent": KEEP, "fraction": KEEP},
        "requestRedirect": {"hostname": KEEP, "scheme": KEEP, "port": KEEP, "statusCode": KEEP},
        "urlRewrite": {"hostname": KEEP},
    }
}
_BACKEND = {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "port": KEEP, "weight": KEEP, **_FILTERS}
_CONDITION = {"name": KEEP, "type": KEEP}
_ROUTE = Shape(
    {
        "spec": {
            "parentRefs": TARGET,
            "hostnames": KEEP,
            "rules": {
                "name": KEEP,
                "matches": {"path": KEEP, "method": KEEP, "headers": _CONDITION, "queryParams": _CONDITION},
                "backendRefs": _BACKEND,
                **_FILTERS,
                "retry": TRIES,
            },
        },
        "status": {"parents": {"parentRef": TARGET, "controllerName": KEEP, "conditions": CONDITIONS}},
    },
    created=True,
)
_LISTENER = {
    "name": KEEP,
    "hostname": KEEP,
    "port": KEEP,
    "protocol": KEEP,
    "tls": {"mode": KEEP, "options": {TERMINATE_MODE: KEEP, LISTENER_MODE: KEEP}},
    "allowedRoutes": KEEP,
}


def _with_name(kept: dict[str, Any], obj: Mapping[str, Any]) -> None:
    """Keep what the Service and the Deployment of a Gateway are called where they have a name of their own."""
    if name := texts(table(obj.get("metadata")).get("annotations")).get(NAME_OVERRIDE):
        kept["metadata"].setdefault("annotations", {})[NAME_OVERRIDE] = name


_GATEWAY = Shape(
    {
        "spec": {"gatewayClassName": KEEP, "addresses": KEEP, "listeners": _LISTENER},
        "status": {**STATUS, "listeners": {"name": KEEP, "conditions": CONDITIONS}},
    },
    created=True,
    further=(_with_name,),
)
_POLICY = {"targetRefs": TARGET, "validation": {"hostname": KEEP}}
# Its kinds graduated one after the other.
_SINCE_ALPHA2 = ("v1", "v1beta1", "v1alpha2")
RESOURCES: tuple[Resource, ...] = (
    Resource(GATEWAY_API, ("v1", "v1beta1"), "gateways", "Gateway", keep=_GATEWAY),
    Resource(GATEWAY_API, ("v1", "v1beta1"), "httproutes", "HTTPRoute", keep=_ROUTE),
    Resource(GATEWAY_API, _SINCE_ALPHA2, "grpcroutes", "GRPCRoute", keep=_ROUTE),
    Resource(GATEWAY_API, ("v1", "v1alpha3", "v1alpha2"), "tlsroutes", "TLSRoute", keep=_ROUTE),
    Resource(GATEWAY_API, _SINCE_ALPHA2, "tcproutes", "TCPRoute", keep=_ROUTE),
    Resource(
        GATEWAY_API,
        ("v1", "v1beta1"),
        "gatewayclasses",
        "GatewayClass",
        namespaced=False,
        keep=Shape({"spec": {"controllerName": KEEP}}),
        newer=True,
    ),
    Resource(
        GATEWAY_API,
        ("v1", "v1beta1"),
        "referencegrants",
        "ReferenceGrant",
        keep=Shape({"spec": {"from": TARGET, "to": TARGET}}),
        newer=True,
    ),
    Resource(
        GATEWAY_API,
        ("v1", "v1alpha3"),
        "backendtlspolicies",
        "BackendTLSPolicy",
        keep=Shape({"spec": _POLICY, "status": {"ancestors": {"conditions": CONDITIONS}}}, created=True),
        newer=True,
    ),
)

_TUNNELS = (WAYPOINT_CLASS, EAST_WEST_CLASS)


def ways(world: World, source: Pod, target: Target) -> Ways:
    """The routes for this host whose parent is its ServiceEntry, or a Gateway that forwards to it."""
    found, routes = Ways(), world.once(_routes)
    for route in routes:
        found += _forwards(world, target, route)
    for route in routes:
        found += _steers(world, source, target, route, forwarded=bool(found.forwards))
    return found


def _routes(world: World) -> tuple[Obj, ...]:
    return world.objects.all(GATEWAY_API, *ROUTES)


def entries_with_route(objects: Objects) -> frozenset[str]:
    """The ServiceEntries that a route names as its parent, as `ServiceEntry namespace/name`."""
    routes = (route for kind in ROUTES for route in objects.all(GATEWAY_API, kind))
    parents = (each for route in routes for each in _parents(route, ISTIO, "ServiceEntry"))
    return frozenset(f"ServiceEntry {namespace}/{name}" for namespace, name, _ in parents)


def _parents(route: Obj, group: str, kind: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The parents of one kind, with namespace and name; a parent without a kind is a Gateway."""
    for parent in rows(route.spec.get("parentRefs")):
        of = (text(parent.get("group") or GATEWAY_API), text(parent.get("kind") or "Gateway"))
        if of == (group, kind):
            yield text(parent.get("namespace")) or route.namespace, text(parent.get("name")), parent


def _backends(route: Obj) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], int]]:
    """Each backend with its rule and weight (1 where not said)."""
    for rule in rows(route.spec.get("rules")):
        for backend in rows(rule.get("backendRefs")):
            weight = number(backend.get("weight"))
            yield rule, backend, 1 if weight is None else weight


# ---------------------------------------------------------------- from the mesh to a gateway


def _steers(world: World, source: Pod, target: Target, route: Obj, *, forwarded: bool) -> Ways:
    found = Ways()
    for namespace, name, parent in _parents(route, ISTIO, "ServiceEntry"):
        entry = world.objects.one(ISTIO, "ServiceEntry", namespace, name)
        faults = [*route.faults()]
        if entry is None:
            # We can't know which host it meant. Report it only if some gateway forwards this host.
            if not forwarded:
                continue
            faults.append(fault.parent_missing(route, f"ServiceEntry {namespace}/{name}"))
        elif entry not in entries(world.objects, target.host):
            continue
        if namespace != route.namespace != source.namespace:
            # A route outside its parent's namespace holds for clients of its own namespace only (GEP-1294).
            faults.append(fault.route_of_other_namespace(route, route.namespace))
        family = ROUTES[route.kind]
        if family not in RULE_KINDS[target.scheme]:
            faults.append(fault.route_blind(route, target.scheme))
        found += _to_services(world, target, route, _parent_ports(world, target, entry, parent, family), tuple(faults))
    return found


def _parent_ports(
    world: World, target: Target, entry: Obj | None, parent: Mapping[str, Any], family: str
) -> frozenset[int]:
    """The ports of the host that a route takes: its parentRef's, else all of its family in the ServiceEntry."""
    if (port := number(parent.get("port"))) is not None:
        return frozenset({port})
    if entry is None:
        return frozenset({target.port})
    section = text(parent.get("sectionName"))
    named = [each for each in rows(entry.spec.get("ports")) if section and each.get("name") == section]
    if section:
        return frozenset(n for each in named if (n := number(each.get("number"))) is not None)
    return ports_of_family(world.objects, target.host, family)


def _to_services(world: World, target: Target, route: Obj, ports: frozenset[int], faults: tuple[Fault, ...]) -> Ways:
    steers, strays, around = [], [], []
    for rule, backend, weight in _backends(route):
        kind = (text(backend.get("group")), text(backend.get("kind") or "Service"))
        namespace, name = text(backend.get("namespace")) or route.namespace, text(backend.get("name"))
        service = world.objects.one(CORE, "Service", namespace, name) if kind == (CORE, "Service") else None
        if service is None or not leads_to_gateway(world, service):
            if service is None and kind == (CORE, "Service"):
                strays.append(fault.backend_missing(route, target.host, f"{namespace}/{name}"))
            if weight:
                around.append(fault.part_around_gateway(route, target.host, name))
            continue
        port = number(backend.get("port"))
        conditional = None if _takes_all(rule) else fault.route_conditional(route, target.host)
        missing = missing_port(service, port, service_ports(service))
        steers.append((service, port, tuple(each for each in (conditional, missing) if each)))
    made = tuple(Steer(route, each, ports, port, faults=(*faults, *own, *around)) for each, port, own in steers)
    return Ways(steers=made, strays=tuple(strays))


def _takes_all(rule: Mapping[str, Any]) -> bool:
    """Whether a rule matches every request: no matches, or one for the path prefix `/` alone."""
    matches = rows(rule.get("matches"))
    if not matches:
        return True
    for each in matches:
        path = table(each.get("path"))
        everything = text(path.get("value") or "/") == "/" and text(path.get("type") or "PathPrefix") == "PathPrefix"
        if everything and set(each) <= {"path"}:
            return True
    return False


# ---------------------------------------------------------------- from a gateway to the host


def _forwards(world: World, target: Target, route: Obj) -> Ways:
    hostnames = words(route.spec.get("hostnames"))
    if hostnames and not any(covers(each, target.host) for each in hostnames):
        return Ways()
    if not any(_is_host(backend, target) for _, backend, _ in _backends(route)):
        return Ways()
    forwards, strays = [], []
    for namespace, name, parent in _parents(route, GATEWAY_API, "Gateway"):
        gateway = world.objects.one(GATEWAY_API, "Gateway", namespace, name)
        if gateway is None:
            strays.append(fault.parent_missing(route, f"Gateway {namespace}/{name}"))
        elif text(gateway.spec.get("gatewayClassName")) not in _TUNNELS:
            forwards.append(_one_forward(target, route, gateway, parent))
    return Ways(forwards=tuple(forwards), strays=tuple(strays))


def _is_host(backend: Mapping[str, Any], target: Target) -> bool:
    return (text(backend.get("group")), text(backend.get("kind"))) == (ISTIO, "Hostname") and covers(
        text(backend.get("name")), target.host
    )


def _one_forward(target: Target, route: Obj, gateway: Obj, parent: Mapping[str, Any]) -> Forward:
    section, port = text(parent.get("sectionName")), number(parent.get("port"))
    fitting = [
        each
        for each in rows(gateway.spec.get("listeners"))
        if section in ("", text(each.get("name")))
        and port in (None, number(each.get("port")))
        and covers(text(each.get("hostname")) or "*", target.host)
    ]
    faults = [*gateway.faults(), *route.faults()]
    if not fitting:
        faults.append(fault.listener_missing(gateway, target.host))
    allowed = [each for each in fitting if _allows(each, route, gateway)]
    if fitting and not allowed:
        faults.append(fault.routes_not_allowed(gateway, route.namespace))
    ports = frozenset(n for each in allowed if (n := number(each.get("port"))) is not None)
    return Forward(route, gateway, ports, tuple(faults))


def _allows(listener: Mapping[str, Any], route: Obj, gateway: Obj) -> bool:
    """Whether a listener accepts routes of this namespace. A namespace selector is assumed to match."""
    namespaces = table(table(listener.get("allowedRoutes")).get("namespaces"))
    return text(namespaces.get("from") or "Same") != "Same" or route.namespace == gateway.namespace
