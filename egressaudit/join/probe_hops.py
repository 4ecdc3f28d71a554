"""Join hops into flows: for each probe, the hops it passed, in order, each found by an exact match.

In: hops of any logs, and the probes. Out: a `Flow` for each probe, e.g. of the sidecar's and the gateway's hop, joined
by "upstream_local_address = downstream_remote_address, ...".

Every key is an address that the proxies took from their sockets, which a workload cannot forge. For HTTP, the probe's
nonce in the User-Agent distinguishes requests on one pooled connection; it never replaces the addresses. A hop counts
only if it is in the log of the pod that owns the address to which the hop before connected.

A value that a line does not have equals nothing, not even another absent value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from egressaudit.addresses import ip_of
from egressaudit.model import Flow, Hop, LogSource, Probe, Reporter

MAX_HOPS = 6
"""More hops than any mesh has: a bound, so that a loop in the logs cannot loop here."""

SKEW = timedelta(seconds=60)
"""How far the clocks of two nodes may differ where only bytes and time tell two connections apart."""

OFF = timedelta(minutes=10)
"""Tolerance for clock skew between this machine and the nodes.

It also rejects late lines of an older connection that used the same port.
"""

_LONGEST = timedelta(days=7)
"""Longer than any run: a bound, so that a forged duration cannot overflow the calculation."""

_INBOUND = ("inbound", "inbound-passthrough")

_Logs = Mapping[LogSource, Sequence[Hop]]
"""The lines of each log in their order; the logs are sorted, so the order in which hops arrive never matters."""

_Found = tuple[Sequence[Hop], str]
"""The lines that match, and the key they match by."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """Where the hops of the probes may be found.

    `source_log` maps the pod of a probe (`namespace/name`) to the log of the proxy that captures it; a pod outside
    the mesh has none. `addresses` maps each log to the addresses of the pod that wrote it.
    """

    source_log: Mapping[str, LogSource]
    addresses: Mapping[LogSource, tuple[str, ...]]
    before: Mapping[LogSource, int]
    """How many lines of each log were there before the first probe was sent: none of them can be about it."""
    shared: frozenset[tuple[str, str]] = frozenset()
    """Sockets that several probes had, with their pods: the kernel gives a port again for another destination."""


def shared_sockets(probes: Iterable[Probe]) -> frozenset[tuple[str, str]]:
    """The pods with their sockets that more than one of these probes had."""
    had = Counter((str(each.source), each.result.local_address or "") for each in probes)
    return frozenset(socket for socket, times in had.items() if times > 1)


def join(hops: Sequence[Hop], probes: Iterable[Probe], vantage: Vantage) -> tuple[Flow, ...]:
    """One flow for each probe, in the order of the probes; the order of the hops does not matter."""
    logs: dict[LogSource, list[Hop]] = {}
    for hop in sorted(hops, key=lambda each: (each.line.source, each.line.number)):
        if _may_count(hop, vantage):
            logs.setdefault(hop.line.source, []).append(hop)
    return tuple(_flow(logs, probe, vantage) for probe in probes)


def _may_count(hop: Hop, vantage: Vantage) -> bool:
    """Whether a line can be about any probe: it came after the first one was sent."""
    return hop.line.number > vantage.before.get(hop.line.source, 0)


def _flow(logs: _Logs, probe: Probe, vantage: Vantage) -> Flow:
    source_log = vantage.source_log.get(str(probe.source))
    unclean = _unclean(logs, probe, source_log)
    if source_log is None or probe.result.local_address is None:
        return Flow(probe=probe, unclean=unclean)
    chain: list[Hop] = []
    keys: list[str] = []
    ambiguous = ""
    found, key = _first(logs, probe, source_log, vantage.shared)
    while found and len(chain) < MAX_HOPS:
        if len(found) > 1:
            where = ", ".join(f"{h.line.source}:{h.line.number}" for h in found[:3])
            ambiguous = f"{len(found)} lines match ({key}): {where}"
            break
        if found[0] in chain:
            ambiguous = f"the hops form a loop at {found[0].line.source}:{found[0].line.number}"
            break
        chain.append(found[0])
        keys.append(key)
        found, key = _next(logs, probe, found[0], vantage)
    near = _unjoined(logs, probe, chain[-1], vantage) if chain and not ambiguous else ()
    return Flow(probe, hops=tuple(chain), joined_by=tuple(keys), ambiguous=ambiguous, unclean=unclean, near=near)


# ---------------------------------------------------------------- from one hop to the next


def _first(logs: _Logs, probe: Probe, log: LogSource, shared: frozenset[tuple[str, str]]) -> _Found:
    """The lines of the source's own proxy about curl's own socket."""
    here = logs.get(log, ())
    if any(hop.reporter is Reporter.ZTUNNEL for hop in here):
        tunnels = (hop for hop in here if hop.clean and _is_end(hop) and hop.text("direction") == "outbound")
        found = _that(tunnels, probe, src_addr=probe.result.local_address)
        if (str(probe.source), probe.result.local_address) in shared:
            # These lines have no nonce: the one that is here may be the other probe's.
            reached = probe.result.remote_address
            found = [hop for hop in found if (hop.text("dst_hbone_addr") or hop.text("dst_addr")) == reached]
        return found, "curl socket = src.addr"
    others = (hop for hop in here if hop.clean and hop.text("cluster_kind") not in _INBOUND)
    found = _that(others, probe, downstream_remote_address=probe.result.local_address)
    return [hop for hop in found if not _to_elsewhere(hop, probe)], "curl socket = downstream_remote_address"


def _to_elsewhere(hop: Hop, probe: Probe) -> bool:
    """Whether a connection went to another address than curl's.

    One port of a pod may carry several connections at once, to different addresses. (Requests are known by the nonce.)
    """
    reached = probe.result.remote_address
    return reached is not None and _is_connection(hop) and hop.text("downstream_local_address") != reached


def _next(logs: _Logs, probe: Probe, last: Hop, vantage: Vantage) -> _Found:
    """The lines of the proxy that `last` connected to, about that connection."""
    if last.reporter is Reporter.ZTUNNEL:
        return _behind_ztunnel(logs, probe, last, vantage)
    reached, own = last.text("upstream_host"), last.text("upstream_local_address")
    there = _written_at(logs, ip_of(reached), vantage)
    key = "upstream_local_address = downstream_remote_address, upstream_host = downstream_local_address"
    return _that(there, probe, downstream_remote_address=own, downstream_local_address=reached), key


def _behind_ztunnel(logs: _Logs, probe: Probe, last: Hop, vantage: Vantage) -> _Found:
    """The waypoint's lines for a ztunnel hop.

    ztunnel pools its HBONE connections, so the source port says nothing (seen in real pairs of lines): the source
    IP and the inner destination must agree, and then the nonce, or for TCP the byte counts and the time.
    """
    inner, source_ip = last.text("dst_hbone_addr"), ip_of(last.text("src_addr"))
    if inner is None or source_ip is None:
        return (), ""
    there = [
        hop
        for hop in _written_at(logs, ip_of(last.text("dst_addr")), vantage)
        if hop.text("downstream_local_address") == inner and ip_of(hop.text("downstream_remote_address")) == source_ip
    ]
    key = "src ip = downstream_remote ip, dst.hbone_addr = downstream_local_address"
    if requests := [hop for hop in there if not _is_connection(hop)]:
        return _that(requests, probe), f"{key}, nonce"
    sent, received = last.get("bytes_sent"), last.get("bytes_recv")
    found = [hop for hop in _that(there, probe, bytes_received=sent, bytes_sent=received) if _near(hop, last)]
    if found and (twins := _twins(logs, last)):
        # Two tunnels fit this line equally well, so it cannot be attributed to either.
        found = [last, *twins]
    return found, f"{key}, bytes, time"


def _twins(logs: _Logs, last: Hop) -> list[Hop]:
    """Other tunnels of the same pod to the same place with the same bytes and about the same time."""
    alike = {column: last.get(column) for column in ("dst_hbone_addr", "direction", "bytes_sent", "bytes_recv")}
    source_ip = ip_of(last.text("src_addr"))
    return [
        hop
        for hop in logs.get(last.line.source, ())
        if hop.line.number != last.line.number
        and hop.clean
        and _is_end(hop)
        and _has(hop, alike)
        and ip_of(hop.text("src_addr")) == source_ip
        and _near(hop, last)
    ]


def _unjoined(logs: _Logs, probe: Probe, last: Hop, vantage: Vantage) -> tuple[Hop, ...]:
    """The lines of the proxy that `last` connected to, about its time and destination, that no key joins to it.

    They have another client, as behind a node or from X-Forwarded-For, or other counts of bytes, as where a waypoint
    connected to nobody. They prove nothing, and may say why nothing is proven.
    """
    ztunnel = last.reporter is Reporter.ZTUNNEL
    reached = last.text("dst_addr" if ztunnel else "upstream_host")
    inner = last.text("dst_hbone_addr") if ztunnel else reached
    there = (hop for hop in _written_at(logs, ip_of(reached), vantage) if hop.line.source != last.line.source)
    return tuple(_that(there, probe, downstream_local_address=inner))


def _written_at(logs: _Logs, ip: str | None, vantage: Vantage) -> list[Hop]:
    """The clean lines in the logs of the pod that owns this address."""
    if ip is None:
        return []
    return [hop for log, hops in logs.items() if ip in vantage.addresses.get(log, ()) for hop in hops if hop.clean]


def _unclean(logs: _Logs, probe: Probe, source_log: LogSource | None) -> tuple[Hop, ...]:
    """Lines that are not clean and may be about this probe: they are shown and never prove anything."""
    socket = probe.result.local_address
    return tuple(
        hop
        for log, hops in logs.items()
        for hop in hops
        if not hop.clean
        and (probe.nonce in hop.line.text or (log == source_log and _has(hop, {"downstream_remote_address": socket})))
    )


# ---------------------------------------------------------------- what one line may be about


def _that(hops: Iterable[Hop], probe: Probe, **values: object) -> list[Hop]:
    """The lines that have these values and can be this probe's."""
    return [hop for hop in hops if _has(hop, values) and _may_be(hop, probe)]


