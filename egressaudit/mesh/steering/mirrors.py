"""Mirrored requests: a proxy sends a copy in addition to the request, and logs only the request.

In: VirtualServices and HTTPRoutes. Out: `Mirror`s, e.g. `VirtualService shop/docs to shadow.example.com`.

Envoy writes no access log for a mirrored request (RouteAction.request_mirror_policies is "fire and forget"), so where a
rule mirrors, the lines of a flow do not show all that left. istiod: pilot/pkg/networking/core/route/route.go
(MirrorPercent), for the Gateway API pilot/pkg/config/kube/gateway/conversion.go (createMirrorFilter).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.backends import backing
from egressaudit.mesh.services.cluster_endpoints import full_host, plain_host
from egressaudit.mesh.steering.retries import backend_host
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.mesh.world import World


@dataclass(frozen=True, slots=True, order=True)
class Mirror:
    """A rule that sends copies of requests."""

    rule: str
    """The object, as `Kind namespace/name`."""
    hosts: frozenset[str]
    """Whose requests it copies, as the object has them: whole, `*.suffix`, or `*` for all."""
    to: str
    """The host that gets the copies; of a backend without a host its `Kind namespace/name`."""
    to_host_outside: bool
    """Whether copies may leave the cluster: no only where the host is a Service that provably leads to pods alone."""


def mirrors(world: World, read: frozenset[str] = frozenset()) -> tuple[Mirror, ...]:
    """Every rule of a snapshot that copies requests, sorted; `read` are the kinds that it has all objects of.

    Without the kinds that `backing` needs no host is proven to be inside. Of which proxies a rule is, is not looked at.
    """
    objects = world.objects
    found = {*_of_services(objects), *_of_routes(objects)}
    inside = backing(world, read).pods_only if found else frozenset()
    made = [Mirror(rule, hosts, to, to not in inside) for rule, hosts, to in found]
    return tuple(sorted(made, key=lambda each: (each.rule, each.to, sorted(each.hosts))))


_Found = tuple[str, frozenset[str], str]


def _of_services(objects: Objects) -> Iterator[_Found]:
    services = objects.all(ISTIO, "VirtualService")
    roots = _roots(services)
    for each in services:
        hosts = frozenset(full_host(host, each.namespace) for host in words(each.spec.get("hosts")))
        # A delegate has no hosts of its own, but those of every rule that delegates to it.
        hosts |= roots.get((each.namespace, each.name), frozenset())
        for rule in rows(each.spec.get("http")):
            for to in _of_rule(rule):
                yield str(each), hosts, full_host(to, each.namespace)


def _roots(services: Iterable[Obj]) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for each in services:
        hosts = frozenset(full_host(host, each.namespace) for host in words(each.spec.get("hosts")))
        for rule in rows(each.spec.get("http")):
            delegate = table(rule.get("delegate"))
            key = (text(delegate.get("namespace")) or each.namespace, text(delegate.get("name")))
            found[key] = found.get(key, frozenset()) | hosts
    return found


def _of_rule(rule: Mapping[str, object]) -> Iterator[str]:
    percent = next(
        (
            said
            for key in ("mirrorPercentage", "mirrorPercent", "mirror_percent")
            if (said := rule.get(key)) is not None
        ),
        None,
    )
    if rule.get("mirror") is not None and not _is_none(percent):
        yield text(table(rule.get("mirror")).get("host"))
    for each in rows(rule.get("mirrors")):
        if each.get("destination") is not None and not _is_none(each.get("percentage")):
            yield text(table(each.get("destination")).get("host"))


def _is_none(percent: object) -> bool:
    """Whether a share is said to be nothing; one that is not said is all."""
    value = percent.get("value", 0) if isinstance(percent, Mapping) else percent
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= 0


def _of_routes(objects: Objects) -> Iterator[_Found]:
    for each in objects.all(GATEWAY_API, "HTTPRoute", "GRPCRoute"):
        for rule in rows(each.spec.get("rules")):
            parts = [rule, *rows(rule.get("backendRefs"))]
            for each_filter in [found for part in parts for found in rows(part.get("filters"))]:
                mirror = each_filter.get("requestMirror")
                if mirror is None or _is_none(_share(table(mirror))):
                    continue
                backend = table(table(mirror).get("backendRef"))
                yield str(each), _hosts(each, objects), backend_host(backend, each.namespace) or _named(backend, each)


def _share(mirror: Mapping[str, object]) -> object:
    fraction = mirror.get("fraction")
    return table(fraction).get("numerator") if fraction is not None else mirror.get("percent")


def _named(backend: Mapping[str, object], route: Obj) -> str:
    namespace = text(backend.get("namespace")) or route.namespace
    return f"{text(backend.get('kind'))} {namespace}/{text(backend.get('name'))}"


def _hosts(route: Obj, objects: Objects) -> frozenset[str]:
    """The hosts that a route is for: its own; of a Service or ServiceEntry that is its parent; else all."""
    found: set[str] = set()
    for parent in rows(route.spec.get("parentRefs")):
        namespace, name = text(parent.get("namespace")) or route.namespace, text(parent.get("name"))
        kind = text(parent.get("kind")) or "Gateway"
        entry = objects.one(ISTIO, "ServiceEntry", namespace, name) if kind == "ServiceEntry" else None
        if kind == "Service":
            found.add(plain_host(f"{name}.{namespace}.svc.cluster.local"))
        elif entry is not None:
            found.update(map(plain_host, words(entry.spec.get("hosts"))))
        else:
            found.update(map(plain_host, words(route.spec.get("hostnames")) or ("*",)))
    return frozenset(found or {"*"})
