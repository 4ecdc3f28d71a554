"""What gateway proxies of a namespace know: every service that the namespace sees, one for each host.

In: a world and a namespace. Out: services by host. Example: of two ServiceEntries for docs.example.com in two
namespaces the older one is known, and a port that only the younger one has is not there.

Source: istio/istio pilot/pkg/model/sidecar.go DefaultSidecarScopeForGateway, appendSidecarServices, canMergeServices.
Sidecar objects do not count for gateways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from egressaudit.mesh.routes.registered import Registered, ServiceRegistry
from egressaudit.mesh.world import World


@dataclass(frozen=True, slots=True)
class GatewayScopes:
    """The services that gateways know, by namespace; each made at the first question."""

    registry: ServiceRegistry
    _made: dict[str, Mapping[str, Registered]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> GatewayScopes:
        """The scopes of a world."""
        return cls(world.once(ServiceRegistry.of))

    def services(self, namespace: str) -> Mapping[str, Registered]:
        """The services that a gateway of a namespace knows, by host."""
        if namespace not in self._made:
            self._made[namespace] = self._gathered(namespace)
        return self._made[namespace]

    def service(self, host: str, of_rule: str, namespace: str) -> Registered | None:
        """The service that an `http` rule of a namespace finds for a host (buildNameToServiceMapForHTTPRoutes)."""
        near = self.registry.by_host.get(host, {}).get(of_rule)
        if near is not None and near.export.to(namespace):
            return near
        return self.services(namespace).get(host)

    def _gathered(self, namespace: str) -> Mapping[str, Registered]:
        found: dict[str, Registered] = {}
        for each in self.registry.seen_from(namespace):
            first = found.setdefault(each.host, each)
            if each.kubernetes and not first.kubernetes:
                found[each.host] = each
            elif first is not each and not first.kubernetes and first.merges_with(each):
                have = {port.number for port in first.ports}
                more = tuple(port for port in each.ports if port.number not in have)
                found[each.host] = replace(first, ports=first.ports + more)
        return found
