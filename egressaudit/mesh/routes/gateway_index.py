"""All Gateways of a world and the rules bound to them, and what of that one gateway proxy has.

In: a world; then a pod that runs a gateway proxy. Out: a `GatewayProxy`, with its servers merged.
Example: a Gateway has a server for port 443 and TLS, and the Service of the pod takes 443 to 8443. Then
`gateway_proxy(world, pod).servers.ports` has `ServerPort(8443, "TLS", "")`.

Source: istio/istio pilot/pkg/model/push_context.go VirtualServicesForGateway, initVirtualServices, initGateways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from egressaudit.mesh.apis import CORE
from egressaudit.mesh.routes.ages import in_order
from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.gateway_api_routes import gateway_api
from egressaudit.mesh.routes.gateway_merge import MergedServers, merge, service_targets
from egressaudit.mesh.routes.gateway_scope import GatewayScopes
from egressaudit.mesh.routes.http_rules import Client
from egressaudit.mesh.routes.rule_index import RuleIndex
from egressaudit.mesh.routes.served_gateways import ServedGateway, age, istio_gateways
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.untyped import rows, text
from egressaudit.mesh.world import World
from egressaudit.model import PROXY_CONTAINER, ObjectRef, Pod

_UNPRIVILEGED, _TRUE = "ISTIO_META_UNPRIVILEGED_POD", ("1", "t", "true")
K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GatewayIndex:
    """The Gateways of a world, oldest first."""

    gateways: tuple[ServedGateway, ...]
    proxies: dict[ObjectRef, GatewayProxy] = field(default_factory=dict, compare=False, repr=False)
    """What was worked out for a pod, kept for the next question."""

    @classmethod
    def of(cls, world: World) -> GatewayIndex:
        """The index of a world."""
        known = (*istio_gateways(world.objects), *world.once(gateway_api).gateways)
        return cls(tuple(in_order(world, known, age)))


@dataclass(frozen=True, slots=True)
class GatewayProxy:
    """A pod that runs a gateway proxy, and what istiod sends it."""

    world: World
    pod: Pod
    servers: MergedServers
    _made: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, make: Callable[[GatewayProxy, K], T], key: K) -> T:
        """What `make` makes for a port or a route configuration, made at the first question and kept."""
        if (make, key) not in self._made:
            self._made[make, key] = make(self, key)
        return cast("T", self._made[make, key])

    @property
    def clusters(self) -> ProxyClusters:
        """Its clusters."""
        services = self.world.once(GatewayScopes.of).services(self.pod.namespace)
        return ProxyClusters(self.world, self.pod.namespace, self.pod.labels, services)

    @property
    def is_unprivileged(self) -> bool:
        """Whether its pod says that it may not bind ports below 1024 (context.go IsUnprivileged)."""
        obj = self.world.objects.one(CORE, "Pod", self.pod.namespace, self.pod.name)
        containers = rows(obj.spec.get("containers")) if obj is not None else ()
        env = (row for each in containers if each.get("name") == PROXY_CONTAINER for row in rows(each.get("env")))
        return any(row.get("name") == _UNPRIVILEGED and text(row.get("value")).lower() in _TRUE for row in env)

    def client(self, gateway: str) -> Client:
        """Who asks for the rules of a Gateway."""
        return Client(self.pod.namespace, self.pod.labels, frozenset({gateway}))

    def rules_at(self, gateway: str) -> tuple[VirtualService, ...]:
        """The VirtualServices of one of its Gateways, in the order in which they count.

        Those exported to few go first; then routes of the Gateway API in the proxy's own namespace; each oldest first.
        """
        index, namespace = self.world.once(RuleIndex.of), self.pod.namespace
        public = index.public.get(gateway, ())
        near = sorted(public, key=lambda each: not (each.of_gateway_api and each.namespace == namespace))
        key = (namespace, gateway)
        return (*index.private.get(key, ()), *index.exported.get(key, ()), *near)


def gateway_proxy(world: World, pod: Pod) -> GatewayProxy:
    """What istiod sends the gateway proxy in a pod; made at the first call and kept."""
    index = world.once(GatewayIndex.of)
    known = index.proxies.get(pod.ref)
    if known is None or known.pod != pod:
        known = GatewayProxy(world, pod, merge(index.gateways, pod, service_targets(world, pod)))
        index.proxies[pod.ref] = known
    return known
