"""Envoy's `config_dump` as its parts: listeners, route tables, names of clusters, numbers of endpoints.

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

from egressaudit.mesh.untyped import rows, table, text

Node = Mapping[str, Any]
"""A message as JSON has it, of any shape."""

_LISTS = (
    *("dynamic_listeners", "static_listeners", "dynamic_route_configs", "static_route_configs"),
    *("dynamic_active_clusters", "static_clusters", "dynamic_endpoint_configs", "static_endpoint_configs"),
)


@dataclass(frozen=True, slots=True)
class Dumped:
    """The parts of a proxy's configuration that decide where a call goes."""

    listeners: tuple[Node, ...] = ()
    routes: Mapping[str, Node] = field(default_factory=dict)
    """Route tables by name."""
    clusters: frozenset[str] | None = None
    """Names of all clusters; None if nobody asked for them."""
    endpoints: Mapping[str, int] = field(default_factory=dict)
    """How many endpoints that aren't unhealthy a cluster has, for clusters that were asked for."""
    refused: tuple[str, ...] = ()
    """Updates that the proxy refused, with its reason: what it has is older than what istiod sent."""


def dumped(answers: Iterable[object], *, all_clusters: bool = False) -> Dumped:
    """The parts of all answers together; `all_clusters` if they name every cluster."""
    listeners: list[Node] = []
    routes: dict[str, Node] = {}
    clusters: set[str] = set()
    endpoints: dict[str, int] = {}
    refused: list[str] = []
    for entry in _entries(answers):
        state = table(entry.get("active_state")) or entry
        if listener := table(state.get("listener")):
            listeners.append(listener)
        if route := table(entry.get("route_config")):
            routes[text(route.get("name"))] = route
        if cluster := table(entry.get("cluster")):
            clusters.add(text(cluster.get("name")))
        if assigned := table(entry.get("endpoint_config")):
            endpoints[text(assigned.get("cluster_name"))] = _healthy(assigned)
        if error := text(table(entry.get("error_state")).get("details")):
            refused.append(f"{text(entry.get('name')) or 'an update'}: {error}")
    return Dumped(
        listeners=tuple(listeners),
        routes=routes,
        clusters=frozenset(clusters) if all_clusters else None,
        endpoints=endpoints,
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


def _healthy(assigned: Node) -> int:
    every = [each for locality in rows(assigned.get("endpoints")) for each in rows(locality.get("lb_endpoints"))]
    return sum(text(each.get("health_status")) not in ("UNHEALTHY", "DRAINING", "TIMEOUT") for each in every)
