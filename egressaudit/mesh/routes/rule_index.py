"""All VirtualServices of a snapshot in istiod's order, by gateway and by who sees them.

In: a world. Out: `RuleIndex`. Example: `seen_from("shop", "mesh")` are the rules of the sidecars of the namespace shop:
first its own that are exported to it alone, then what others export to it, then what is for everybody.

istio/istio pilot/pkg/model/push_context.go (initVirtualServices), virtualservice.go (SelectVirtualServices).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.routes.gateway_api_routes import virtual_services
from egressaudit.mesh.routes.virtual_services import MESH, VirtualService
from egressaudit.mesh.world import World

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """The VirtualServices of a snapshot."""

    private: Mapping[Key, tuple[VirtualService, ...]]
    """By namespace and gateway: its own, exported to it and not to everybody."""
    exported: Mapping[Key, tuple[VirtualService, ...]]
    public: Mapping[str, tuple[VirtualService, ...]]

    @classmethod
    def of(cls, world: World) -> RuleIndex:
        """The index of a world."""
        private: dict[Key, list[VirtualService]] = {}
        exported: dict[Key, list[VirtualService]] = {}
        public: dict[str, list[VirtualService]] = {}
        for each in world.once(virtual_services):
            export = each.export(world.objects.config)
            for gateway in each.gateways:
                if export.everybody:
                    public.setdefault(gateway, []).append(each)
                for namespace in () if export.everybody else sorted(export.namespaces):
                    where = private if namespace == each.namespace else exported
                    where.setdefault((namespace, gateway), []).append(each)
        return cls(
            {key: tuple(values) for key, values in private.items()},
            {key: tuple(values) for key, values in exported.items()},
            {key: tuple(values) for key, values in public.items()},
        )

    @property
    def at_gateways(self) -> Iterator[VirtualService]:
        """All rules of gateways, whoever sees them; some more than once."""
        for each in (self.private, self.exported):
            for (_, gateway), services in each.items():
                yield from services if gateway != MESH else ()
        for gateway, services in self.public.items():
            yield from services if gateway != MESH else ()

    def seen_from(self, namespace: str, gateway: str) -> tuple[VirtualService, ...]:
        """The rules of a gateway (`mesh` for sidecars) that a namespace sees, those first that win.

        In each of the three parts, routes of the Gateway API of the namespace itself go first.
        """
        key = (namespace, gateway)
        parts = (self.private.get(key, ()), self.exported.get(key, ()), self.public.get(gateway, ()))
        found: dict[int, VirtualService] = {}
        for part in parts:
            for each in sorted(part, key=lambda one: not (one.of_gateway_api and one.namespace == namespace)):
                found.setdefault(id(each), each)
        return tuple(found.values())
