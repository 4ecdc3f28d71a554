"""The facts of one hop, for `fate_of`. `audit` derives the same facts by SQL, for millions of lines.

In: a parsed line and the snapshot. Out: `EnvoyFacts` or `ZtunnelFacts`. `tests/judge/test_one_judgement.py` proves that
both ways give the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.addresses import ip_of, port_of
from egressaudit.join.line_facts import EnvoyFacts, ZtunnelFacts
from egressaudit.mesh.places import Place, Places
from egressaudit.mesh.services.cluster_ends import ClusterEnds, Ends
from egressaudit.model import Hop, LogSource, Pod, Reporter

HBONE_PORT = 15008
"""Where waypoints and ztunnels take tunnels (istio/ztunnel src/config.rs)."""

ATTEMPTS = "upstream_request_attempt_count"
_LOOPBACK = frozenset({"127.0.0.1", "127.0.0.6", "::1", "::6"})


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What the snapshot knows about places, clusters, and the pods that write logs or send."""

    places: Places
    ends: ClusterEnds
    writers: Mapping[LogSource, Pod]
    """The pod of each log."""
    owners: Mapping[str, Pod]
    """The pod of each address that belongs to one pod alone."""


def is_request(hop: Hop) -> bool:
    """Whether the line is about a request, not a connection. Not by the method alone: `-` is a valid method."""
    return any(hop.text(column) is not None for column in ("method", "path", "protocol"))


def ends_of(hop: Hop, surfaces: Surfaces) -> Ends:
    """What the snapshot knows about the endpoints of the cluster that a line names."""
    port = hop.get("cluster_port")
    return surfaces.ends.of_cluster(
        hop.text("cluster_kind"),
        hop.text("cluster_host"),
        port if isinstance(port, int) else None,
        hop.text("cluster_subset"),
    )


def facts_of(hop: Hop, surfaces: Surfaces) -> EnvoyFacts | ZtunnelFacts:
    """The facts of a clean hop."""
    return _ztunnel(hop, surfaces) if hop.reporter is Reporter.ZTUNNEL else _envoy(hop, surfaces)


def _envoy(hop: Hop, surfaces: Surfaces) -> EnvoyFacts:
    request, kind, host = is_request(hop), hop.text("cluster_kind"), hop.text("cluster_host")
    came_in, ends = _came_in(hop, surfaces), ends_of(hop, surfaces)
    place = surfaces.places.place(hop.text("upstream_host")).place
    return EnvoyFacts(
        role=hop.reporter,
        request=request,
        own=hop.text("upstream_local_address") is not None,
        moved=_more_than_none(hop, "bytes_sent", "bytes_recv"),
        foreign=_foreign(hop, surfaces, came_in=came_in),
        came_in=came_in,
        place=place,
        kind=kind or "",
        host=host is not None,
        # Where the sender chose the address, an address outside is no endpoint of the Service that it named.
        service="" if ends.by_sender and place is Place.OUTSIDE else surfaces.places.service_of(host),
        mixed=request and hop.get(ATTEMPTS) != 1 and ends.mixed,
        block_all=hop.text("route_name") == "block_all",
        flags=hop.text("response_flags") or "",
        details=hop.text("response_code_details") or "",
        ended=hop.text("connection_termination_details") or "",
    )


def _came_in(hop: Hop, surfaces: Surfaces) -> bool:
    """Whether it arrived for this pod. Without a cluster only the socket shows it: the pod's own means outgoing."""
    if hop.reporter is not Reporter.SIDECAR:
        return False
    kind = hop.text("cluster_kind")
    if kind is None:
        return ip_of(hop.text("downstream_remote_address")) not in _addresses(hop, surfaces)
    return kind in ("inbound", "inbound-passthrough")


def _foreign(hop: Hop, surfaces: Surfaces, *, came_in: bool) -> bool:
    """Whether a socket that must belong to the proxy's own pod belongs to another one."""
    sockets = [hop.text("upstream_local_address")]
    if hop.reporter is Reporter.EGRESS_GATEWAY:
        sockets.append(hop.text("downstream_local_address"))
    remote = hop.text("downstream_remote_address")
    # Port 0 means that Envoy took the address from X-Forwarded-For, which the sender writes.
    if hop.reporter is Reporter.SIDECAR and not came_in and port_of(remote):
        sockets.append(remote)
    own = _addresses(hop, surfaces) | _LOOPBACK
    return any((address := ip_of(socket)) is not None and address not in own for socket in sockets)


def _addresses(hop: Hop, surfaces: Surfaces) -> frozenset[str]:
    pod = surfaces.writers.get(hop.line.source)
    return frozenset(pod.own_addresses) if pod is not None else frozenset()


def _ztunnel(hop: Hop, surfaces: Surfaces) -> ZtunnelFacts:
    reached, inner, service = hop.text("dst_addr"), hop.text("dst_hbone_addr"), hop.text("dst_service")
    place = surfaces.places.place(reached)
    return ZtunnelFacts(
        inbound=hop.text("direction") == "inbound",
        early=hop.text("message") == "connection failed",
        opened=hop.text("message") == "connection opened",
        moved=_more_than_none(hop, "bytes_sent", "bytes_recv"),
        foreign=_of_another_node(hop, surfaces),
        place=place.place,
        tunnel=inner is not None or place.port == HBONE_PORT,
        ends_there=inner is not None and place.ip is not None and surfaces.places.place(inner).ip == place.ip,
        host=service is not None,
        service=surfaces.places.service_of(service),
        error=hop.text("error") or "",
    )


def _of_another_node(hop: Hop, surfaces: Surfaces) -> bool:
    """Whether the sender is a pod of another node: a ztunnel sends only for pods of its own."""
    source, writer = surfaces.owners.get(ip_of(hop.text("src_addr")) or ""), surfaces.writers.get(hop.line.source)
    if source is None or writer is None or not source.node or not writer.node:
        return False
    named = hop.text("src_namespace"), hop.text("src_workload")
    # Pod IPs are reused. If ztunnel names another pod than the snapshot, the address belonged to that pod then.
    is_named = None in named or named == (source.namespace, source.name)
    return is_named and source.node != writer.node


def _more_than_none(hop: Hop, *columns: str) -> bool:
    return any(isinstance(count := hop.get(column), int) and count > 0 for column in columns)
