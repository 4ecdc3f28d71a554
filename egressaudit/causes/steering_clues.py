"""What shows that the rules of a host are for another port of it, or for another kind of traffic on any port.

In: `Symptoms`. Out: `Because`. Example: an HTTPRoute that names no port takes the HTTP ports of its ServiceEntry alone,
so TLS on 443 goes past it: that is `http_route_alone`, and no other port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.causes.cause_rule import Because, because_of
from egressaudit.causes.line_clues import flags
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import CORE, GATEWAY_API
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.mesh.steering.istio_rules import MESH, gateways_of, rules_of, virtual_services
from egressaudit.mesh.steering.ways import RULE_KINDS
from egressaudit.mesh.untyped import covers, number, rows, text, words
from egressaudit.model import Scheme


def _routes(seen: Symptoms) -> Iterator[tuple[Obj, Mapping[str, Any], Obj]]:
    """The routes whose parent is a ServiceEntry of the host, with the parentRef and that entry."""
    named = {(each.namespace, each.name): each for each in seen.entries}
    for kind in ROUTES:
        for route in seen.mesh.world.objects.all(GATEWAY_API, kind):
            for parent in rows(route.spec.get("parentRefs")):
                where = (text(parent.get("namespace")) or route.namespace, text(parent.get("name")))
                if text(parent.get("kind")) == "ServiceEntry" and where in named:
                    yield route, parent, named[where]


def other_parent_port(seen: Symptoms) -> Because | None:
    """That a route names a port or section of the ServiceEntry that is not this one's."""
    if not seen.faults_of("port-not-claimed"):
        return None
    seeing = {kind for kind, family in ROUTES.items() if family in RULE_KINDS[seen.target.scheme]}
    for route, parent, entry in _routes(seen):
        if route.kind not in seeing:
            continue
        port, section = number(parent.get("port")), text(parent.get("sectionName"))
        if port not in (None, seen.target.port) or (section and section not in _sections(seen)):
            named = f"port {port}" if port is not None else f"section {section}"
            said = f"{route} has as its parent {named} of {entry}, not port {seen.target.port}"
            return Because((said,), (str(route),), "spec.parentRefs")
    return None


def _sections(seen: Symptoms) -> set[str]:
    """The names that the port has in the host's ServiceEntries."""
    ports = (each for entry in seen.entries for each in rows(entry.spec.get("ports")))
    return {text(each.get("name")) for each in ports if number(each.get("number")) == seen.target.port}


def http_route_alone(seen: Symptoms) -> Because | None:
    """That the host has routes for HTTP alone, and the flow is TLS or bytes."""
    if seen.target.scheme is Scheme.HTTP or not seen.faults_of("port-not-claimed"):
        return None
    known = [route for route, _, _ in _routes(seen)]
    if not known or any(ROUTES[each.kind] != "http" for each in known):
        return None
    said = f"{known[0]} takes HTTP alone, and there is no route for {seen.target.scheme.upper()}"
    return Because((said,), (str(known[0]),), "kind")


def http_rule_alone(seen: Symptoms) -> Because | None:
    """That the mesh has rules of another kind alone for the host, which name no port."""
    if not seen.faults_of("port-not-claimed"):
        return None
    wanted = {Scheme.HTTP: "http", Scheme.HTTPS: "tls", Scheme.TCP: "tcp"}[seen.target.scheme]
    known = virtual_services(seen.mesh.world.objects, seen.target.host)
    of_mesh = [each for each in known if MESH in gateways_of(each)]
    rules = [(each, rule) for each in of_mesh for rule in rules_of(each) if rule.matches(MESH)]
    open_ones = [(each, rule) for each, rule in rules if not any(match.get("port") for match in rule.matches(MESH))]
    if not open_ones or any(rule.kind == wanted for _, rule in rules):
        return None
    service, rule = open_ones[0]
    said = f"{service} has an {rule.kind} rule for {seen.target.host}, which does not see {seen.target.scheme.upper()}"
    return Because((said,), (str(service),), f"spec.{wanted}")


def refused_backend(seen: Symptoms) -> Because | None:
    """That a route's backend is refused: by its status, by its own fields, or by an answer that Istio gives for it."""
    refused = [each for each in seen.faults_of("condition-false", kind="Route") if "is not ResolvedRefs" in str(each)]
    missing = [each for kind in ROUTES for each in seen.faults_of("destination-missing", kind=kind)]
    field = "spec.rules[].backendRefs"
    if found := because_of((*refused, *missing), field):
        return found
    for route, backend in _backends(seen):
        if text(backend.get("kind")) == "Hostname" and backend.get("namespace"):
            said = f"{route} gives its backend {text(backend.get('name'))} of kind Hostname a namespace"
            return Because((said,), (str(route),), field)
        # A route with such a backend answers 500 (istio/istio pilot/pkg/config/kube/gateway/conversion.go).
        if _answers_500(seen) and _is_no_service(seen, route, backend):
            name = f"{text(backend.get('namespace')) or route.namespace}/{text(backend.get('name'))}"
            return Because((f"{route} has as its backend Service {name}, which does not exist",), (str(route),), field)
    return None


def _backends(seen: Symptoms) -> Iterator[tuple[Obj, Mapping[str, Any]]]:
    """The backends of the routes that are about the host: from its ServiceEntry, or with its name."""
    about = {str(route) for route, _, _ in _routes(seen)}
    for kind in ROUTES:
        for route in seen.mesh.world.objects.all(GATEWAY_API, kind):
            named = any(covers(each, seen.target.host) for each in words(route.spec.get("hostnames")))
            if named or str(route) in about:
                for rule in rows(route.spec.get("rules")):
                    yield from ((route, backend) for backend in rows(rule.get("backendRefs")))


def _answers_500(seen: Symptoms) -> bool:
    """Whether the last line is that of such a backend: 500 to a request, and a connection has no status."""
    line = seen.hops[-1] if seen.hops else None
    return line is not None and line.get("response_code") in (500, 0, None) and "NC" in flags(line)


def _is_no_service(seen: Symptoms, route: Obj, backend: Mapping[str, Any]) -> bool:
    if text(backend.get("kind") or "Service") != "Service":
        return False
    namespace = text(backend.get("namespace")) or route.namespace
    return seen.mesh.world.objects.one(CORE, "Service", namespace, text(backend.get("name"))) is None


def two_apis(seen: Symptoms) -> Because | None:
    """That a VirtualService and a route of the Gateway API have the host, and it went the way of the one not meant.

    istiod makes VirtualServices of routes, and follows one that is written as such before them
    (istio/istio pilot/pkg/model/push_context.go initVirtualServices).
    """
    known = virtual_services(seen.mesh.world.objects, seen.target.host)
    written = [str(each) for each in known if MESH in gateways_of(each)]
    routes = [str(route) for route, _, _ in _routes(seen)]
    if not written or not routes or seen.via in (*seen.through, *seen.sent_to):
        return None
    if not set(routes) & set(seen.claim.because):
        return None
    said = f"{written[0]} and {routes[0]} both lead {seen.target.host} from the mesh, and Istio follows {written[0]}"
    return Because((said,), (written[0], routes[0]), "spec.hosts")
