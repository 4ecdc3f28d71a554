"""The filter chains of a gateway proxy's listener: which one takes a connection, by its TLS and its SNI.

In: a `GatewayProxy` and a port. Out: `GatewayChain`s, and of those the one for an SNI. Example: a server for port 443
with `tls: {mode: PASSTHROUGH}` has a chain for the `sniHosts` of each `tls` rule that is bound to it.

Source: istio/istio pilot/pkg/networking/core/gateway.go buildGatewayListeners, createGatewayTCPFilterChainOpts,
buildGatewayNetworkFiltersFromTCPRoutes, buildGatewayNetworkFiltersFromTLSRoutes. Not known: listeners that Envoy
refuses because two chains match the same, and servers with a `bind` address of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.routes.gateway_index import GatewayProxy
from egressaudit.mesh.routes.gateway_merge import BoundServer, ServerPort
from egressaudit.mesh.routes.hostnames import overlaps, within
from egressaudit.mesh.routes.http_rules import RuleTarget
from egressaudit.mesh.routes.protocols import UDP
from egressaudit.mesh.routes.registered import Registered
from egressaudit.mesh.routes.served_gateways import AUTO_PASSTHROUGH, GatewayServer
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.untyped import number, rows, text, words

_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True)
class L4Rule:
    """A `tcp` or `tls` rule that takes a chain's connections."""

    service: VirtualService
    kind: str
    index: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GatewayChain:
    """What a listener does with the connections that it takes."""

    port: ServerPort
    sni: tuple[str, ...] = ()
    """The server names that it is for; none if it takes connections without one, or with any other."""
    opens: str | None = None
    """How it opens TLS, as a mode of a server; None if it does not."""
    route: str = ""
    """The route configuration of the HTTP in it; '' if it is bytes for it."""
    rule: L4Rule | None = None
    server: BoundServer | None = None
    """The server that it was made of; None for all of a port with plain HTTP."""
    cluster: RuleTarget | None = None
    """Where it goes by its SNI alone (AUTO_PASSTHROUGH); only mTLS of the mesh comes in."""


@dataclass(frozen=True, slots=True)
class GatewayChains:
    """The filter chains of a listener, by server name."""

    named: Mapping[str, GatewayChain]
    """By a name or a wildcard, in lower case."""
    rest: GatewayChain | None
    """The one for connections without a server name, or with any other."""

    def __bool__(self) -> bool:
        """Whether there is any; istiod makes no listener without."""
        return bool(self.named) or self.rest is not None

    def taking(self, sni: str, *, of_mesh: bool) -> GatewayChain | None:
        """The chain that Envoy takes for a server name: of that name, of the closest wildcard, else the one for all.

        `of_mesh`: whether the TLS is mTLS of the mesh; only that gets to a cluster by its SNI, and no other chain is
        tried for other TLS of that name.
        """
        name = sni.lower()
        ends = (f"*{name[at:]}" for at, letter in enumerate(name) if letter == ".")
        found = next((self.named[each] for each in (name, *ends) if each in self.named), self.rest)
        return None if found is not None and found.cluster is not None and not of_mesh else found


def chains(proxy: GatewayProxy, port: int) -> GatewayChains:
    """The chains of the listener that takes a port on every address."""
    named: dict[str, GatewayChain] = {}
    rest = None
    for each in _chains(proxy, port):
        # One for every name has no others (listener.go toFilterChainMatch).
        names = [name.lower() for name in each.sni if "*" not in each.sni]
        if not names:
            rest = rest or each
        for name in names:
            named.setdefault(name, each)
    return GatewayChains(named, rest)


def _chains(proxy: GatewayProxy, port: int) -> Iterator[GatewayChain]:
    taken: set[str] = set()
    if port < _FIRST_FREE_PORT and proxy.is_unprivileged:
        return
    for key, servers in proxy.servers.ports.items():
        if key.port != port or key.bind:
            continue
        route = proxy.servers.route_of.get(key, "")
        if servers[0].server.is_http and route:
            yield GatewayChain(key, route=route)
            continue
        for each in servers:
            yield from _of_server(proxy, key, each, taken)


