"""What a gateway proxy does with a call: server, filter chain, virtual host, rule, clusters.

In: a world, the pod of a gateway proxy, and the call as it arrives there. Out: a `Step`. Example: a call for
docs.example.com at port 8443, wrapped in mTLS, is sent to `outbound|443||docs.example.com` by
`VirtualService egress/docs spec.http[1]`.

Source: istio/istio pilot/pkg/networking/core/gateway.go. A call's host is what its request or its SNI names, its port
is the proxy's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from egressaudit.mesh.routes.ages import in_either_order
from egressaudit.mesh.routes.gateway_chains import GatewayChain, L4Rule, chains
from egressaudit.mesh.routes.gateway_hosts import virtual_host, virtual_hosts
from egressaudit.mesh.routes.gateway_index import GatewayProxy, gateway_proxy
from egressaudit.mesh.routes.gateway_scope import GatewayScopes
from egressaudit.mesh.routes.hostnames import within
from egressaudit.mesh.routes.http_rules import NO_ROUTE, HttpRule, Resolve, RuleTarget, choices, shared_out
from egressaudit.mesh.routes.route_parents import parent_name
from egressaudit.mesh.routes.route_status import status_faults
from egressaudit.mesh.routes.served_gateways import ISTIO_MUTUAL
from egressaudit.mesh.untyped import number, rows, table, text, words
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, Fault, Pod, Reporter, Scheme, Step, Tls

_ANY, _ANY_V6 = "0.0.0.0", "::"  # noqa: S104  # As istiod names its listeners.


def step(world: World, proxy: Pod, call: Call) -> Step:
    """What the gateway proxy in a pod does with a call that arrives at one of its ports."""
    return in_either_order(world.seen_by(proxy.ref), lambda either: _step(either, proxy, call))


def _step(world: World, proxy: Pod, call: Call) -> Step:
    known = gateway_proxy(world, proxy)
    found = known.once(chains, call.port)
    v6_only = bool(proxy.addresses) and all(":" in each for each in proxy.addresses)
    listener = f"{_ANY_V6 if v6_only else _ANY}_{call.port}" if found else ""
    faults = _status_faults(world, known, call.host)
    made = Step(proxy.ref, Reporter.EGRESS_GATEWAY, call, listener, faults=faults)
    if not found:
        return replace(made, choices=(_refused("no-listener"),))
    chain = found.taking(_sni(call), of_mesh=call.tls is Tls.MUTUAL)
    if chain is None:
        return replace(made, choices=(_refused("no-filter-chain"),))
    return replace(made, choices=_chosen(known, chain, call))


def _status_faults(world: World, proxy: GatewayProxy, host: str) -> tuple[Fault, ...]:
    """What the status of routes of the host says otherwise, of those that name a Gateway of this proxy."""
    told = world.once(status_faults)
    own = {each.gateway.partition("~")[0] for servers in proxy.servers.ports.values() for each in servers if told}
    found: list[Fault] = []
    for route, faults in told:
        hosts = words(route.spec.get("hostnames"))
        parents = (parent_name(route, each) for each in rows(route.spec.get("parentRefs")))
        if (not hosts or any(within(host, each) for each in hosts)) and not own.isdisjoint(parents):
            found += faults
    return tuple(found)


def _sni(call: Call) -> str:
    """The server name by which a listener chooses; '' where what arrives is no TLS."""
    if call.tls is not Tls.NONE:
        return call.sni
    return (call.sni or call.host) if call.scheme is Scheme.HTTPS else ""


def _chosen(proxy: GatewayProxy, chain: GatewayChain, call: Call) -> tuple[Choice, ...]:
    if chain.opens is not None:
        opened = _opened(chain.opens, call)
        if opened is None:
            return (_refused("tls-error"),)
        call = opened
    if chain.cluster is not None:
        to = replace(chain.cluster.to, cluster=chain.sni[0])
        return (Choice(Act.SEND, to=(to,)),)
    if chain.rule is not None:
        return _bytes(proxy, chain, chain.rule)
    if call.tls is not Tls.NONE or call.scheme is not Scheme.HTTP:
        return (_refused("protocol-error"),)
    return _http(proxy, chain, call)


def _opened(mode: str, call: Call) -> Call | None:
    """The call inside the TLS that a server opens; None if the handshake fails.

    With ISTIO_MUTUAL a server has the mesh's certificate and asks for one of the mesh. With any other mode it has one
    of its own, and a client that sends mTLS of the mesh believes the mesh's root alone (istio/istio
    pilot/pkg/networking/core/gateway.go buildGatewayListenerTLSContext, cluster_tls.go buildUpstreamClusterTLSContext).
    """
    if call.tls is not Tls.NONE:
        fails = (mode == ISTIO_MUTUAL) != (call.tls is Tls.MUTUAL)
        return None if fails else replace(call, tls=Tls.NONE, sni="")
    if call.scheme is not Scheme.HTTPS or mode in (ISTIO_MUTUAL, "MUTUAL"):
        return None
    return replace(call, scheme=Scheme.HTTP, sni="")


def _refused(reason: str) -> Choice:
    return Choice(Act.REFUSE, reason=reason)


# ---------------------------------------------------------------- HTTP


def _http(proxy: GatewayProxy, chain: GatewayChain, call: Call) -> tuple[Choice, ...]:
    host = virtual_host(proxy.once(virtual_hosts, chain.route), call.host)
    if host is None:
        return (NO_ROUTE,)
    if host.redirects and chain.opens is None:
        return (Choice(Act.ANSWER, reason="redirect"),)
    found: list[Choice] = []
    for rule in host.rules:
        found += choices((rule,), call, _resolve(proxy, rule, host.port))
        if not found[-1].when and found[-1] is not NO_ROUTE:
            return tuple(found)
        found = [each for each in found if each is not NO_ROUTE]
    return (*found, NO_ROUTE)


def _resolve(proxy: GatewayProxy, rule: HttpRule, port: int) -> Resolve:
    scopes, namespace = proxy.world.once(GatewayScopes.of), proxy.pod.namespace
    known = proxy.clusters

    def resolve(said: Mapping[str, Any]) -> RuleTarget:
        service = scopes.service(text(said.get("host")), rule.service.namespace, namespace)
        return known.target(said, service, port)

    return resolve


# ---------------------------------------------------------------- bytes


def _bytes(proxy: GatewayProxy, chain: GatewayChain, rule: L4Rule) -> tuple[Choice, ...]:
    """What a `tcp` or `tls` rule does with a connection (networkfilter.go buildOutboundNetworkFilters)."""
    known = proxy.clusters
    listed = [
        (table(each.get("destination")), number(each.get("weight")) or 0) for each in rows(rule.body.get("route"))
    ]
    port = chain.server.server.port if chain.server is not None else chain.port.port
    targets = [
        (known.target(said, known.services.get(text(said.get("host"))), port), weight) for said, weight in listed
    ]
    tunnel = known.tunnel([target for target, _ in targets])
    made = Choice(Act.SEND, rule=rule.service.ref(rule.kind, rule.index), tunnel=tunnel)
    return tuple(shared_out(made, targets))
