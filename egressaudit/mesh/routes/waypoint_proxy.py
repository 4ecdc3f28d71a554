"""What istiod gives the proxies of a waypoint: the services that they serve, the rules that they follow, the clusters.

In: a world and the name of a waypoint's Gateway. Out: `WaypointProxy`. Example: with a ServiceEntry for
docs.example.com that is bound to it, it has the cluster `inbound-vip|80|http|docs.example.com`.

istio/istio pilot/pkg/networking/core/waypoint.go, cluster_waypoint.go, listener_waypoint.go
(getVirtualServiceForWaypoint, getWaypointDestinationCluster), pilot/pkg/model/sidecar.go
(DefaultSidecarScopeForGateway). Limits: east-west gateways; workloads that are bound by their own labels; extensions
that need clusters of their own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from egressaudit.mesh.control_planes import ISTIOD_SWITCHES
from egressaudit.mesh.marks import EAST_WEST_CONTROLLER, GATEWAY_NAME, MANAGED, MESH_CONTROLLER
from egressaudit.mesh.routes.ages import in_order
from egressaudit.mesh.routes.ambient_services import AmbientService, AmbientServices, Network
from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.gateway_api_routes import virtual_services
from egressaudit.mesh.routes.gateway_scope import GatewayScopes
from egressaudit.mesh.routes.hostnames import overlaps, within
from egressaudit.mesh.routes.http_rules import Client, HttpRule, RuleTarget, rules_for
from egressaudit.mesh.routes.protocols import AUTO, HTTP, TLS, UDP, is_http, is_tcp
from egressaudit.mesh.routes.registered import (
    DYNAMIC_DNS,
    NO_ADDRESS,
    Registered,
    RegisteredPort,
    ServiceRegistry,
    age_of,
)
from egressaudit.mesh.routes.rule_index import RuleIndex
from egressaudit.mesh.routes.virtual_services import KINDS, MESH, VirtualService
from egressaudit.mesh.routes.waypoints import Waypoint
from egressaudit.mesh.untyped import number, rows, table, text, texts
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter, RouteDestination

T = TypeVar("T")
[WILDCARD_TLS] = ISTIOD_SWITCHES
"""Off by default: whether a waypoint takes TLS for wildcards with DYNAMIC_DNS."""


@dataclass(frozen=True, slots=True, eq=False)
class WaypointProxy:
    """The configuration of one waypoint's proxies."""

    world: World
    ref: ObjectRef
    services: Mapping[str, Registered]
    """Those that it serves, by host, the oldest first."""
    rivals: tuple[tuple[AmbientService, ...], ...]
    """Services of one host that it should serve all: istiod keeps one of them."""
    clustered: Mapping[str, Registered]
    """Those that it has inbound clusters of: of rivals perhaps another than the one that it serves."""
    rules: tuple[VirtualService, ...]
    """All of the mesh that its namespace sees."""
    known: Mapping[str, Registered]
    """The services that its namespace sees, by host."""
    clusters: ProxyClusters
    outbound: frozenset[str]
    """The hosts of which it has outbound clusters, if its namespace sees them."""
    by_address: Mapping[str, tuple[Registered, ...]]
    """The services of each IP that they may be served at."""
    by_range: tuple[tuple[Network, Registered], ...]
    """The services of ranges of addresses."""
    wildcards: tuple[Registered, ...]
    """The services whose host is one, the longest first."""
    at_one_of: Mapping[str, tuple[str, ...]]
    """The addresses of the hosts whose ServiceEntry has several: istiod serves one of them, and nothing tells which.

    It makes a service of each address, in the order of a map, and a waypoint has one service for a host
    (serviceentry/conversion.go convertServices, core/waypoint.go findWaypointResources).
    """
    _followed: dict[str, tuple[VirtualService, ...]] = field(default_factory=dict)

    def with_clusters_of(self, other: WaypointProxy) -> WaypointProxy:
        """The same where istiod took other rivals for its clusters (cluster.go BuildClusters) than for its listener."""
        return replace(self, clustered=other.clustered, outbound=other.outbound)

    def rules_of(self, service: Registered) -> tuple[VirtualService, ...]:
        """The rules that it follows for a service: of its own namespace and the service's, for that host."""
        if service.host not in self._followed:
            near = (self.ref.namespace, service.namespace)
            self._followed[service.host] = tuple(
                each
                for each in self.rules
                if each.namespace in near and any(overlaps(host, service.host) for host in each.hosts)
            )
        return self._followed[service.host]

    def named(self, host: str) -> Registered | None:
        """The service of a host, exact before the longest wildcard."""
        name = host.lower().rstrip(".")
        wild = (each for each in self.wildcards if within(name, each.host))
        return self.services.get(name) or next(wild, None)

    def at(self, address: str, port: int) -> list[Registered]:
        """The services of an IP that have the port; the first that is served takes the call."""
        ranged = [each for network, each in self.by_range if ipaddress.ip_address(address) in network]
        found = [each for each in (*self.by_address.get(address, ()), *ranged) if each.port(port) is not None]
        if len(found) < 2:
            return found
        order = {id(each): place for place, each in enumerate(self.services.values())}
        return sorted(found, key=lambda each: order[id(each)])

    def http_rules(self, service: Registered, port: int) -> tuple[HttpRule, ...]:
        """The `http` rules for a service's port, in their order. Matches on labels of the source are left out."""
        client = Client(self.ref.namespace, {}, frozenset({MESH}))
        found = (rule for rules in self.rules_of(service) for rule in rules_for(rules, client, port))
        return tuple(each for each in found if not texts(table(each.match).get("sourceLabels")))

    def target(self, said: Mapping[str, Any], port: int) -> RuleTarget:
        """The cluster of a rule's destination, seen from a service's port."""
        host, subset = text(said.get("host")), text(said.get("subset"))
        if not host:
            return RuleTarget(RouteDestination("UnknownService", "", 0), exists=False)
        service = self.known.get(host)
        named = said.get("port")
        if isinstance(named, Mapping):
            port = number(named.get("number")) or 0
        elif service is not None and len(service.ports) == 1:
            port = service.ports[0].number
        if service is not None and host not in self.services:
            to = RouteDestination(f"outbound|{port}|{subset}|{host}", host, port, subset)
            return RuleTarget(to, host in self.outbound and self.clusters.has(host, port, subset))
        known = None if service is None else service.port(port)
        return self.inbound(host, port, "http" if known is None or _as_http(known) else "tcp", subset)

    def inbound(self, host: str, port: int, kind: str, subset: str = "") -> RuleTarget:
        """The cluster of a service that it serves, for `http` or `tcp`, and whether it is there."""
        within = f"{kind}/{subset}" if subset else kind
        to = RouteDestination(f"inbound-vip|{port}|{within}|{host}", host, port, subset)
        return RuleTarget(to, self._has(host, port, kind, subset))

    def _has(self, host: str, port: int, kind: str, subset: str) -> bool:
        service = self.clustered.get(host)
        known = None if service is None else service.port(port)
        if service is None or known is None or known.protocol == UDP:
            return False
        if service.resolution == DYNAMIC_DNS and not self._forwards(known):
            return False
        speaks = is_http(known.protocol) if kind == "http" else is_tcp(known.protocol)
        if not speaks and known.protocol != AUTO:
            return False
        rule = self.clusters.rule(host, inbound=True) if subset else None
        return not subset or (rule is not None and rule.subset_labels(subset) is not None)

    def _forwards(self, port: RegisteredPort) -> bool:
        return port.protocol == HTTP or (port.protocol == TLS and self.wildcard_tls)

    @property
    def wildcard_tls(self) -> bool:
        """Whether istiod has the switch for TLS of wildcards."""
        return self.world.objects.planes.switched(WILDCARD_TLS)