def _of_server(proxy: GatewayProxy, key: ServerPort, bound: BoundServer, taken: set[str]) -> Iterator[GatewayChain]:
    server = bound.server
    if server.opens_https:
        route = next(name for name, known in proxy.servers.by_route.items() if bound in known)
        yield GatewayChain(key, server.sni, server.mode, route, server=bound)
    elif server.mode == AUTO_PASSTHROUGH:
        yield from _by_cluster(proxy, key, bound)
    elif server.passes_through:
        yield from _by_sni(proxy, key, bound, taken)
    elif (rule := tcp_rule(proxy, bound)) is not None:
        yield GatewayChain(key, server.sni, server.mode, rule=rule, server=bound)


def _by_cluster(proxy: GatewayProxy, key: ServerPort, bound: BoundServer) -> Iterator[GatewayChain]:
    """A chain for each cluster within the mesh, by its name as an SNI (builtAutoPassthroughFilterChains)."""
    known = proxy.clusters
    for service in known.services.values():
        if _outside(service) or not any(within(service.host, each) for each in bound.server.sni):
            continue
        rule = known.rule(service.host)
        for port in service.ports:
            for subset in ("", *(rule.subsets if rule is not None else ())) if port.protocol != UDP else ():
                name = f"outbound_.{port.number}_.{subset}_.{service.host}"
                yield GatewayChain(key, (name,), server=bound, cluster=known.cluster(service.host, port.number, subset))


def _outside(service: Registered) -> bool:
    """Whether a service is outside the mesh (MeshExternal)."""
    if service.kubernetes:
        return bool(service.external_name)
    return text(service.origin.spec.get("location")) != "MESH_INTERNAL"


def _by_sni(proxy: GatewayProxy, key: ServerPort, bound: BoundServer, taken: set[str]) -> Iterator[GatewayChain]:
    """A chain for each match of a `tls` rule; one whose hosts another has already is left out."""
    for service in proxy.rules_at(bound.gateway):
        if not _meets_hosts(bound.server, service):
            continue
        for index, body in service.rules("tls"):
            for match in rows(body.get("match")) if rows(body.get("route")) else ():
                hosts = words(match.get("sniHosts"))
                if _meets(match, bound) and taken.isdisjoint(hosts):
                    taken.update(hosts)
                    yield GatewayChain(key, hosts, rule=L4Rule(service, "tls", index, body), server=bound)


def tcp_rule(proxy: GatewayProxy, bound: BoundServer) -> L4Rule | None:
    """The first `tcp` rule for a server; a TLSRoute's `tls` rule where the server opens TLS."""
    for service in proxy.rules_at(bound.gateway):
        if not _meets_hosts(bound.server, service):
            continue
        for index, body in service.rules("tcp"):
            matches = rows(body.get("match"))
            if (not matches or any(_meets(each, bound) for each in matches)) and rows(body.get("route")):
                return L4Rule(service, "tcp", index, body)
        if service.origin.kind == "TLSRoute" and bound.server.mode is not None:
            for index, body in service.rules("tls"):
                if any(_meets(each, bound) for each in rows(body.get("match"))):
                    return L4Rule(service, "tls", index, body)
    return None


def _meets_hosts(server: GatewayServer, service: VirtualService) -> bool:
    """Whether a server has a host of a VirtualService, also by a wildcard of either (pickMatchingGatewayHosts)."""
    for listed in server.hosts:
        namespace, slash, host = listed.partition("/")
        if slash and namespace != service.namespace:
            continue
        if any(overlaps(host if slash else listed, each) for each in service.hosts):
            return True
    return False


def _meets(match: Mapping[str, Any], bound: BoundServer) -> bool:
    """Whether a `tcp` or `tls` match is for a server: sources and subnets do not count here (l4SingleMatch)."""
    gateways = words(match.get("gateways"))
    return (number(match.get("port")) or 0) in (0, bound.server.port) and (not gateways or bound.gateway in gateways)
