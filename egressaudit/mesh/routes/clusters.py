"""The clusters that a sidecar has, and which of them a destination of a rule means.

In: a scope, a proxy's labels, a destination. Out: a `RuleTarget`. Example: the host docs.example.com with the port 443
is `outbound|443||docs.example.com`, which is there if a service of that host and port is known.

istio/istio pilot/pkg/networking/core/route/route.go (GetDestinationCluster), cluster.go (buildOutboundClusters),
cluster_builder.go (buildSubsetCluster).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from egressaudit.mesh.routes.destination_rules import Destinations, Leg, MergedRule
from egressaudit.mesh.routes.http_rules import RuleTarget
from egressaudit.mesh.routes.known_endpoints import known_endpoints
from egressaudit.mesh.routes.protocols import GRPC, HTTP, HTTP2, TLS
from egressaudit.mesh.routes.registered import ALIAS, DNS, DYNAMIC_DNS, Registered
from egressaudit.mesh.routes.sidecar_scope import SidecarScope
from egressaudit.mesh.untyped import number, picks, text
from egressaudit.mesh.world import World
from egressaudit.model import RouteDestination

_FORWARDED = frozenset({HTTP, HTTP2, GRPC, TLS})
"""The protocols of a wildcard with DYNAMIC_DNS."""


@dataclass(frozen=True, slots=True)
class ProxyClusters:
    """The clusters of one proxy."""

    world: World
    namespace: str
    labels: Mapping[str, str]
    services: Mapping[str, Registered]

    @classmethod
    def of(cls, world: World, scope: SidecarScope, labels: Mapping[str, str]) -> ProxyClusters:
        """The clusters of a sidecar."""
        return cls(world, scope.namespace, labels, scope.by_host)

    def target(self, said: Mapping[str, Any], service: Registered | None, port: int) -> RuleTarget:
        """The cluster of a destination, seen from a listener's port; `service` is the one it finds for the host."""
        host = text(said.get("host"))
        if not host:
            return RuleTarget(RouteDestination("UnknownService", "", 0), exists=False)
        if service is not None and service.external_name:
            host = service.external_name
        named = said.get("port")
        if isinstance(named, Mapping):
            port = number(named.get("number")) or 0
        elif service is not None and len(service.ports) == 1:
            port = service.ports[0].number
        return self.cluster(host, port, text(said.get("subset")))

    def cluster(self, host: str, port: int, subset: str = "") -> RuleTarget:
        """A cluster by its name."""
        to = RouteDestination(f"outbound|{port}|{subset}|{host}", host, port, subset)
        return RuleTarget(to, self.has(host, port, subset))

    def has(self, host: str, port: int, subset: str = "") -> bool:
        """Whether the proxy has a cluster."""
        service = self.services.get(host)
        known = None if service is None else service.port(port)
        if service is None or known is None or service.resolution == ALIAS:
            return False
        if host.startswith("*") and service.resolution == DYNAMIC_DNS:
            return not subset and known.protocol in _FORWARDED
        labels: Mapping[str, str] | None = {}
        if subset:
            rule = self.rule(host)
            labels = None if rule is None else rule.subset_labels(subset)
        return labels is not None and (service.resolution != DNS or self._has_endpoints(service, port, labels))

    def rule(self, host: str, *, inbound: bool = False) -> MergedRule | None:
        """The DestinationRule of a host, or the one of its `inbound` clusters."""
        service = self.services.get(host)
        if service is None:
            return None
        return self.world.once(Destinations.of).of_service(self.namespace, None if inbound else self.labels, service)

    def leg(self, to: RouteDestination) -> Leg:
        """How the proxy sends to a cluster."""
        rule = self.rule(to.host)
        return Leg() if rule is None else rule.leg(to.port, to.subset)

    def tunnel(self, targets: Sequence[RuleTarget]) -> str:
        """The tunnel of a connection to these clusters; '' without one (networkfilter.go, tunnelingconfig.Apply).

        Of several the rule of the first host says, and no subset of it: the tunnel is the listener's, not a cluster's.
        """
        first = targets[0].to if targets else RouteDestination("", "", 0)
        return self.leg(first if len(targets) == 1 else replace(first, subset="")).tunnel

    def _has_endpoints(self, service: Registered, port: int, labels: Mapping[str, str]) -> bool:
        """Whether a host that the proxy resolves has endpoints in a subset: without any there is no cluster."""
        return any(picks(labels, each.labels) for each in known_endpoints(self.world, service, port))
