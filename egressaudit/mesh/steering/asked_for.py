"""Which host was asked for, where a gateway sends it on by another name: a company's proxy, an alias, another port.

In: a source, the gateway that a flow left through, and the host and port of its last cluster. Out: `AskedHost`s, found
by going back along the route. Example: a DestinationRule tunnels to docs.example.com:443 through proxy.corp.example,
port 3128. Of a flow whose last cluster is `outbound|3128||proxy.corp.example`, docs.example.com:443 was asked for.

A name that the sender chose proves nothing. So rules count only where the gateway stands, or in the mesh's root
namespace: whoever may write there decides what the gateway does anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.addresses import host_matches
from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.follow import way
from egressaudit.mesh.routes.names import full_host
from egressaudit.mesh.routes.rule_index import RuleIndex
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.steering.claim import call_of
from egressaudit.mesh.steering.registry import called_ports
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.mesh.world import World
from egressaudit.model import Act, ObjectRef, Pod, RuleRef, Scheme, Target, WayEnd

_SCHEMES = (Scheme.HTTP, Scheme.HTTPS, Scheme.TCP)


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


def stand_ins(world: World, source: Pod, target: Target) -> frozenset[StandIn]:
    """The clusters that stand for a target at gateways, where they name another host or port."""
    found = (end for end in way(world, source, call_of(target)).ends if _is_vouched(world, end))
    return frozenset(
        StandIn(end.proxies[-1], end.to.host, end.to.port)
        for end in found
        if end.to is not None and not (host_matches(end.to.host, target.host) and end.to.port == target.port)
    )


def asked_for(world: World, source: Pod, gateway: ObjectRef, host: str, port: int) -> tuple[AskedHost, ...]:
    """The hosts and ports, other than the cluster's own, of which a gateway makes this host and port; sorted."""
    reached = StandIn(gateway, host, port)
    called = {name for named, names in world.once(_aliases).items() if host_matches(named, host) for name in names}
    called.add(host)
    return tuple(
        sorted(
            AskedHost(name, number, scheme)
            for name in called
            for number in called_ports(world.objects, name)
            if (name, number) != (host, port)
            for scheme in _SCHEMES
            if reached in stand_ins(world, source, Target(name, number, scheme, path=""))
        )
    )


def _aliases(world: World) -> Mapping[str, frozenset[str]]:
    """For each host that a rule at a gateway sends to, the hosts that it does so for, where they are others."""
    found: dict[str, set[str]] = {}
    for service in world.once(RuleIndex.of).at_gateways:
        for to in _destinations(service):
            others = {each for each in service.hosts if not host_matches(to, each) and not each.startswith("*")}
            if others:
                found.setdefault(to, set()).update(others)
    return {host: frozenset(names) for host, names in found.items()}


def _destinations(service: VirtualService) -> Iterator[str]:
    for kind in ("http", "tls", "tcp"):
        for rule in rows(service.spec.get(kind)):
            for route in rows(rule.get("route")):
                yield full_host(text(table(route.get("destination")).get("host")), service.namespace)


def _is_vouched(world: World, end: WayEnd) -> bool:
    """Whether all that makes a gateway send a call on under another name was written by those who run the gateway."""
    if end.choice.act is not Act.SEND or end.to is None or not end.proxies or not end.by_gateways:
        return False
    near = (end.proxies[-1].namespace, world.objects.root)
    if not all(_stands_in(world, rule, near) for rule in end.by_gateways):
        return False
    return not end.choice.tunnel or all(each.namespace in near for each in _tunnels(world, end.to.host))


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
