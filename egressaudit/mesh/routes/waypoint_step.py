"""What a waypoint does with a call: the service by its address, the rule, the clusters.

In: a world, the name of a waypoint's Gateway, and the call as ztunnel hands it over. Out: a `Step`. Example: of a call
of docs.example.com at port 80 the one choice sends to `inbound-vip|80|http|docs.example.com`, or by an HTTPRoute to
`outbound|80||egress.istio-egress.svc.cluster.local`, the gateway behind it.

istio/istio pilot/pkg/networking/core/listener_waypoint.go. A service is found by the address that was dialed, whatever
the request or its SNI names: rules for TLS count only if they match the service's own host and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from egressaudit.addresses import canonical_ip
from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.routes.ages import in_either_order
from egressaudit.mesh.routes.ambient_services import address_assumed
from egressaudit.mesh.routes.hostnames import within
from egressaudit.mesh.routes.http_rules import NO_ROUTE, choices, shared_out
from egressaudit.mesh.routes.protocols import AUTO, UDP, is_http, is_tls
from egressaudit.mesh.routes.registered import DYNAMIC_DNS, NO_ADDRESS, Registered, RegisteredPort
from egressaudit.mesh.routes.request_matches import authority
from egressaudit.mesh.routes.virtual_services import MESH, VirtualService
from egressaudit.mesh.routes.waypoint_proxy import WaypointProxies, WaypointProxy, addresses, in_turn, waypoint_pods
from egressaudit.mesh.untyped import names, number, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, RuleRef, Scheme, Step

LISTENER = "main_internal"
SERVES = "the waypoint serves"
"""A condition with these words is met or not by chance: istiod takes one of several services, in the order of a map."""
_NO_CHAIN = Choice(Act.REFUSE, reason="no-filter-chain")


def waypoint_step(world: World, waypoint: ObjectRef, call: Call) -> Step:
    """What the proxies of a waypoint do with a call; `call.port` is the service's own, `call.address` what was dialed.

    Without an address it is the one that the mesh has for the host.
    """
    pod = world.once(waypoint_pods).get(waypoint)
    view = world if pod is None else world.seen_by(pod.ref)
    return in_either_order(view, lambda seen: _of_any_service(seen.once(WaypointProxies), waypoint, call))


def _of_any_service(proxies: WaypointProxies, waypoint: ObjectRef, call: Call) -> Step:
    """Of several services of one host istiod serves one, and nothing tells which: each answer on condition.

    It chooses again for its clusters, beside the listener: if the two differ, a cluster may be missing.
    """
    rivals = proxies.proxy(waypoint).rivals
    each_turn = [proxies.proxy(waypoint, turn) for turn in range(max(map(len, rivals), default=1))]
    own = [_step(proxy, call) for proxy in each_turn]
    if all(step.choices == own[0].choices for step in own):
        return own[0]
    served = [names([str(in_turn(several, turn).origin) for several in rivals]) for turn in range(len(own))]
    found: list[Choice] = []
    for proxy, step, which in zip(each_turn, own, served, strict=True):
        for other, whose in zip(each_turn, served, strict=True):
            apart = _step(proxy.with_clusters_of(other), call)
            if apart.choices != step.choices:
                found += _if(f"{SERVES} {which} and has the clusters of {whose}", apart)
        found += _if(f"{SERVES} {which}", step)
    return replace(own[0], choices=tuple(found))


def _if(condition: str, step: Step) -> Iterator[Choice]:
    return (replace(each, when=(condition, *each.when)) for each in step.choices)


def _step(proxy: WaypointProxy, call: Call) -> Step:
    address = _dialed(proxy, call)
    found = proxy.at(address, call.port) if address else _by_untold_address(proxy, call)
    faults = tuple(
        fault.waypoint_serves_one_of(one.host, one.origin, other.origin)
        for one, *others in proxy.rivals
        if _means(one.host, call) or (found and one.host == found[0].host)
        for other in others
    )
    return Step(proxy.ref, Reporter.WAYPOINT, call, LISTENER, tuple(_of_each(proxy, found, address, call)), faults)


def _of_each(proxy: WaypointProxy, found: list[Registered], address: str, call: Call) -> Iterator[Choice]:
    """What becomes of the call at the first service; at the next, if that one may be served at another address."""
    for service in found:
        made = _chosen(proxy, service, call)
        several = proxy.at_one_of.get(service.host, ()) if address else ()
        if not several:
            yield from made
            return
        serving = f"of {names(several)} of {service.host} {SERVES} {address}"
        yield from (replace(each, when=(serving, *each.when)) for each in made if each != _NO_CHAIN)
    yield _NO_CHAIN


def _means(host: str, call: Call) -> bool:
    return within(call.host.lower().rstrip("."), host)


# ---------------------------------------------------------------- which service


def _by_untold_address(proxy: WaypointProxy, call: Call) -> list[Registered]:
    """The service of a host whose address the snapshot does not tell, if istiod gives it one."""
    service = proxy.named(call.host)
    return [service] if service is not None and address_assumed(service.origin, service.host) else []


def _dialed(proxy: WaypointProxy, call: Call) -> str:
    """The IP that was dialed, or the one that the mesh has for the host; '' if there is none."""
    known = canonical_ip(call.address) or canonical_ip(call.host)
    if known is None:
        service = proxy.named(call.host)
        known = NO_ADDRESS if service is None else addresses(service)[0].partition("/")[0]
    return "" if known == NO_ADDRESS else known


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
    # The virtual host is that host alone, and the Host of a request has its port where that is not 80.
    if service.resolution == DYNAMIC_DNS and not within(authority(call).lower(), service.host):
        return (NO_ROUTE,)
    rules = proxy.http_rules(service, call.port)
    if rules:
        return choices(rules, call, lambda said: proxy.target(said, call.port))
    own = proxy.inbound(service.host, call.port, "http")
    return tuple(shared_out(Choice(Act.SEND, "default"), [(own, 100)]))


def _bytes(proxy: WaypointProxy, service: Registered, port: int) -> tuple[Choice, ...]:
    """To the clusters of a rule or the service's own, by the tunnel of the first (buildWaypointNetworkFilters)."""
    found = _rule(proxy.rules_of(service), service, port)
    if found is None:
        own = proxy.inbound(service.host, port, "tcp")
        return tuple(shared_out(Choice(Act.SEND, tunnel=proxy.clusters.tunnel([own])), [(own, 100)]))
    ref, routes = found
    targets = [
        (proxy.target(table(each.get("destination")), port), max(0, number(each.get("weight")) or 0)) for each in routes
    ]
    tunnel = proxy.clusters.tunnel([target for target, _ in targets])
    return tuple(shared_out(Choice(Act.SEND, rule=ref, tunnel=tunnel), targets))


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
