"""Which listener takes a call, and what its inspectors find: as iptables and Envoy choose it.

The listener of exactly this address and port, then the one of any address and this port, then `virtualOutbound`, whose
`use_original_dst` handed the connection on to the others (istio/istio pilot/pkg/simulation/traffic.go, matchListener).

In: the listeners of a dump, and an `Incoming`. Out: the listener, or None.
Example: a call to port 80 takes `0.0.0.0_80`, unless there is a listener for its own address.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.mesh.programmed.dumped import Dumped, Node
from egressaudit.mesh.programmed.incoming import Incoming
from egressaudit.mesh.untyped import number, rows, table, text

_ANY = ("0.0.0.0", "::")  # noqa: S104
_TLS, _HTTP = "envoy.filters.listener.tls_inspector", "envoy.filters.listener.http_inspector"
_DEEPEST = 20


def listener_for(dump: Dumped, call: Incoming) -> Node | None:
    """The listener that takes it."""
    named = {text(each.get("name")): each for each in dump.listeners}
    if waypoint := named.get("main_internal"):
        return waypoint
    outbound = [each for name, each in named.items() if name != "virtualInbound"]
    exact = [each for each in outbound if (call.address, call.port) in _places(each)]
    anywhere = [each for each in outbound if any((ip, call.port) in _places(each) for ip in _ANY)]
    return next(iter([*exact, *anywhere, *_stand_ins(outbound, call)]), named.get("virtualOutbound"))


def inspected(listener: Node, call: Incoming) -> tuple[str, tuple[str, ...]]:
    """The transport protocol and the application protocols that the listener's inspectors find."""
    if call.tls:
        return ("tls", call.alpn) if _runs(listener, _TLS, call.port) else ("raw_buffer", ())
    return "raw_buffer", ("http/1.1",) if call.is_http and _runs(listener, _HTTP, call.port) else ()


def _places(listener: Node) -> list[tuple[str, int]]:
    return list(_sockets(listener))


def _sockets(listener: Node) -> Iterator[tuple[str, int]]:
    more = [table(each.get("address")) for each in rows(listener.get("additional_addresses"))]
    for address in (table(listener.get("address")), *more):
        socket = table(address.get("socket_address"))
        port = number(socket.get("port_value"))
        if port is not None and text(socket.get("protocol")) in ("", "TCP"):
            yield text(socket.get("address")), port


def _stand_ins(listeners: list[Node], call: Incoming) -> list[Node]:
    """Those that are only called `ADDRESS_PORT`: the lab, which has no iptables, listens elsewhere under this name."""
    end = f"{call.address}_{call.port}" if call.address else f"_{call.port}"
    elsewhere = [each for each in listeners if call.port not in dict(_places(each)).values()]
    return [each for each in elsewhere if text(each.get("name")).endswith(end)]


def _runs(listener: Node, name: str, port: int) -> bool:
    """Whether an inspector runs for connections to a port."""
    for each in rows(listener.get("listener_filters")):
        if text(each.get("name")) == name:
            return not _holds(table(each.get("filter_disabled")), port, _DEEPEST)
    return False


def _holds(predicate: Node, port: int, deepest: int) -> bool:
    """envoyproxy/envoy api/envoy/config/listener/v3/listener_components.proto, ListenerFilterChainMatchPredicate."""
    if not predicate or not deepest:
        return False
    if "or_match" in predicate:
        return any(_holds(each, port, deepest - 1) for each in rows(table(predicate["or_match"]).get("rules")))
    if "and_match" in predicate:
        return all(_holds(each, port, deepest - 1) for each in rows(table(predicate["and_match"]).get("rules")))
    if "not_match" in predicate:
        return not _holds(table(predicate["not_match"]), port, deepest - 1)
    if "destination_port_range" in predicate:
        ports = table(predicate["destination_port_range"])
        return (number(ports.get("start")) or 0) <= port < (number(ports.get("end")) or 0)
    return predicate.get("any_match") is True
