"""What one line proves by itself, where no snapshot is at hand: the same table as always, with the places assumed.

A snapshot says where an address leads. Without one, a line that another proxy's line follows led to that proxy, and any
other address counts as outside. So `left` means here that it was sent to that address; whether that is outside the
caller must know.

In: a clean hop, and whether the next hop's line follows. Out: its `LineFate`.
Example: `503 UH` is `LineFate(Fate.NOT_LEFT, Path.FAILED, "no-upstream")`.
"""

from __future__ import annotations

from egressaudit.addresses import port_of
from egressaudit.join.line_facts import EnvoyFacts, LineFate, ZtunnelFacts
from egressaudit.judge.fate import fate_of
from egressaudit.judge.hop_facts import HBONE_PORT, is_request
from egressaudit.mesh.places import Place
from egressaudit.model import Hop, Reporter


def alone(hop: Hop, *, followed: bool) -> LineFate:
    """The fate of a hop; `followed` if the line of the proxy that it was sent to is known."""
    facts = _ztunnel if hop.reporter is Reporter.ZTUNNEL else _envoy
    return fate_of(facts(hop, followed=followed))


def _place(reached: str | None, *, followed: bool) -> Place:
    if reached is None:
        return Place.NONE
    return Place.PROXY if followed else Place.OUTSIDE


def _envoy(hop: Hop, *, followed: bool) -> EnvoyFacts:
    kind = hop.text("cluster_kind") or ""
    return EnvoyFacts(
        role=hop.reporter,
        request=is_request(hop),
        own=hop.text("upstream_local_address") is not None,
        moved=_moved(hop, "bytes_sent"),
        foreign=False,
        came_in=hop.reporter is Reporter.SIDECAR and kind in ("inbound", "inbound-passthrough"),
        place=_place(hop.text("upstream_host"), followed=followed),
        kind=kind,
        host=hop.text("cluster_host") is not None,
        service="",
        mixed=False,
        block_all=hop.text("route_name") == "block_all",
        flags=hop.text("response_flags") or "",
        details=hop.text("response_code_details") or "",
        ended=hop.text("connection_termination_details") or "",
    )


def _ztunnel(hop: Hop, *, followed: bool) -> ZtunnelFacts:
    reached, inner = hop.text("dst_addr"), hop.text("dst_hbone_addr")
    return ZtunnelFacts(
        inbound=hop.text("direction") == "inbound",
        early=hop.text("message") == "connection failed",
        opened=hop.text("message") == "connection opened",
        moved=_moved(hop, "bytes_sent", "bytes_recv"),
        foreign=False,
        place=_place(reached, followed=followed),
        tunnel=inner is not None or port_of(reached) == HBONE_PORT,
        ends_there=False,
        host=hop.text("dst_service") is not None,
        service="",
        error=hop.text("error") or "",
    )


def _moved(hop: Hop, *columns: str) -> bool:
    return any(isinstance(count := hop.get(column), int) and count > 0 for column in columns)
