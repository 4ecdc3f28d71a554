"""The hosts that an egress listener of a Sidecar imports: `./*`, `*/docs.example.com`, `~shop/*`.

In: the `hosts` of a listener, and the namespace of the proxy. Out: `Imports`, which services and VirtualServices are
among them. Example: `["./*", "istio-system/*"]` imports all hosts of two namespaces.

istio/istio pilot/pkg/model/sidecar.go (convertIstioListenerToWrapper), virtualservice.go (SelectVirtualServices).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from egressaudit.mesh.routes.hostnames import overlaps, within
from egressaudit.mesh.routes.registered import Registered
from egressaudit.mesh.routes.virtual_services import VirtualService

_ANY, _OWN, _NOT = "*", ".", "~"


@dataclass(slots=True)
class _Imported:
    exact: set[str] = field(default_factory=set)
    wild: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)

    def has(self, host: str, *, both_ways: bool = False) -> bool:
        if host in self.exact:
            return True
        fits = overlaps if both_ways else within
        if any(fits(host, each) for each in self.wild):
            return True
        return both_ways and host.startswith("*") and any(overlaps(host, each) for each in self.exact)

    def excludes(self, host: str) -> bool:
        return any(within(host, each) for each in self.excluded)


@dataclass(frozen=True, slots=True)
class Imports:
    """What a listener imports, by namespace."""

    by_namespace: Mapping[str, _Imported]

    @property
    def by_name(self) -> tuple[tuple[str, str], ...] | None:
        """Host and namespace of each import if no wildcard is among them, else None."""
        known = self.by_namespace.items()
        if any(each.wild or (where == _ANY and each.exact) for where, each in known):
            return None
        return tuple((host, where) for where, each in known for host in sorted(each.exact))

    @classmethod
    def of(cls, hosts: Iterable[str], namespace: str) -> Imports:
        """The imports as the proxies of a namespace have them; a host that is not `namespace/host` imports nothing."""
        found: dict[str, _Imported] = {}
        for each in hosts:
            if each.count("/") != 1:
                continue
            where, _, host = each.partition("/")
            excluded = where.startswith(_NOT)
            if excluded:
                where = where.removeprefix(_NOT) or _ANY
            known = found.setdefault(namespace if where == _OWN else where, _Imported())
            if excluded:
                known.excluded.append(host)
            elif host.startswith("*"):
                known.wild.append(host)
            else:
                known.exact.add(host)
        return cls(found)

    def has_service(self, service: Registered) -> bool:
        """Whether a service is imported."""
        near = list(self._near(service.namespace))
        if not near or any(each.excludes(service.host) for each in near):
            return False
        return any(each.has(service.host) for each in near)

    def aliases(self, service: Registered) -> tuple[str, ...]:
        """The other names of a service that are imported with it, by the entry that imports the service."""
        for each in self._near(service.namespace):
            if each.has(service.host):
                return tuple(alias for alias in service.aliases if each.has(alias))
        return ()

    def has_rules(self, rules: VirtualService) -> bool:
        """Whether a VirtualService is imported: one of its hosts is, also where it is the wider one.

        Those of the Gateway API are imported as services are.
        """
        near = list(self._near(rules.namespace))
        for host in rules.hosts:
            found = any(each.has(host, both_ways=not rules.of_gateway_api) for each in near)
            if found and not any(each.excludes(host) for each in near):
                return True
        return False

    def _near(self, namespace: str) -> Iterator[_Imported]:
        for each in (namespace, _ANY):
            if each in self.by_namespace:
                yield self.by_namespace[each]
