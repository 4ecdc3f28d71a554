"""Decisions in words: a sentence for every reason, and names for paths.

In: `FlowGroup.reason`, e.g. `no-upstream`. Out: "the proxy had no place to send it to".
"""

from __future__ import annotations

from egressaudit.model import Decision, FlowGroup, Path

REASONS = {
    "black-hole-cluster": "BlackHoleCluster",
    "block-all-route": "route block_all",
    "authorization-policy": "AuthorizationPolicy",
    "external-authorization": "external authorization",
    "request-authentication": "RequestAuthentication",
    "rate-limit": "rate limit",
    "fault-abort": "fault injection",
    "direct-response": "a direct response of the configuration",
    "gateway-not-reached": "the gateway did not take the connection",
    "nothing-sent": "the tunnel was opened, and no byte was sent through it",
    "no-upstream": "the proxy had no place to send it to",
    "upstream-failed": "the proxy could not connect to its upstream",
    "may-have-left": "no line says whether the connection was made",
    "still-open": "only its beginning is logged, and no line says whether the connection was made",
    "inside-address": "it was sent to an address of this cluster that is no gateway's",
    "service-address": "it was sent to a Service's address, and what is behind it is not proven",
    "node-address": "it was sent to a node, which may pass it on",
    "vacant-address": "it was sent to an address among the pods' that no pod of the snapshot has",
    "private-address": "it was sent to a private address, and the cluster's own ranges are not known; "
    "if it is outside, say so: `outside:` under `trust:` in the policy, or --trust outside=CIDR",
    "virtual-address": "it was sent to a virtual address of the mesh, where no host is",
    "special-address": "it was sent to a link-local, multicast or loopback address, where no host of the internet is",
    "gateway-replaced": "it was sent to the gateway's Service, at an address that no gateway pod of the snapshot has",
    "waypoint-replaced": "it went into a tunnel, to an address that no waypoint pod of the snapshot has",
    "not-a-pod": "it was sent to a Service, at an address that no pod of the snapshot has",
    "service-gone": "it was sent to a Service that the snapshot does not have",
    "no-address": "the line does not say which address it was sent to",
    "gateway-cluster": "the gateway sent it on through a cluster that names no host",
    "other-endpoints": "its cluster has endpoints that lead elsewhere, and a request may be tried more than once",
    "no-gateway-line": "it was sent to a gateway or waypoint that has no line about it",
}
"""Every `FlowGroup.reason` in words."""


def way_words(group: FlowGroup) -> str:
    """`directly`, or `as unregistered traffic (passthrough)`."""
    return "directly" if group.path is Path.DIRECT else "as unregistered traffic (passthrough)"


def via_words(group: FlowGroup) -> str:
    """The gateways and waypoints that a group passed."""
    return " and ".join(str(each) for each in group.via)


def wanted_words(decision: Decision) -> str:
    """The gateways or waypoints that it should have passed."""
    proxy = "the waypoint" if decision.expected is Path.VIA_WAYPOINT else "the gateway"
    return " or ".join([f"{proxy} {each}" for each in decision.via] or [f"a{proxy.removeprefix('the')}"])
