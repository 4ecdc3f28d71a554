"""What a waypoint does with a call: the service by its address, the rule, the clusters.

In: a world, the name of a waypoint's Gateway, and the call as ztunnel hands it over. Out: a `Step`. Example: of a call
of docs.example.com at port 80 the one choice sends to `inbound-vip|80|http|docs.example.com`, or by an HTTPRoute to
`outbound|80||egress.istio-egress.svc.cluster.local`, the gateway behind it.

istio/istio pilot/pkg/networking/core/listener_waypoint.go. A service is found by the address that was dialed, whatever
the request or its SNI names: rules for TLS count only if they match the service's own host and nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.routes.ages import in_either_order
from egressaudit.mesh.routes.hostnames import within
from egressaudit.mesh.routes.http_rules import NO_ROUTE, choices, shared_out
from egressaudit.mesh.routes.names import is_ip
from egressaudit.mesh.routes.protocols import AUTO, UDP, is_http, is_tls
from egressaudit.mesh.routes.registered import DYNAMIC_DNS, NO_ADDRESS, Registered, RegisteredPort
from egressaudit.mesh.routes.virtual_services import MESH, VirtualService
from egressaudit.mesh.routes.waypoint_proxy import WaypointProxies, WaypointProxy
from egressaudit.mesh.untyped import number, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, RuleRef, Scheme, Step

LISTENER = "main_internal"
_NO_CHAIN = Choice(Act.REFUSE, reason="no-filter-chain")


def waypoint_step(world: World, waypoint: ObjectRef, call: Call) -> Step:
    """What the proxies of a waypoint do with a call; `call.port` is the service's own, `call.address` what was dialed.

    Without an address it is the one that the mesh has for the host.
    """
    pods = [pod for pod in world.pods if pod.gateway == waypoint and pod.role is Reporter.WAYPOINT]
    view = world.seen_by(pods[0].ref) if pods else world
    return in_either_order(view, lambda seen: _of_either_service(seen.once(WaypointProxies), waypoint, call))


def _of_either_service(proxies: WaypointProxies, waypoint: ObjectRef, call: Call) -> Step:
    """Of two services of one host istiod serves one, and nothing tells which: both answers, the first on condition."""
    proxy = proxies.proxy(waypoint)
    made = _step(proxy, call)
    if not proxy.rivals:
        return made
    other = _step(proxies.proxy(waypoint, last=True), call)
    if other.choices == made.choices:
        return made
    kept = ", ".join(sorted({str(one.origin) for one, _ in proxy.rivals}))
    first = (replace(each, when=(f"of services of one host istiod keeps {kept}", *each.when)) for each in made.choices)
    return replace(made, choices=(*first, *other.choices))


def _step(proxy: WaypointProxy, call: Call) -> Step:
    address = _dialed(proxy, call)
    service = None if address is None else _at(proxy, address, call.port)
    faults = tuple(
        fault.waypoint_serves_one_of(one.host, one.origin, other.origin)
        for one, other in proxy.rivals
        if _means(one.host, call) or (service is not None and one.host == service.host)
    )
    made = () if service is None else _chosen(proxy, service, call)
    return Step(proxy.ref, Reporter.WAYPOINT, call, LISTENER, tuple(made) or (_NO_CHAIN,), faults)


def _means(host: str, call: Call) -> bool:
    return within(call.host.lower().rstrip("."), host)


# ---------------------------------------------------------------- which service


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _dialed(proxy: WaypointProxy, call: Call) -> _Address | None:
    """The address that was dialed, or the one that the mesh has for the host; None if there is none."""
    said = call.address or call.host
    if not is_ip(said):
        service = _named(proxy, call.host)
        said = NO_ADDRESS if service is None else _addresses(service)[0].partition("/")[0]
    return None if said == NO_ADDRESS else ipaddress.ip_address(said)


def _named(proxy: WaypointProxy, host: str) -> Registered | None:
    """The service of a host, exact before the longest wildcard."""
    name = host.lower().rstrip(".")
    fitting = [each for each in proxy.services.values() if within(name, each.host)]
    return max(fitting, key=lambda each: (not each.host.startswith("*"), len(each.host)), default=None)


def _at(proxy: WaypointProxy, address: _Address, port: int) -> Registered | None:
    """The first service of an address that has the port."""
    at = (each for each in proxy.services.values() if any(address in one for one in _networks(each)))
    return next((each for each in at if each.port(port) is not None), None)


def _networks(service: Registered) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for each in _addresses(service):
        yield ipaddress.ip_network(each, strict=False)


def _addresses(service: Registered) -> tuple[str, ...]:
    """All by which a waypoint knows it; it takes those that istiod gave, too (service.go getAllAddressesForProxy)."""
    if service.addresses == (NO_ADDRESS,):
        return service.allocated or service.addresses
    return service.addresses


# ---------------------------------------------------------------- what becomes of it


def _chosen(proxy: WaypointProxy, service: Registered, call: Call) -> tuple[Choice, ...]:
    port = service.port(call.port)
    if port is None or port.protocol == UDP or _shut(proxy, service, port):
        return (_NO_CHAIN,)
    plain = call.scheme is Scheme.HTTP
    if is_http(port.protocol) or (port.protocol == AUTO and plain):
        return _http(proxy, service, call) if plain else (Choice(Act.REFUSE, reason="protocol-error"),)
    return _bytes(proxy, service, call.port)


def _shut(proxy: WaypointProxy, service: Registered, port: RegisteredPort) -> bool:
    wild = service.host.startswith("*") and service.resolution == DYNAMIC_DNS
    return wild and is_tls(port.protocol) and not proxy.wildcard_tls


def _http(proxy: WaypointProxy, service: Registered, call: Call) -> tuple[Choice, ...]:
    if service.resolution == DYNAMIC_DNS and not within(call.host.lower(), service.host):
        return (NO_ROUTE,)
    rules = proxy.http_rules(service, call.port)
    if rules:
        return choices(rules, call, lambda said: proxy.target(said, call.port))
    own = proxy.inbound(service.host, call.port, "http")
    return tuple(shared_out(Choice(Act.SEND, "default"), [(own, 100)]))


def _bytes(proxy: WaypointProxy, service: Registered, port: int) -> tuple[Choice, ...]:
    found = _rule(proxy.rules_of(service), service, port)
    if found is None:
        return tuple(shared_out(Choice(Act.SEND), [(proxy.inbound(service.host, port, "tcp"), 100)]))
    ref, routes = found
    targets = [
        (proxy.target(table(each.get("destination")), port), max(0, number(each.get("weight")) or 0)) for each in routes
    ]
    return tuple(shared_out(Choice(Act.SEND, rule=ref), targets))


_Routes = tuple[Mapping[str, Any], ...]


def _rule(found: tuple[VirtualService, ...], service: Registered, port: int) -> tuple[RuleRef, _Routes] | None:
    """The rule for bytes: those for TLS of all go before those for TCP (getWaypointTCPRoutes)."""
    for kind in ("tls", "tcp"):
        for rules in found:
            for index, rule in rules.rules(kind):
                if (routes := rows(rule.get("route"))) and _takes(rule, kind, service, port):
                    return rules.ref(kind, index), routes
    return None


def _takes(rule: Mapping[str, Any], kind: str, service: Registered, port: int) -> bool:
    matches = rows(rule.get("match"))
    if not matches:
        return True
    if kind == "tls":
        matches = tuple(each for each in matches if words(each.get("sniHosts")) == (service.host,))
    return any(_fits(each, port) for each in matches)


def _fits(match: Mapping[str, Any], port: int) -> bool:
    named = words(match.get("gateways"))
    return (
        (not named or MESH in named)
        and not texts(match.get("sourceLabels"))
        and (number(match.get("port")) or port) == port
        and not text(match.get("sourceNamespace"))
    )