@dataclass(frozen=True, slots=True)
class WaypointProxies:
    """The waypoints of a world, each made at the first question."""

    world: World
    _made: dict[tuple[ObjectRef, int], WaypointProxy] = field(default_factory=dict)

    def proxy(self, ref: ObjectRef, turn: int = 0) -> WaypointProxy:
        """The configuration of a waypoint's proxies; one that serves nothing if there is no such waypoint.

        `turn` is which of several services of one host istiod keeps: 0 is the first.
        """
        if (ref, turn) not in self._made:
            self._made[ref, turn] = _proxy(self.world, ref, turn)
        return self._made[ref, turn]


def waypoint_pods(world: World) -> dict[ObjectRef, Pod]:
    """A pod of each waypoint, by its Gateway."""
    return {pod.gateway: pod for pod in world.pods if pod.gateway and pod.role is Reporter.WAYPOINT}


def in_turn(several: Sequence[T], turn: int) -> T:
    """The one whose turn it is; the last where there are fewer."""
    return several[min(turn, len(several) - 1)]


def _proxy(world: World, ref: ObjectRef, turn: int) -> WaypointProxy:
    ambient, registry = world.once(AmbientServices.of), world.once(ServiceRegistry.of)
    own = ambient.waypoints.get(ref)
    bound: dict[str, list[tuple[AmbientService, Registered]]] = {}
    for each in _bound(ambient, own) if own is not None else ():
        service = registry.by_host.get(each.host, {}).get(each.namespace)
        if service is not None and not _not_served(service):
            bound.setdefault(each.host, []).append((each, service))
    found = {host: in_turn(several, turn)[1] for host, several in bound.items()}
    scope = world.once(GatewayScopes.of).services(ref.namespace)
    services = {each.host: each for each in in_order(world, found.values(), age_of)}
    at_one_of = _several(registry, services)
    known = [
        (ipaddress.ip_network(said, strict=False), one)
        for one in services.values()
        for said in at_one_of.get(one.host, addresses(one))
    ]
    by_address: dict[str, tuple[Registered, ...]] = {}
    for network, one in known:
        if network.num_addresses == 1:
            address = str(network.network_address)
            by_address[address] = (*by_address.get(address, ()), one)
    wildcards = (each for each in services.values() if each.host.startswith("*"))
    return WaypointProxy(
        world,
        ref,
        services,
        tuple(tuple(each for each, _ in several) for several in bound.values() if len(several) > 1),
        services,
        _rules(world, ref.namespace),
        scope,
        ProxyClusters(world, ref.namespace, _labels(world, ref), scope),
        frozenset(_outbound(world, found)),
        by_address,
        tuple(each for each in known if each[0].num_addresses > 1),
        tuple(sorted(wildcards, key=lambda each: -len(each.host))),
        at_one_of,
    )


