"""The outbound listeners of a sidecar at one port, as istiod shares them between services.

In: a scope, a port, the proxy. Out: `Listener`s by the address that they are bound to. Example: all HTTP services of
port 80 share `0.0.0.0_80`; a TCP service with the ClusterIP 10.96.0.7 has `10.96.0.7_5432` alone.

istio/istio pilot/pkg/networking/core/listener.go (buildSidecarOutboundListeners, buildSidecarOutboundListener).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egressaudit.mesh.routes.byte_chains import ServiceChains
from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.filter_chains import ChainTable, FilterChain
from egressaudit.mesh.routes.known_endpoints import known_endpoints
from egressaudit.mesh.routes.protocols import AUTO, HTTP_PROXY, MONGO, MYSQL, UDP, is_http, is_tcp
from egressaudit.mesh.routes.registered import ALIAS, NO_ADDRESS, PASSTHROUGH, Registered, RegisteredPort
from egressaudit.mesh.routes.sidecar_scope import EgressListener, SidecarScope
from egressaudit.mesh.routes.virtual_hosts import Viewer
from egressaudit.mesh.world import World

RESERVED = frozenset({15001, 15006, 15021, 15090})
"""Ports of listeners that every sidecar has (istio/istio model/context.go conflictWithReservedListener)."""
_OWN_LISTENERS = (MONGO, MYSQL)


@dataclass(slots=True)
class Listener:
    """One outbound listener."""

    binds: tuple[str, ...]
    port: int
    protocol: str
    chains: list[FilterChain]
    locked: bool = False
    """Whether it is one of a port of the Sidecar, and nothing may be added."""
    keys: set[object] = field(default_factory=set)
    _table: ChainTable | None = None

    @property
    def name(self) -> str:
        """Its name in Envoy."""
        return f"{self.binds[0]}_{self.port}"

    @property
    def table(self) -> ChainTable:
        """Its chains in the order in which Envoy looks, once all are there."""
        if self._table is None:
            self._table = ChainTable.of(self.chains)
        return self._table

    def merge(self, chains: list[FilterChain]) -> None:
        """More chains, but for connections that it has one for."""
        for each in chains:
            key = each.key
            if key not in self.keys:
                self.keys.add(key)
                self.chains.append(each)


@dataclass(slots=True)
class Listeners:
    """The outbound listeners of a proxy at one port."""

    world: World
    scope: SidecarScope
    port: int
    viewer: Viewer
    clusters: ProxyClusters
    found: dict[str, Listener] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, scope: SidecarScope, port: int, viewer: Viewer, clusters: ProxyClusters) -> Listeners:
        """All listeners of a port."""
        made = cls(world, scope, port, viewer, clusters)
        for egress in scope.listeners:
            if egress.port is None:
                made._lock()
                made._of_services(egress)
            elif egress.port == port:
                made._of_port(egress)
        return made

    @property
    def wildcard(self) -> str:
        """The address that means all."""
        return NO_ADDRESS if self.viewer.v4 else "::"

    def at(self, address: str | None) -> Listener | None:
        """The listener of what is sent to an address; None where the one of all ports takes it."""
        if address is not None:
            for each in self.found.values():
                if address in each.binds and address != self.wildcard:
                    return each
            if not (self.viewer.v6 if ":" in address else self.viewer.v4):
                return None
        return self.found.get(self.wildcard)

    def _lock(self) -> None:
        for each in self.found.values():
            each.locked = True

    def _of_port(self, egress: EgressListener) -> None:
        bind = _bind(egress)
        port = RegisteredPort(self.port, egress.protocol)
        if not self._reserved(bind, port):
            for each in egress.services:
                self._add(egress, each, port, bind)

    def _of_services(self, egress: EgressListener) -> None:
        bind = _bind(egress)
        for service in _with_port(self.scope, egress, self.port):
            for port in service.ports:
                if port.number != self.port or self._reserved(bind, port):
                    continue
                if bind or not self._has_own_per_endpoint(service, port):
                    self._add(egress, service, port, bind)
                    continue
                ends = known_endpoints(self.world, service, port.number)
                if not ends and not service.kubernetes and service.selector is None:
                    self._add(egress, service, port, "")
                for address in dict.fromkeys(each.address for each in ends if each.is_ip):
                    self._add(egress, service, port, address)

    def _reserved(self, bind: str, port: RegisteredPort) -> bool:
        shared = bind == self.wildcard or (not bind and is_http(port.protocol))
        return shared and port.number in RESERVED

    def _has_own_per_endpoint(self, service: Registered, port: RegisteredPort) -> bool:
        bytes_only = is_tcp(port.protocol) or port.protocol == AUTO
        return service.resolution == PASSTHROUGH and bytes_only and self.viewer.addresses(service)[0] == NO_ADDRESS

    def _add(self, egress: EgressListener, service: Registered, port: RegisteredPort, bind: str) -> None:
        if service.resolution == ALIAS or port.protocol == UDP:
            return
        binds, ranges = self._place(service, port, bind)
        current = self.found.get(binds[0])
        if current is not None and (current.locked or not _shares(port.protocol, current.protocol)):
            return
        chains = self._chains(egress, service, port, binds, ranges)
        shown = AUTO if is_http(port.protocol) and binds[0] == self.wildcard else port.protocol
        if port.protocol == HTTP_PROXY:
            shown = HTTP_PROXY
        if current is None or (port.protocol == AUTO and is_http(current.protocol)):
            made = Listener(binds, self.port, shown, [])
            # Chains of one service stand beside each other as they are.
            made.chains += chains
            made.keys |= {each.key for each in chains}
            self.found[binds[0]] = made
            return
        current.merge(chains)
        if is_http(port.protocol) or not is_tcp(current.protocol) or port.protocol == AUTO:
            current.protocol = AUTO

    def _place(self, service: Registered, port: RegisteredPort, bind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Where a listener is bound, and the ranges that tell the service apart there."""
        if bind:
            return (bind,), ()
        if is_http(port.protocol):
            return (self.wildcard,), ()
        addresses = self.viewer.addresses(service)
        if "/" in addresses[0]:
            return (self.wildcard,), addresses
        if addresses[0] == NO_ADDRESS:
            return (self.wildcard if not service.kubernetes else NO_ADDRESS,), ()
        return addresses, ()

    def _chains(
        self,
        egress: EgressListener,
        service: Registered,
        port: RegisteredPort,
        binds: tuple[str, ...],
        ranges: tuple[str, ...],
    ) -> list[FilterChain]:
        shared = binds[0] == self.wildcard
        http = [FilterChain(plain_http=shared, virtual_host="", host=service.host)]
        if is_http(port.protocol):
            return [FilterChain(virtual_host="")] if port.protocol == HTTP_PROXY else http
        rules = egress.rules_of(service.host)
        found = ServiceChains(service, port, shared, ranges, rules, self.viewer, self.clusters).chains()
        if port.protocol == AUTO:
            own = "" if shared else service.host
            found.append(FilterChain(plain_http=True, virtual_host=own, host=service.host))
        return found


def _shares(new: str, current: str) -> bool:
    """Whether a port may join a listener: HTTP and what is told apart by looking join nothing that is so already.

    Protocols in which the server speaks first have a listener alone.
    """
    if (new in _OWN_LISTENERS or current in _OWN_LISTENERS) and new != current:
        return False
    if is_http(new):
        return is_tcp(current)
    return new != AUTO or current != AUTO


def _bind(egress: EgressListener) -> str:
    return egress.bind or ("127.0.0.1" if egress.bound else "")


def _with_port(scope: SidecarScope, egress: EgressListener, port: int) -> Iterator[Registered]:
    by_port: dict[int, list[Registered]] = scope.once(("services by port", id(egress)), lambda: _by_port(egress))
    yield from by_port.get(port, ())


def _by_port(egress: EgressListener) -> dict[int, list[Registered]]:
    found: dict[int, list[Registered]] = {}
    for service in egress.services:
        for port in dict.fromkeys(each.number for each in service.ports):
            found.setdefault(port, []).append(service)
    return found
