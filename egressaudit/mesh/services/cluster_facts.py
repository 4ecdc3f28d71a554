"""What a snapshot says about an Envoy cluster: who chose the address that its traffic went to, and which it may have.

A cluster is named after a host, a port and a subset (`outbound|80||docs.redhat.com`). The name alone proves nothing: a
tenant's ServiceEntry can give any host any endpoint, and where the sender chooses the address the name is its word.
istiod builds clusters in istio/istio pilot/pkg/networking/core/cluster.go (buildOutboundClusters, convertResolution),
cluster_builder.go, and for waypoints cluster_waypoint.go.

In: the host, port and subset of a cluster. Out: its `ClusterFacts`.
Example: a ServiceEntry of docs.redhat.com has `resolution: STATIC` and the endpoint 6.6.6.6. For
`outbound|80||docs.redhat.com` the chooser is `STATIC`, and the addresses are `{("6.6.6.6", 80)}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from egressaudit.mesh.apis import DISCOVERY, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.added_endpoints import other_networks
from egressaudit.mesh.services.cluster_endpoints import Given, Registry, plain_host
from egressaudit.mesh.services.cluster_policy import Rules, defines, in_subset, passes_on
from egressaudit.mesh.steering.retries import Retries
from egressaudit.mesh.world import World

_ALWAYS = (f"{ISTIO}/DestinationRule", f"{ISTIO}/ServiceEntry")
_OF_SERVICES = (f"{DISCOVERY}/EndpointSlice", "Service")
_OF_SELECTORS = (f"{ISTIO}/WorkloadEntry", f"{ISTIO}/WorkloadGroup", "Pod")


class Chooser(StrEnum):
    """Who chose the address that a cluster's traffic went to."""

    PROXY_DNS = "dns"
    """The proxy, which resolved the cluster's own host, or of a wildcard the host that was asked for."""
    STATIC = "static"
    """Whoever wrote the endpoints into objects."""
    SENDER = "sender"
    """Whoever sent the traffic: the cluster's name proves nothing of where it went."""
    UNKNOWN = "unknown"
    """Nobody who is known: no object of the snapshot explains the cluster, or some that could were not read."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a snapshot says about one cluster, whoever's proxy has it: of several objects of one host, all count."""

    chooser: Chooser
    addresses: frozenset[tuple[str, int | None]] = frozenset()
    """Every endpoint that an object gives by its IP (canonical), with its port; None if the port is open."""
    names: frozenset[str] = frozenset()
    """What the proxy resolves itself: names of endpoints, or the host; `*.example.com` stands for all under it."""
    other_names: frozenset[str] = frozenset()
    """Those of `names` that are not the cluster's own host."""
    owners: tuple[str, ...] = ()
    """The objects that decide, as `Kind namespace/name`."""
    retries: bool = True
    """Whether one request may be tried more than once, so that its line need not name each place that it went to."""
    incomplete: tuple[str, ...] = ()
    """Kinds (`Resource.name`) that were not read and could say otherwise."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of a snapshot, each made once."""

    read: frozenset[str]
    registry: Registry
    rules: Rules
    retries: Retries
    networks: bool
    """Whether pods may be reached through gateways of other networks instead, whose addresses are not known."""
    known: dict[tuple[str, str, int | None, str], ClusterFacts] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, world: World, read: frozenset[str]) -> Clusters:
        """The clusters of a snapshot, if kinds `read` (as `Resource.name`) were."""
        objects = world.objects
        return cls(read, Registry.of(world), Rules.of(objects), Retries.of(objects, read), other_networks(objects))

    def facts(self, kind: str, host: str | None, port: int | None, subset: str | None = "") -> ClusterFacts:
        """The facts of a cluster by what its name is taken apart into (`cluster_name.ClusterName`).

        A wildcard host is asked for as the cluster has it. Clusters of inbound listeners go where the sender dialed
        (pilot/pkg/networking/core/cluster_builder.go buildInboundCluster); `BlackHoleCluster` has no endpoint at all.
        """
        key = (kind, plain_host(host or ""), port, subset or "")
        if key not in self.known:
            self.known[key] = self._facts(*key)
        return self.known[key]

    def _facts(self, kind: str, host: str, port: int | None, subset: str) -> ClusterFacts:
        if kind in ("passthrough", "inbound-passthrough", "inbound"):
            return ClusterFacts(Chooser.SENDER)
        if kind == "dynamic-dns":
            return ClusterFacts(Chooser.PROXY_DNS, names=frozenset({"*"}))
        if kind == "blackhole":
            return ClusterFacts(Chooser.STATIC, retries=False)
        if kind == "outbound":
            return self._of_host(host, port, subset)
        if kind == "inbound-vip":
            # Of a waypoint: `http` or `tcp`, then the subset (cluster_waypoint.go buildWaypointInboundVIP).
            protocol, _, own = subset.partition("/")
            facts = self._of_host(host, port, own, waypoint=True)
            return replace(facts, retries=facts.retries and protocol != "tcp")
        return ClusterFacts(Chooser.UNKNOWN)

    def _of_host(self, host: str, port: int | None, subset: str, *, waypoint: bool = False) -> ClusterFacts:
        named = self.registry.port(host, port)
        owners = self.registry.owners(host)
        given = [found for each in owners if (found := self.registry.given(each, host, named)) is not None]
        rules = self.rules.covering(host)
        deciding = [each for each in rules if passes_on(each, port, subset)]
        defining = [each for each in rules if defines(each, subset)]
        ends = [end for each in given for end in each.endpoints if in_subset(rules, subset, end)]
        names = {end.address for end in ends if not end.is_ip} | {host for each in given if each.dns}
        incomplete = self._incomplete(host, given)
        facts = ClusterFacts(
            Chooser.UNKNOWN,
            addresses=frozenset((end.address, end.port) for end in ends if end.is_ip),
            names=frozenset(names),
            other_names=frozenset(names - {host}),
            owners=_once([each.owner for each in given] + deciding + defining),
            retries=self.retries.possible(host, port, _families(given), waypoint=waypoint),
            incomplete=incomplete,
        )
        explained = bool(given) and (not subset or bool(defining))
        if explained and (deciding or any(each.sender for each in given)):
            return replace(facts, chooser=Chooser.SENDER)
        if not explained or incomplete or not (facts.addresses or names) or self._open(given):
            return facts
        by_hand = facts.addresses or facts.other_names
        return replace(facts, chooser=Chooser.STATIC if by_hand else Chooser.PROXY_DNS)

    def _open(self, given: list[Given]) -> bool:
        """Whether there may be endpoints that no object of the snapshot names."""
        selecting = [each for each in given if each.selects]
        return any(each.owner.namespace in self.registry.groups for each in selecting) or (
            self.networks and any(end.is_ip for each in given for end in each.endpoints)
        )

    def _incomplete(self, host: str, given: list[Given]) -> tuple[str, ...]:
        wanted = [*_ALWAYS]
        if host.endswith(".svc.cluster.local"):
            wanted += _OF_SERVICES
        if any(each.selects for each in given):
            wanted += _OF_SELECTORS
        return tuple(sorted(set(wanted) - self.read))


def _families(given: list[Given]) -> frozenset[str]:
    return frozenset[str]().union(*(each.families for each in given))


def _once(owners: Iterable[Obj]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, owners)))
