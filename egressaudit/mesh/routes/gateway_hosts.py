"""The virtual hosts of a gateway proxy: which rules are for a host, of all VirtualServices bound to its Gateways.

In: a `GatewayProxy`, the name of a route configuration, a host. Out: the rules, in the order in which Envoy tries them.
Example: of a VirtualService for `*.example.com` and a server with the host `docs.example.com` the virtual host is
`docs.example.com`.

Source: istio/istio pilot/pkg/networking/core/gateway.go buildGatewayHTTPRouteConfig, route/route.go SortVHostRoutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.mesh.routes.gateway_index import GatewayProxy
from egressaudit.mesh.routes.gateway_merge import BoundServer
from egressaudit.mesh.routes.hostnames import of_namespace, shared
from egressaudit.mesh.routes.http_rules import HttpRule, rules_for
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.untyped import table, text


@dataclass(slots=True)
class GatewayHost:
    """What a gateway does with requests for one host."""

    rules: list[HttpRule] = field(default_factory=list)
    port: int = 0
    """The port of the server; a destination without a port takes it."""
    redirects: bool = False
    """Whether it sends every plain request to https (`httpsRedirect`)."""


def virtual_hosts(proxy: GatewayProxy, route: str) -> Mapping[str, GatewayHost]:
    """The virtual hosts of a route configuration by their one domain."""
    found: dict[str, GatewayHost] = {}
    made: dict[tuple[str, int], tuple[HttpRule, ...]] = {}
    for bound in proxy.servers.by_route.get(route, ()):
        for service in proxy.rules_at(bound.gateway):
            hosts = shared(of_namespace(bound.server.hosts, service.namespace), service.hosts)
            if not hosts:
                continue
            rules = made.setdefault((bound.gateway, id(service)), _rules(proxy, bound, service))
            for host in hosts if rules else ():
                known = found.setdefault(host.lower(), GatewayHost(port=bound.server.port))
                known.rules += rules
                known.redirects = known.redirects or bound.server.https_redirect
        for host in bound.server.hosts if bound.server.https_redirect else ():
            found.setdefault(host.lower(), GatewayHost(port=bound.server.port)).redirects = True
    for each in found.values():
        each.rules.sort(key=_takes_all)
    return found


def virtual_host(hosts: Mapping[str, GatewayHost], host: str) -> GatewayHost | None:
    """The virtual host that Envoy takes for a host: of that name, of the longest wildcard, or for all."""
    name = host.lower()
    if name in hosts:
        return hosts[name]
    wild = [each for each in hosts if each.startswith("*") and each != "*" and name.endswith(each[1:])]
    # Envoy's wildcard stands for at least one letter.
    fitting = [each for each in wild if len(name) >= len(each)]
    return hosts[max(fitting, key=len)] if fitting else hosts.get("*")


def _rules(proxy: GatewayProxy, bound: BoundServer, service: VirtualService) -> tuple[HttpRule, ...]:
    found = rules_for(service, proxy.client(bound.gateway), bound.server.port)
    # Behind one that takes everything istiod writes no more of the same VirtualService.
    last = next((n for n, each in enumerate(found) if _takes_all(each)), len(found))
    return found[: last + 1]


def _takes_all(rule: HttpRule) -> bool:
    """Whether a rule takes every request; istiod moves those behind the others (IsCatchAllRoute)."""
    match = table(rule.match)
    uri = table(match.get("uri"))
    anything = match.get("uri") is None or text(uri.get("prefix")) == "/" or text(uri.get("regex")) == ".*"
    return anything and not any(match.get(key) for key in _FURTHER)


_FURTHER = ("headers", "withoutHeaders", "queryParams", "method", "authority", "scheme")
