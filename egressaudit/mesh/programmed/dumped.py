"""Envoy's `config_dump` as its parts: listeners, route tables, names of clusters, addresses of endpoints.

Envoy answers with one list for `?resource=dynamic_listeners`, and with one object for each kind of configuration
without it (envoyproxy/envoy api/envoy/admin/v3/config_dump.proto). Both are read, of any shape: the container that
answers is the user's own.

In: JSON of one or more answers. Out: `Dumped`. Example: `{"configs": [{"active_state": {"listener": {"name":
"0.0.0.0_80", ...}}}]}` has one listener.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from egressaudit.mesh.untyped import number, rows, table, text
from egressaudit.model import Tls

Node = Mapping[str, Any]
"""A message as JSON has it, of any shape."""

_LISTS = (
    *("dynamic_listeners", "static_listeners", "dynamic_route_configs", "static_route_configs"),
    *("dynamic_active_clusters", "static_clusters", "dynamic_endpoint_configs", "static_endpoint_configs"),
)


_UNHEALTHY = ("UNHEALTHY", "DRAINING", "TIMEOUT")


@dataclass(frozen=True, slots=True)
class Dumped:
    """The parts of a proxy's configuration that decide where a call goes."""

    listeners: tuple[Node, ...] = ()
    routes: Mapping[str, Node] = field(default_factory=dict)
    """Route tables by name."""
    clusters: frozenset[str] | None = None
    """Names of all clusters; None if nobody asked for them."""
    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses (`IP:port`) of a cluster's endpoints without unhealthy ones, for clusters that were asked for."""
    wrapped: Mapping[str, tuple[Tls, str]] = field(default_factory=dict)
    """The TLS that a cluster wraps around what it sends, with its server name; nothing for those without."""
    refused: tuple[str, ...] = ()
    """Updates that the proxy refused, with its reason: what it has is older than what istiod sent."""


def dumped(answers: Iterable[object], *, all_clusters: bool = False) -> Dumped:
    """The parts of all answers together; `all_clusters` if they name every cluster."""
    listeners: list[Node] = []
    routes: dict[str, Node] = {}
    clusters: set[str] = set()
    endpoints: dict[str, tuple[str, ...]] = {}
    wrapped: dict[str, tuple[Tls, str]] = {}
    refused: list[str] = []
    for entry in _entries(answers):
        state = table(entry.get("active_state")) or entry
        if listener := table(state.get("listener")):
            listeners.append(listener)
        if route := table(entry.get("route_config")):
            routes[text(route.get("name"))] = route
        if cluster := table(entry.get("cluster")):
            clusters.add(text(cluster.get("name")))
            if tls := _wrapped(cluster):
                wrapped[text(cluster.get("name"))] = tls
        if assigned := table(entry.get("endpoint_config")):
            endpoints[text(assigned.get("cluster_name"))] = _healthy(assigned)
        if error := text(table(entry.get("error_state")).get("details")):
            refused.append(f"{text(entry.get('name')) or 'an update'}: {error}")
    return Dumped(
        listeners=tuple(listeners),
        routes=routes,
        clusters=frozenset(clusters) if all_clusters else None,
        endpoints=endpoints,
        wrapped=wrapped,
        refused=tuple(refused),
    )


def _entries(answers: Iterable[object]) -> Iterator[Node]:
    for answer in answers:
        for config in rows(table(answer).get("configs")):
            lists = [name for name in _LISTS if name in config]
            for name in lists:
                yield from rows(config[name])
            if not lists:
                yield config


def _healthy(assigned: Node) -> tuple[str, ...]:
    every = [each for locality in rows(assigned.get("endpoints")) for each in rows(locality.get("lb_endpoints"))]
    healthy = (each for each in every if text(each.get("health_status")) not in _UNHEALTHY)
    return tuple(filter(None, (_address(table(each.get("endpoint"))) for each in healthy)))


def _address(endpoint: Node) -> str:
    address = table(endpoint.get("address"))
    socket = table(address.get("socket_address"))
    host, port = text(socket.get("address")), number(socket.get("port_value"))
    if host and port is not None:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return text(table(address.get("envoy_internal_address")).get("endpoint_id"))


def _wrapped(cluster: Node) -> tuple[Tls, str] | None:
    """What a cluster's own transport socket does. Those chosen by endpoint (auto mTLS) are not read."""
    context = table(table(cluster.get("transport_socket")).get("typed_config"))
    if not text(context.get("@type")).endswith("UpstreamTlsContext"):
        return None
    certificates = rows(table(context.get("common_tls_context")).get("tls_certificate_sds_secret_configs"))
    of_mesh = any(text(each.get("name")) == "default" for each in certificates)
    return (Tls.MUTUAL if of_mesh else Tls.TLS), text(context.get("sni"))


def route_tables(dump: Dumped) -> tuple[str, ...]:
    """The names of the route tables that the listeners look up by name (RDS)."""
    chains = [each for listener in dump.listeners for each in _chains(listener)]
    managers = [table(each.get("typed_config")) for chain in chains for each in rows(chain.get("filters"))]
    names = (text(table(each.get("rds")).get("route_config_name")) for each in managers)
    return tuple(sorted(filter(None, set(names))))


def _chains(listener: Node) -> Iterator[Node]:
    yield from rows(listener.get("filter_chains"))
    yield table(listener.get("default_filter_chain"))
