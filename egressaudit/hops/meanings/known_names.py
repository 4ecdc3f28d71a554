"""Names that Istio gives to clusters and routes, and what they say.

In: `outbound|80||docs.example.com`. Out: "outbound, port 80, host docs.example.com: ...".
Example: `route_meaning("allow_any").says` is about hosts that the mesh doesn't know.
"""

from __future__ import annotations

import re

from egressaudit.hops.dialects import cluster_name
from egressaudit.hops.meanings.meaning import Meaning, Proves

_UTIL = "istio/istio pilot/pkg/networking/util/util.go"
_NAMES = "istio/istio pilot/pkg/model/service.go, BuildSubsetKey"
_ROUTES = "istio/istio pilot/pkg/networking/core/httproute.go"

CLUSTERS = (
    Meaning(
        "PassthroughCluster",
        "to the address that the client dialed: the mesh knows no such host and port, and lets it out (ALLOW_ANY)",
        Proves.ENDING,
        _UTIL,
    ),
    Meaning(
        "BlackHoleCluster",
        "to nowhere: the mesh knows no such host and port, and keeps it in (REGISTRY_ONLY)",
        Proves.NOTHING_SENT,
        _UTIL,
    ),
    Meaning(
        "InboundPassthroughCluster",
        "to the pod itself, on a port that no Service of the mesh has",
        Proves.ENDING,
        _UTIL,
    ),
    Meaning(
        "AllowAnyDynamicDNSCluster",
        "to whatever address the requested host has: the mesh knows no such host, and lets it out",
        Proves.ENDING,
        _UTIL,
    ),
    Meaning("UnknownService", "to nowhere: the route names a backend that doesn't exist", Proves.NOTHING_SENT, _UTIL),
)
"""Clusters that aren't a Service's or ServiceEntry's."""

DIRECTIONS = (
    Meaning("outbound", "to a host of the mesh's registry, as this proxy sends it", Proves.ENDING, _NAMES),
    Meaning("inbound", "to the pod itself", Proves.ENDING, _NAMES),
    Meaning("inbound-vip", "to a host that this waypoint serves", Proves.ENDING, _NAMES),
)
"""The first part of `direction|port|subset|host`."""

ROUTES = (
    Meaning(
        "default",
        "the host's own route: no VirtualService or HTTPRoute changed where it goes",
        Proves.ENDING,
        f"{_ROUTES} and core/route/route.go",
    ),
    Meaning("allow_any", "for hosts that the mesh doesn't know, which it lets out (ALLOW_ANY)", Proves.ENDING, _ROUTES),
    Meaning(
        "allow_any_dynamic_dns",
        "for hosts that the mesh doesn't know, which it resolves and lets out",
        Proves.ENDING,
        _ROUTES,
    ),
    Meaning(
        "block_all",
        "for hosts that the mesh doesn't know, which it keeps in (REGISTRY_ONLY)",
        Proves.NOTHING_SENT,
        _ROUTES,
    ),
)
"""Routes that istiod names. Any other name is a rule's: of a VirtualService, or `namespace.route.number` of an
HTTPRoute."""

_OF_HTTP_ROUTE = re.compile(r"([a-z0-9-]+)\.([a-z0-9.-]+)\.([0-9]+)")


def cluster_words(value: str) -> str:
    """The name taken apart, and what it says."""
    bare = value.removesuffix(";")
    for each in CLUSTERS:
        if bare.startswith(each.word):
            return each.says
    parts = cluster_name(value)
    if parts is None or (parts.host is None and parts.port is None):
        return "not a name that Istio gives: of an EnvoyFilter, or of meshConfig's statistics names"
    said = next((each.says for each in DIRECTIONS if each.word == parts.direction), "")
    named = [f"direction {parts.direction}", f"port {parts.port}"]
    named += [f"subset {parts.subset}"] if parts.subset else ["no subset"]
    named += [f"host {parts.host}"] if parts.host else []
    return f"{', '.join(named)}: {said}"


def route_meaning(value: str) -> Meaning | None:
    """The row of a route that istiod names; None for one that a rule names."""
    return next((each for each in ROUTES if each.word == value), None)


def route_words(value: str) -> str:
    """What a route's name says."""
    if known := route_meaning(value):
        return known.says
    if found := _OF_HTTP_ROUTE.fullmatch(value):
        return f"perhaps rule {found[3]} of the HTTPRoute {found[1]}/{found[2]}"
    return "a rule that its author named: an `http` rule of a VirtualService"
