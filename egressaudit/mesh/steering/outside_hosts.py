"""The hosts outside the mesh that its configuration names, with the ports by which a client calls them.

In: the objects of a snapshot. Out: `Target`s. Example: a ServiceEntry for docs.example.com with the port 443 and the
protocol TLS is `Target("docs.example.com", 443, Scheme.HTTPS)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.services import service_named
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.mesh.steering.istio_rules import rules_of
from egressaudit.mesh.steering.registry import entries, ports
from egressaudit.mesh.untyped import covers, number, rows, text, words
from egressaudit.model import Scheme, Target

SCHEMES = {"http": Scheme.HTTP, "tls": Scheme.HTTPS, "tcp": Scheme.TCP}
"""By the family of a port, or the kind of a rule."""
_USUAL = {"http": 80, "tls": 443}


def registered_targets(objects: Objects, host: str | None = None) -> tuple[Target, ...]:
    """The hosts and ports of ServiceEntries, sorted; of those that have a host, if one is given, under its name.

    MESH_EXTERNAL is what a ServiceEntry is where it does not say (istio.io, ServiceEntry.Location).
    """
    listed = objects.all(ISTIO, "ServiceEntry") if host is None else entries(objects, host)
    found = {
        Target(host or each, n, SCHEMES[kind])
        for entry in listed
        if text(entry.spec.get("location")) != "MESH_INTERNAL"
        for each in words(entry.spec.get("hosts"))
        for n, kind in ports(entry)
    }
    return _sorted(found)


def routed_targets(objects: Objects) -> tuple[Target, ...]:
    """The hosts that rules lead out and no ServiceEntry has, sorted: what was meant to be registered."""
    found = {*_of_services(objects), *_of_routes(objects)}
    return _sorted({each for each in found if not entries(objects, each.host)})


def _of_services(objects: Objects) -> Iterator[Target]:
    for service in objects.all(ISTIO, "VirtualService"):
        hosts = [each for each in words(service.spec.get("hosts")) if _may_be_outside(objects, each, service)]
        for rule in rules_of(service) if hosts else ():
            usual = _USUAL.get(rule.kind)
            said = {number(each.get("port")) for each in rows(rule.body.get("match"))} - {None}
            for host in hosts:
                if any(covers(host, each.host) for each in rule.destinations):
                    for n in (*said, *((usual,) if not said else ())):
                        if n is not None:
                            yield Target(host, n, SCHEMES[rule.kind])


def _of_routes(objects: Objects) -> Iterator[Target]:
    for kind, family in ROUTES.items():
        for route in objects.all(GATEWAY_API, kind):
            for rule in rows(route.spec.get("rules")):
                for backend in rows(rule.get("backendRefs")):
                    port, host = number(backend.get("port")), text(backend.get("name"))
                    if backend.get("kind") == "Hostname" and host and port is not None:
                        yield Target(host, port, SCHEMES[family])


def _may_be_outside(objects: Objects, host: str, service: Obj) -> bool:
    inside = ".svc" in host or service_named(objects, host, service.namespace) is not None
    return "." in host and not inside


def _sorted(found: set[Target]) -> tuple[Target, ...]:
    return tuple(sorted(found, key=lambda each: (each.host, each.port, each.scheme)))
