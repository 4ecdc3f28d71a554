"""Routes of the Gateway API as istiod reads them: `VirtualService`s, bound to the mesh or to listeners.

In: the objects of a snapshot. Out: `VirtualService`s with the names that istiod gives them, and the DestinationRules of
BackendTLSPolicies. Example: the HTTPRoute egress/docs with the ServiceEntry of docs.example.com as its parent becomes
`egress/egress~docs.example.com` for the host docs.example.com and the gateway `mesh`.

Source: istio/istio pilot/pkg/config/kube/gateway/route_collections.go. Limits: routes whose parent is a ListenerSet,
backends of the kind InferencePool, CRDs that are too old for istiod (pkg/config/schema/gatewayapi), and an HTTPRoute
and a GRPCRoute of one name in one namespace, of which istiod may lose one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import created, in_order
from egressaudit.mesh.routes.gateway_classes import DOMAIN
from egressaudit.mesh.routes.hostnames import overlaps, shared
from egressaudit.mesh.routes.listeners import GENERATED, RouteListener, listeners
from egressaudit.mesh.routes.reference_grants import ReferenceGrants
from egressaudit.mesh.routes.route_backends import Backends, BadRoute
from egressaudit.mesh.routes.route_parents import ListenersOf, RouteParent, by_gateway, parents
from egressaudit.mesh.routes.route_rules import ConvertedRule, by_specificity, http_rules, on_port
from egressaudit.mesh.routes.served_gateways import ServedGateway
from egressaudit.mesh.routes.virtual_services import VirtualService, written
from egressaudit.mesh.untyped import rows, words
from egressaudit.mesh.world import World
from egressaudit.model import RuleRef

_NOWHERE = {"destination": {"host": "internal.cluster.local", "subset": "zero-weight", "port": {"number": 65535}}}
"""Where istiod sends connections of a rule without backends; there is no such cluster."""


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """What istiod makes of the Gateway API in a snapshot."""

    virtual_services: tuple[VirtualService, ...]
    gateways: tuple[ServedGateway, ...]
    """One for each listener that the proxies get."""
    listeners: tuple[RouteListener, ...]

    @classmethod
    def of(cls, world: World) -> GatewayApi:
        """The conversion of a world."""
        known = listeners(world.objects)
        converter = _Converter.of(world.objects, known)
        http = _merged(world, converter.http_parts())
        return cls(
            virtual_services=(*converter.tcp(), *converter.tls(), *http),
            gateways=tuple(each.served for each in known if each.valid),
            listeners=known,
        )


class _Part(NamedTuple):
    """What one route says for one host of one parent; parts with one key become one VirtualService."""

    key: str
    name: str
    route: Obj
    gateway: str
    host: str
    rules: list[ConvertedRule]


@dataclass(frozen=True, slots=True)
class _Converter:
    objects: Objects
    listed: ListenersOf
    grants: ReferenceGrants
    known: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, objects: Objects, known: Iterable[RouteListener]) -> _Converter:
        return cls(objects, by_gateway(known), ReferenceGrants.of(objects), known_hosts(objects))

    def http_parts(self) -> Iterator[_Part]:
        """What HTTPRoutes and GRPCRoutes say, one host and parent at a time."""
        for route in self.objects.all(GATEWAY_API, "HTTPRoute", "GRPCRoute"):
            for count, part in enumerate(self._http(route)):
                yield part._replace(name=f"{route.name}~{count}~{GENERATED}")

    def _http(self, route: Obj) -> Iterator[_Part]:
        written: dict[bool, list[ConvertedRule]] = {}
        for parent in parents(self.objects, self.listed, route):
            kind, key = parent.is_mesh, parent.gateway
            if kind not in written:
                written[kind] = _or_none(self._backends(route, parent))
            hosts = parent.hosts if kind else words(route.spec.get("hostnames")) or ("*",)
            hosts = tuple(host for host in hosts if kind or parent.serves(host))
            if not hosts or not written[kind]:
                continue
            if kind:
                key = route.namespace if parent.port is None else f"{route.namespace}/{parent.port}"
            if parent.port is None or not kind:
                # istiod sorts the list itself, which the next parent then finds sorted.
                rules = written[kind] = by_specificity(written[kind])
            else:
                rules = by_specificity(on_port(written[kind], parent.port))
            for host in hosts:
                yield _Part(f"{key}/{host}", "", route, parent.gateway, host, rules)

    def tcp(self) -> Iterator[VirtualService]:
        """The VirtualServices of TCPRoutes."""
        for route in self.objects.all(GATEWAY_API, "TCPRoute"):
            bound = (
                (parent, host, _with_port(self._tcp_rules(route, parent), parent.port))
                for parent in parents(self.objects, self.listed, route)
                for host in (parent.hosts if parent.is_mesh else ("*",))
            )
            yield from _virtual_services(route, "tcp", bound)

    def tls(self) -> Iterator[VirtualService]:
        """The VirtualServices of TLSRoutes."""
        for route in self.objects.all(GATEWAY_API, "TLSRoute"):
            bound = (
                (parent, host, rules)
                for parent in parents(self.objects, self.listed, route)
                for host, rules in self._tls(route, parent)
            )
            yield from _virtual_services(route, "tls", bound)

    def _tls(self, route: Obj, parent: RouteParent) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        named = words(route.spec.get("hostnames")) or ("*",)
        rules = self._tcp_rules(route, parent)
        if parent.is_mesh:
            sni = parent.hosts if named == ("*",) else named
            for host in parent.hosts:
                # One SNI host stays even where it is not the parent's (compatibleRoutesForHost).
                fitting = tuple(each for each in sni if overlaps(host, each)) if len(sni) > 1 else sni
                yield host, _with_sni(rules, fitting, parent.port)
        elif parent.hostname:
            both = shared(named, (parent.hostname,))
            for host in both:
                yield host, _with_sni(rules, both)
        else:
            for host in named:
                yield host, _with_sni(rules, named)

    def _tcp_rules(self, route: Obj, parent: RouteParent) -> list[dict[str, Any]]:
        """convertTCPRoute, convertTLSRoute."""
        backends, found = self._backends(route, parent), list[dict[str, Any]]()
        for rule in rows(route.spec.get("rules")):
            if not backends.total(rule):
                found.append({"route": [_NOWHERE]})
                continue
            try:
                found.append({"route": backends.destinations(rule)})
            except BadRoute:
                return []
        return found

    def _backends(self, route: Obj, parent: RouteParent) -> Backends:
        return Backends(route, self.grants, self.known, parent.is_mesh)


def gateway_api(world: World) -> GatewayApi:
    """The conversion of a world; ask for it by `world.once(gateway_api)`."""
    return GatewayApi.of(world)


def virtual_services(world: World) -> tuple[VirtualService, ...]:
    """All VirtualServices of a world, written or converted, oldest first; ask for them by `world.once`."""
    return tuple(in_order(world, (*written(world), *world.once(gateway_api).virtual_services), lambda each: each.age))


def known_hosts(objects: Objects) -> frozenset[tuple[str, str]]:
    """The hosts of Services and ServiceEntries, each after its namespace."""
    services = ((each.namespace, f"{each.name}.{each.namespace}.svc.{DOMAIN}") for each in objects.all(CORE, "Service"))
    entries = objects.all(ISTIO, "ServiceEntry")
    return frozenset(
        (*services, *((each.namespace, host) for each in entries for host in words(each.spec.get("hosts"))))
    )


def _or_none(backends: Backends) -> list[ConvertedRule]:
    try:
        return http_rules(backends)
    except BadRoute:
        return []


def _with_port(rules: list[dict[str, Any]], port: int | None) -> list[dict[str, Any]]:
    if port is None:
        return rules
    return [{**each, "match": [{"port": port}]} for each in rules]


def _with_sni(rules: list[dict[str, Any]], hosts: tuple[str, ...], port: int | None = None) -> list[dict[str, Any]]:
    """The rules for these hosts and this port; one without backends has no match, and so no proxy gets it."""
    match = {"sniHosts": list(hosts)} | ({} if port is None else {"port": port})
    return [each if each["route"] == [_NOWHERE] else {"match": [match], **each} for each in rules]


def _virtual_services(
    route: Obj, kind: str, bound: Iterable[tuple[RouteParent, str, list[dict[str, Any]]]]
) -> Iterator[VirtualService]:
    for count, (parent, host, rules) in enumerate(bound):
        yield VirtualService(
            origin=route,
            namespace=route.namespace,
            name=f"{route.name}~{kind}~{count}~{GENERATED}",
            hosts=(host,),
            gateways=(parent.gateway,),
            spec={kind: rules},
            refs={(kind, n): RuleRef(str(route), f"spec.rules[{n}]") for n in range(len(rules))},
        )


def _merged(world: World, parts: Iterable[_Part]) -> Iterator[VirtualService]:
    """mergeHTTPRoutes: what routes say for one host of one parent, the oldest route first, then by specificity."""
    grouped: defaultdict[str, list[_Part]] = defaultdict(list)
    for each in parts:
        grouped[each.key].append(each)
    for key, found in grouped.items():
        listed = in_order(world, found, lambda each: (None, created(each.route), each.route.namespace, each.name))
        rules = by_specificity(rule for part in listed for rule in part.rules)
        first = listed[0]
        yield VirtualService(
            origin=first.route,
            namespace=first.route.namespace,
            name=key.replace("/", "~"),
            hosts=(first.host,),
            gateways=(first.gateway,),
            spec={"http": [each.body for each in rules]},
            refs={("http", n): each.ref for n, each in enumerate(rules)},
        )
