"""Where a flow went wrong: the first stage that its lines do not show to have been passed.

Each stage has one deciding field: any line of the source (captured), its cluster or `dst.service` (known), the host of
that cluster or the tunnel (steered), the gateway's own line (delivered), the flags of that line (outside).

In: `Symptoms`. Out: a `Stage`, e.g. KNOWN for a sidecar's line with PassthroughCluster.
"""

from __future__ import annotations

from egressaudit.causes.line_clues import by_policy, details, error, flags
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.places import Place
from egressaudit.model import Hop, Path, Stage

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
_UNKNOWN_CLUSTERS = ("passthrough", "dynamic-dns", "blackhole")
_UNCONNECTED = ("UF", "UH", "UO")
_LOST = (
    *("gateway-replaced", "waypoint-replaced", "not-a-pod", "service-gone", "inside-address", "no-gateway-line"),
    *("private-address", "vacant-address", "virtual-address", "special-address", "node-address", "service-address"),
    *("no-address", "gateway-cluster"),
)
"""Reasons that say what is not known, and nothing of what went wrong."""

_ARRIVED_NOT = ("EA309", "EA310", "EA314", "EA325")
"""Controls of flows that went the right way, as far as they went."""

_OF_REASON = {
    "black-hole-cluster": Stage.KNOWN,
    "block-all-route": Stage.KNOWN,
    "gateway-not-reached": Stage.DELIVERED,
    "nothing-sent": Stage.DELIVERED,
    "authorization-policy": Stage.DELIVERED,
    "no-upstream": Stage.DELIVERED,
}
_OF_PATH = {Path.PASSTHROUGH: Stage.KNOWN, Path.DIRECT: Stage.STEERED, Path.BLOCKED: Stage.DELIVERED}


def stopped_at(seen: Symptoms) -> Stage:
    """The stage in which a flow went wrong."""
    if seen.path in _THROUGH and seen.code not in _ARRIVED_NOT:
        # It left through a gateway or waypoint, and not the one that it should have: something steered it there.
        return Stage.STEERED
    if seen.message and seen.code != "EA306":
        return Stage.EVIDENCE
    if seen.code == "EA325" or seen.reason == "other-endpoints":
        return Stage.EVIDENCE
    if seen.path is Path.UNATTRIBUTED or (seen.path is Path.UNKNOWN and seen.reason in _LOST):
        return Stage.EVIDENCE
    if seen.proxy_line is not None:
        lost = seen.path is Path.UNKNOWN and _is_proxy(seen, seen.proxy_line)
        return Stage.EVIDENCE if lost else _at_proxy(seen.proxy_line)
    if seen.source_line is None:
        return Stage.CAPTURED if seen.group is None else _without_lines(seen)
    return _of_ztunnel(seen, seen.source_line) if seen.by_ztunnel else _of_sidecar(seen, seen.source_line)


def _without_lines(seen: Symptoms) -> Stage:
    """By what the group itself knows, where its lines are not shown."""
    return _OF_REASON.get(seen.reason) or _OF_PATH.get(seen.path, Stage.EVIDENCE)


def _at_proxy(line: Hop) -> Stage:
    """A gateway or waypoint that chose no host refused it; one that did could not reach it."""
    nowhere = {"NR", "NC"} & set(flags(line)) or by_policy(line) or _policy_answer(line)
    return Stage.DELIVERED if nowhere else Stage.OUTSIDE


def _of_sidecar(seen: Symptoms, line: Hop) -> Stage:
    if line.text("cluster_kind") in _UNKNOWN_CLUSTERS or line.text("route_name") in ("block_all", "allow_any"):
        return Stage.KNOWN
    places = seen.mesh.places
    if places.service_of(line.text("cluster_host")) or places.place(line.text("upstream_host")).place is Place.PROXY:
        return (
            Stage.DELIVERED if seen.path is not Path.UNKNOWN or set(flags(line)) & {*_UNCONNECTED} else Stage.EVIDENCE
        )
    if "NC" in flags(line) or by_policy(line) or _policy_answer(line):
        return Stage.DELIVERED
    # NR at the source: the host is known there, and no rule takes the request.
    return Stage.OUTSIDE if seen.expected is Path.DIRECT else Stage.STEERED


def _of_ztunnel(seen: Symptoms, line: Hop) -> Stage:
    words = error(line)
    refused = words.startswith(("unknown waypoint", "no healthy upstream", "connection closed due to policy rejection"))
    loop = words.startswith("attempted recursive call")
    if refused or loop or line.text("dst_hbone_addr") or _is_proxy(seen, line):
        return Stage.DELIVERED if words or seen.path is not Path.UNKNOWN else Stage.EVIDENCE
    if line.text("dst_service") is None:
        return Stage.KNOWN
    return Stage.OUTSIDE if seen.expected is Path.DIRECT else Stage.STEERED


def _is_proxy(seen: Symptoms, line: Hop) -> bool:
    return seen.mesh.places.place(line.text("dst_addr") or line.text("upstream_host")).place is Place.PROXY


def _policy_answer(line: Hop) -> bool:
    """Whether a filter of the mesh answered in the host's place."""
    answers = ("ext_authz_", "jwt_authn_access_denied", "local_rate_limited", "request_rate_limited")
    return details(line).startswith((*answers, "fault_filter_abort", "direct_response"))
