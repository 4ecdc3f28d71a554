"""Which host was asked for, where a gateway sends it on by another name: a company's proxy, an alias, another port.

In: a source, the gateway that a flow left through, and the host and port of its last cluster. Out: `AskedHost`s, found
by going back along the route. Example: a DestinationRule tunnels to docs.example.com:443 through proxy.corp.example,
port 3128. Of a flow whose last cluster is `outbound|3128||proxy.corp.example`, docs.example.com:443 was asked for.

A name that the sender chose proves nothing. So rules count only where the gateway stands, or in the mesh's root
namespace: whoever may write there decides what the gateway does anyway. A line names the cluster and not the rule, so
every rule of any gateway that leads to its host has to be one of those, for hosts that are known by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.addresses import host_matches
from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.routes.follow import way
from egressaudit.mesh.routes.names import full_host
from egressaudit.mesh.routes.rule_index import RuleIndex
from egressaudit.mesh.routes.virtual_services import KINDS, VirtualService
from egressaudit.mesh.steering.claim import call_of
from egressaudit.mesh.steering.registry import called_ports, entries
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter, RouteDestination, RuleRef, Scheme, Target, Way, WayEnd

_SCHEMES = (Scheme.HTTP, Scheme.HTTPS, Scheme.TCP)
_KINDS = {
    ISTIO: ("DestinationRule", "Gateway", "ServiceEntry", "VirtualService"),
    GATEWAY_API: ("GRPCRoute", "Gateway", "HTTPRoute", "TCPRoute", "TLSRoute"),
}
DECIDING = frozenset(f"{group}/{kind}" for group, kinds in _KINDS.items() for kind in kinds)
"""The kinds (`Resource.name`) of which one more object could send a call elsewhere: all of them have to be read."""


@dataclass(frozen=True, slots=True, order=True)
class AskedHost:
    """A host and port that a client may have called."""

    host: str
    port: int
    scheme: Scheme


@dataclass(frozen=True, slots=True, order=True)
class StandIn:
    """A cluster through which a gateway sends what was called by another name."""

    gateway: ObjectRef
    host: str
    port: int
    subset: str = ""
    """It may decide on the tunnel: what goes into a proxy without it may end anywhere."""


def stand_ins(world: World, source: Pod, target: Target) -> frozenset[StandIn]:
    """The clusters that stand for a target at gateways, where they name another host; none if some way is open."""
    found = way(world, source, call_of(target))
    return frozenset(_by_cluster(world, found, target)) if found.complete else frozenset()


def _by_cluster(world: World, found: Way, target: Target) -> Iterator[StandIn]:
    vouched: dict[StandIn, bool] = {}
    for end in found.ends:
        if end.to is not None and end.proxies and not _is_same(end.to, target):
            key = StandIn(end.proxies[-1], end.to.host, end.to.port, end.to.subset)
            vouched[key] = vouched.get(key, True) and _is_vouched(world, end, end.to, target.host)
    yield from (each for each, is_vouched in vouched.items() if is_vouched)


def _is_same(to: RouteDestination, target: Target) -> bool:
    return host_matches(to.host, target.host) and to.port == target.port


def asked_for(world: World, source: Pod, gateway: ObjectRef, host: str, port: int) -> tuple[AskedHost, ...]:
    """The hosts and ports, other than the cluster's own, of which a gateway makes this host and port; sorted.

    None if some other call may end there too: of the host and port themselves, of any host that a wildcard covers, by
    a rule that does not count.
    """
    if not any(gateway_of(each) == gateway for each in world.proxies.get(Reporter.EGRESS_GATEWAY, ())):
        # Waypoints follow rules of sidecars, which are not listed here.
        return ()
    called = world.once(_called).get(host, frozenset())
    if not called or any(each.startswith("*") for each in called) or _ends_at(world, source, gateway, host, port):
        return ()
    found: list[AskedHost] = []
    for name in sorted(called):
        own = [
            AskedHost(name, number, scheme)
            for number in called_ports(world.objects, name)
            if (name, number) != (host, port)
            for scheme in _SCHEMES
            if _leads_to(world, source, Target(name, number, scheme, path=""), (gateway, host, port))
        ]
        if not own:
            return ()
        found += own
    return tuple(sorted(found))


def _ends_at(world: World, source: Pod, gateway: ObjectRef, host: str, port: int) -> bool:
    """Whether a call of a host and port may leave through a gateway as what it is."""
    targets = (Target(host, port, scheme, path="") for scheme in _SCHEMES)
    ends = (end for each in targets for end in way(world, source, call_of(each)).ends if end.proxies[-1:] == (gateway,))
    return any(end.to is not None and (end.to.host, end.to.port) == (host, port) for end in ends)


def _leads_to(world: World, source: Pod, target: Target, place: tuple[ObjectRef, str, int]) -> bool:
    return any((each.gateway, each.host, each.port) == place for each in stand_ins(world, source, target))


def _called(world: World) -> Mapping[str, frozenset[str]]:
    """For each host that a rule of a gateway sends to, the hosts of all such rules, whoever wrote them."""
    found: dict[str, set[str]] = {}
    for service in world.once(RuleIndex.of).at_gateways:
        for to in _destinations(service):
            found.setdefault(to, set()).update(service.hosts)
    return {host: frozenset(names) for host, names in found.items()}


def _destinations(service: VirtualService) -> Iterator[str]:
    for kind in KINDS:
        for rule in rows(service.spec.get(kind)):
            for route in rows(rule.get("route")):
                yield full_host(text(table(route.get("destination")).get("host")), service.namespace)


def _is_vouched(world: World, end: WayEnd, to: RouteDestination, host: str) -> bool:
    """Whether all that makes a gateway send a call on under another name was written by those who run the gateway."""
    near = (end.proxies[-1].namespace, world.objects.root)
    if not end.by_gateways or not all(_stands_in(world, rule, near) for rule in end.by_gateways):
        return False
    if host_matches(to.host, host):
        return True
    if any(each.namespace not in near for each in entries(world.objects, to.host)):
        return False
    if not end.choice.tunnel:
        # A rule for bytes takes whatever comes to its port.
        return not any(_is_for_bytes(each) for each in end.by_gateways)
    named = end.choice.tunnel.rpartition(":")[0]
    return host_matches(named, host) and all(each.namespace in near for each in _tunnels(world, to.host))


def _is_for_bytes(rule: RuleRef) -> bool:
    return rule.field.startswith("spec.tcp[") or rule.object.startswith("TCPRoute ")


def _stands_in(world: World, rule: RuleRef, namespaces: tuple[str, ...]) -> bool:
    """Whether a rule's object is in one of the namespaces. A delegate's root may be anywhere, so it does not count."""
    kind, _, name = rule.object.partition(" ")
    namespace, _, short = name.partition("/")
    if namespace not in namespaces:
        return False
    if kind != "VirtualService":
        return world.objects.one(GATEWAY_API, kind, namespace, short) is not None
    found = world.objects.one(ISTIO, kind, namespace, short)
    return found is not None and bool(words(found.spec.get("hosts")))


def _tunnels(world: World, host: str) -> Iterator[Obj]:
    for each in world.objects.all(ISTIO, "DestinationRule"):
        if host_matches(full_host(text(each.spec.get("host")), each.namespace), host):
            yield each
