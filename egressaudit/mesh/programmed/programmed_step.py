"""What a proxy does with a call by the configuration that it has: its dump, evaluated as Envoy evaluates it.

In: a `Dumped`, a call, and which proxy it is. Out: a `Step`, comparable with that of the objects.
Example: listener `0.0.0.0_80`, virtual host `docs.example.com:80`, one choice that sends to
`outbound|80||egress.istio-egress.svc.cluster.local`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from egressaudit.mesh.programmed.chain_match import chain_for
from egressaudit.mesh.programmed.dumped import Dumped, Node
from egressaudit.mesh.programmed.incoming import Incoming, incoming
from egressaudit.mesh.programmed.listener_match import listener_for
from egressaudit.mesh.programmed.route_match import matching_routes, virtual_host
from egressaudit.mesh.untyped import number, rows, table, text
from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, RouteDestination, RuleRef, Step, Tls

_HTTP = "envoy.filters.network.http_connection_manager"
_TCP = "envoy.filters.network.tcp_proxy"
_FAULT = "envoy.filters.http.fault"
_PER_CENT = {"": 1.0, "HUNDRED": 1.0, "TEN_THOUSAND": 100.0, "MILLION": 10_000.0}
_RULE = re.compile(r"/apis/[^/]+/[^/]+/namespaces/([^/]+)/([^/]+)/([^/]+)")
"""How istiod names the object behind a route (istio/istio pilot/pkg/networking/util, BuildConfigInfoMetadata)."""


def programmed_step(dump: Dumped, call: Call, proxy: ObjectRef, reporter: Reporter) -> Step:
    """What the proxy does with the call."""
    bytes_ = incoming(call)
    step = Step(proxy=proxy, reporter=reporter, call=call)
    listener = listener_for(dump, bytes_)
    if listener is None:
        return replace(step, choices=(_refused("no-listener"),))
    step = replace(step, listener=text(listener.get("name")))
    chain = chain_for(listener, bytes_)
    if chain is None:
        return replace(step, choices=(_refused("no-filter-chain"),))
    return replace(step, choices=tuple(_choices(dump, chain, bytes_)))


def _refused(reason: str) -> Choice:
    return Choice(Act.REFUSE, reason=reason)


def _choices(dump: Dumped, chain: Node, call: Incoming) -> Iterator[Choice]:
    if _handshake_fails(chain, call):
        yield _refused("tls-error")
    elif manager := _filter(chain, _HTTP):
        # HTTP is in the bytes if nothing is left around it: TLS that this chain does not open is not HTTP.
        if not call.is_http or (call.tls and not chain.get("transport_socket")):
            yield _refused("protocol-error")
        else:
            yield from _routed(dump, manager, call)
    elif proxy := _filter(chain, _TCP):
        weighted = rows(table(proxy.get("weighted_clusters")).get("clusters"))
        yield _sent(dump, Choice(Act.SEND, rule=_rule(chain)), weighted or ({"name": proxy.get("cluster")},))
    else:
        yield _refused("no-filter-chain")


def _filter(chain: Node, name: str) -> Node:
    found = (table(each.get("typed_config")) for each in rows(chain.get("filters")) if text(each.get("name")) == name)
    return next(found, {})


def _handshake_fails(chain: Node, call: Incoming) -> bool:
    """Whether the chain opens TLS with other certificates than the client believes (istiod's are named `default`)."""
    socket = table(table(chain.get("transport_socket")).get("typed_config"))
    if not socket:
        return False
    common = table(socket.get("common_tls_context"))
    certificates = rows(common.get("tls_certificate_sds_secret_configs"))
    of_mesh = bool(certificates) and text(certificates[0].get("name")) == "default"
    asks = socket.get("require_client_certificate") is True
    return not call.tls or of_mesh != (call.call.tls is Tls.MUTUAL) or (asks and not of_mesh)


def _routed(dump: Dumped, manager: Node, call: Incoming) -> Iterator[Choice]:
    routes = table(manager.get("route_config")) or dump.routes.get(
        text(table(manager.get("rds")).get("route_config_name")), {}
    )
    host = virtual_host(routes, call.authority)
    if host is None:
        yield _refused("no-route")
        return
    if host.get("require_tls") == "ALL" and not call.tls:
        yield Choice(Act.ANSWER, reason="redirect")
        return
    last: tuple[str, ...] = ("",)
    for route, when in matching_routes(host, call):
        yield from _of_route(dump, route, when)
        last = when
    if last:
        yield _refused("no-route")


def _of_route(dump: Dumped, route: Node, when: tuple[str, ...]) -> Iterator[Choice]:
    choice = Choice(Act.SEND, route=text(route.get("name")), rule=_rule(route), when=when)
    aborts = _aborts(route)
    if aborts:
        condition = (f"fault {aborts:g}%",) if aborts < 100 else ()
        yield replace(choice, act=Act.ANSWER, when=(*when, *condition), reason="fault")
    if aborts < 100:
        yield _acted(dump, choice, route)


def _acted(dump: Dumped, choice: Choice, route: Node) -> Choice:
    if "redirect" in route:
        return replace(choice, act=Act.ANSWER, reason="redirect")
    if "direct_response" in route:
        if choice.route == "block_all":
            return replace(choice, act=Act.REFUSE, reason="block-all")
        status = number(table(route["direct_response"]).get("status"))
        return replace(choice, act=Act.ANSWER, reason=f"direct-response {status}")
    action = table(route.get("route"))
    weighted = rows(table(action.get("weighted_clusters")).get("clusters"))
    if not weighted and not text(action.get("cluster")):
        return replace(choice, act=Act.REFUSE, reason="no-route")
    rewritten = "auto" if action.get("auto_host_rewrite") is True else text(action.get("host_rewrite_literal"))
    return _sent(dump, replace(choice, authority=rewritten), weighted or ({"name": action.get("cluster")},))


def _sent(dump: Dumped, choice: Choice, clusters: tuple[Mapping[str, object], ...]) -> Choice:
    """To these clusters, or to none, if the proxy has none of them."""
    weights = [_weight(each) if len(clusters) > 1 else 100 for each in clusters]
    total = sum(weights) or 1
    to = tuple(
        _destination(text(each.get("name")), round(weight * 100 / total))
        for each, weight in zip(clusters, weights, strict=True)
    )
    if dump.clusters is not None and not any(each.cluster in dump.clusters for each in to):
        return replace(choice, act=Act.REFUSE, to=to, reason="no-cluster")
    if len(to) == 1 and to[0].cluster == "PassthroughCluster":
        return replace(choice, act=Act.PASSTHROUGH, to=to)
    if len(to) == 1 and to[0].cluster == "BlackHoleCluster":
        return replace(choice, act=Act.REFUSE, to=to, reason="block-all")
    return replace(choice, to=to)


def _weight(cluster: Mapping[str, object]) -> int:
    return number(cluster.get("weight")) or 0


def _destination(name: str, weight: int) -> RouteDestination:
    parts = name.split("|")
    _, port, subset, host = parts if len(parts) == 4 else ("", "", "", "")
    return RouteDestination(name, host, int(port) if port.isdecimal() and len(port) < 6 else 0, subset, weight)


def _rule(made: Node) -> RuleRef | None:
    """The object that a route or filter chain was made of, if istiod says it."""
    metadata = table(table(table(made.get("metadata")).get("filter_metadata")).get("istio"))
    found = _RULE.fullmatch(text(metadata.get("config")))
    if found is None:
        return None
    namespace, kind, name = found.groups()
    return RuleRef(f"{''.join(word.capitalize() for word in kind.split('-'))} {namespace}/{name}", "")


def _aborts(route: Node) -> float:
    """Per cent of the requests that a fault rule aborts."""
    abort = table(table(table(route.get("typed_per_filter_config")).get(_FAULT)).get("abort"))
    share = table(abort.get("percentage"))
    return (number(share.get("numerator")) or 0) / _PER_CENT.get(text(share.get("denominator")), 1.0)