def _has(hop: Hop, values: Mapping[str, object]) -> bool:
    return all(value is not None and hop.get(column) == value for column, value in values.items())


def _may_be(hop: Hop, probe: Probe) -> bool:
    """Whether a line can be this probe's by time, and is of a connection (no request) or a request with its nonce."""
    began = hop.get("start_time")
    if not isinstance(began, datetime) or abs(began - probe.started) > OFF + (probe.ended - probe.started):
        return False
    return _is_connection(hop) or probe.nonce in (hop.text("user_agent") or "")


def _is_connection(hop: Hop) -> bool:
    """Whether a line is about a bare connection. A missing method is not enough: a workload may send the method `-`."""
    no_request = all(hop.get(column) is None for column in ("method", "path", "protocol"))
    # ztunnel's lines have no status; Envoy's lines about connections have 0.
    return no_request and hop.get("response_code") in (None, 0)


def _is_end(hop: Hop) -> bool:
    """Whether a line of ztunnel is about the end of a connection; it may also write one about its beginning."""
    return hop.text("message") not in (None, "connection opened")


def _near(hop: Hop, last: Hop) -> bool:
    """Whether a line is of about the time at which this connection was open; ztunnel writes when it ended."""
    began, ended, lasted = hop.get("start_time"), last.get("start_time"), last.get("duration")
    if not isinstance(began, datetime) or not isinstance(ended, datetime):
        return False
    longest = _LONGEST // timedelta(milliseconds=1)
    open_for = timedelta(milliseconds=max(0, min(lasted, longest)) if isinstance(lasted, int) else 0)
    return abs(began - ended) <= SKEW + open_for