def _labels(world: World, ref: ObjectRef) -> Mapping[str, str]:
    """The labels of a waypoint's pods; without any the one that istiod gives them."""
    found = world.once(waypoint_pods).get(ref)
    return {GATEWAY_NAME: ref.name} if found is None else found.labels


def _several(registry: ServiceRegistry, served: Mapping[str, Registered]) -> dict[str, tuple[str, ...]]:
    """The addresses of each host whose ServiceEntry has more than one."""
    found: dict[str, list[str]] = {}
    for each in registry.services:
        own = served.get(each.host)
        if own is not None and each.origin is own.origin and not each.kubernetes:
            found.setdefault(each.host, []).extend(addresses(each))
    return {host: (*dict.fromkeys(said),) for host, said in found.items() if len({*said}) > 1}


def addresses(service: Registered) -> tuple[str, ...]:
    """All by which a waypoint knows a service; it takes those that istiod gave, too (getAllAddressesForProxy)."""
    if service.addresses == (NO_ADDRESS,):
        return service.allocated or service.addresses
    return service.addresses


def _bound(ambient: AmbientServices, own: Waypoint) -> Iterator[AmbientService]:
    """The services that ztunnel is told to send to this waypoint, also as the canary with no share yet."""
    key = (own.ref.namespace if own.host else "", own.host, own.address)
    for several in ambient.by_host.values():
        for each in several:
            if texts(each.origin.spec.get("selector")).get(MANAGED) in (MESH_CONTROLLER, EAST_WEST_CONTROLLER):
                continue
            both = (each.binding.waypoint, each.binding.canary)
            fronts = [one for one in both if one is not None and one.reachable]
            if key in [(one.ref.namespace if one.host else "", one.host, one.address) for one in fronts]:
                yield each


def _not_served(service: Registered) -> bool:
    """Whether it is a host of the mesh with DYNAMIC_DNS, which waypoints pass over (findWaypointResources)."""
    return service.resolution == DYNAMIC_DNS and service.origin.spec.get("location") == "MESH_INTERNAL"


def _rules(world: World, namespace: str) -> tuple[VirtualService, ...]:
    """The rules of the mesh that a namespace sees (push_context.go VirtualServicesForGateway)."""
    index, key = world.once(RuleIndex.of), (namespace, MESH)
    public = index.public.get(MESH, ())
    near = [each for each in public if each.of_gateway_api and each.namespace == namespace]
    far = [each for each in public if not (each.of_gateway_api and each.namespace == namespace)]
    return (*index.private.get(key, ()), *index.exported.get(key, ()), *near, *far)


def _outbound(world: World, served: Mapping[str, Registered]) -> Iterator[str]:
    """The hosts that any rules of the mesh for a served host send to (filterWaypointOutboundServices).

    Rules for a wildcard that covers the host do not count here, though they are followed.
    """
    for rules in world.once(virtual_services):
        if MESH in rules.gateways and any(host in served for host in rules.hosts):
            for host in _destinations(rules):
                own = served.get(host)
                if own is None or own.origin.spec.get("location", "MESH_EXTERNAL") == "MESH_EXTERNAL":
                    yield host


def _destinations(rules: VirtualService) -> Iterator[str]:
    for kind in KINDS:
        for _, rule in rules.rules(kind):
            for each in (*rows(rule.get("route")), *rows(rule.get("mirrors"))):
                yield text(table(each.get("destination")).get("host"))
            yield text(table(rule.get("mirror")).get("host"))


def _as_http(port: RegisteredPort) -> bool:
    return is_http(port.protocol) or port.protocol == AUTO
