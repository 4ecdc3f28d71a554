"""Join hops into flows: for each probe, the hops it passed, in order, each by an exact match.

Every key is an address that the proxies took from their sockets, which a workload cannot write. For HTTP the probe's
nonce in the User-Agent tells the requests of one pooled connection apart; it never replaces the addresses. A hop
counts only in the log of the pod that owns the address the hop before it connected to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from egressaudit.addresses import ip_of
from egressaudit.frames import hop_frame
from egressaudit.model import Flow, Hop, LogSource, Probe, Reporter

MAX_HOPS = 6
"""More hops than any mesh has; a bound, so that a loop in the logs cannot become one here."""

SKEW = pd.Timedelta(seconds=60)
"""How far the clocks of two nodes may differ where only bytes and time tell two connections apart."""

OFF = pd.Timedelta(minutes=10)
"""How far the clock of the machine that probes may be off. Lines that were there before the probe never count;

this keeps out what a proxy wrote late about an older connection that had the same port.
"""

_LONGEST_MS = 7 * 24 * 3600 * 1000
"""Longer than a run; a bound, so that no number in a log is too large to reckon with."""

_INBOUND = ("inbound", "inbound-passthrough")


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


def join(hops: Sequence[Hop], probes: Iterable[Probe], vantage: Vantage) -> tuple[Flow, ...]:
    """One flow for each probe, in the order of the probes; the order of the hops does not matter."""
    later = [hop for hop in hops if hop.line.number > vantage.before.get(hop.line.source, 0)]
    frame = hop_frame(later)
    return tuple(_flow(later, frame, probe, vantage) for probe in probes)


def _flow(hops: Sequence[Hop], frame: pd.DataFrame, probe: Probe, vantage: Vantage) -> Flow:
    source_log = vantage.source_log.get(str(probe.source))
    unclean = _unclean(hops, frame, probe, source_log)
    if source_log is None or probe.result.local_address is None:
        return Flow(probe=probe, unclean=unclean)
    chain: list[Hop] = []
    keys: list[str] = []
    ambiguous = ""
    found, key = _first(hops, frame, probe, source_log)
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
        found, key = _next(hops, frame, probe, found[0], vantage)
    return Flow(probe=probe, hops=tuple(chain), joined_by=tuple(keys), ambiguous=ambiguous, unclean=unclean)


def _first(hops: Sequence[Hop], frame: pd.DataFrame, probe: Probe, log: LogSource) -> tuple[list[Hop], str]:
    """The lines of the source's own proxy about curl's own socket."""
    socket = probe.result.local_address
    here = (frame["source"] == str(log)) & frame["clean"]
    if log in {h.line.source for h in hops if h.reporter is Reporter.ZTUNNEL}:
        rows = here & (frame["src_addr"] == socket) & (frame["direction"] == "outbound")
        rows &= (frame["message"] != "connection opened") & _may_be(frame, probe)
        return _pick(hops, rows), "curl socket = src.addr"
    rows = here & (frame["downstream_remote_address"] == socket) & ~frame["cluster_kind"].isin(_INBOUND)
    rows &= _may_be(frame, probe)
    if probe.result.remote_address is not None:
        # One port of a pod may carry several connections at once, to different addresses; only a nonce tells more.
        elsewhere = (frame["downstream_local_address"] != probe.result.remote_address).fillna(value=True)
        rows &= ~(_is_connection(frame) & elsewhere)
    return _pick(hops, rows), "curl socket = downstream_remote_address"


def _next(hops: Sequence[Hop], frame: pd.DataFrame, probe: Probe, last: Hop, vantage: Vantage) -> tuple[list[Hop], str]:
    """The lines of the proxy that `last` connected to, about that connection."""
    if last.reporter is Reporter.ZTUNNEL:
        return _behind_ztunnel(hops, frame, probe, last, vantage)
    reached, own = last.text("upstream_host"), last.text("upstream_local_address")
    if reached is None or own is None:
        return [], ""
    rows = _written_at(frame, ip_of(reached), vantage)
    rows &= (frame["downstream_remote_address"] == own) & (frame["downstream_local_address"] == reached)
    rows &= frame["clean"] & _may_be(frame, probe)
    key = "upstream_local_address = downstream_remote_address, upstream_host = downstream_local_address"
    return _pick(hops, rows), key


def _behind_ztunnel(
    hops: Sequence[Hop], frame: pd.DataFrame, probe: Probe, last: Hop, vantage: Vantage
) -> tuple[list[Hop], str]:
    """The waypoint's lines for a ztunnel hop.

    ztunnel pools its HBONE connections, so the source port says nothing (seen in real pairs of lines): the source
    IP and the inner destination must agree, and then the nonce, or for TCP the byte counts and the time.
    """
    inner, source_ip = last.text("dst_hbone_addr"), ip_of(last.text("src_addr"))
    if inner is None or source_ip is None:
        return [], ""
    rows = _written_at(frame, ip_of(last.text("dst_addr")), vantage) & frame["clean"]
    rows &= frame["downstream_local_address"] == inner
    rows &= frame["downstream_remote_address"].map(ip_of, na_action="ignore") == source_ip
    key = "src ip = downstream_remote ip, dst.hbone_addr = downstream_local_address"
    http = rows & ~_is_connection(frame)
    if http.any():
        return _pick(hops, http & _may_be(frame, probe)), f"{key}, nonce"
    rows &= _may_be(frame, probe)
    rows &= (frame["bytes_received"] == last.get("bytes_sent")) & (frame["bytes_sent"] == last.get("bytes_recv"))
    rows &= _near(frame, last)
    key = f"{key}, bytes, time"
    if rows.fillna(value=False).any() and (twins := _twins(hops, frame, last)):
        # Whichever of them the waypoint's line is about, it may be the other one.
        return [last, *twins], key
    return _pick(hops, rows), key


def _twins(hops: Sequence[Hop], frame: pd.DataFrame, last: Hop) -> list[Hop]:
    """Other tunnels of the same pod to the same place that cannot be told from this one by bytes and time."""
    rows = (frame["source"] == str(last.line.source)) & (frame["line"] != last.line.number) & frame["clean"]
    rows &= (frame["message"] != "connection opened") & (frame["src_addr"].map(ip_of, na_action="ignore") == _ip(last))
    for column in ("dst_hbone_addr", "direction", "bytes_sent", "bytes_recv"):
        rows &= frame[column] == last.get(column)
    return _pick(hops, rows & _near(frame, last))


def _ip(hop: Hop) -> str | None:
    return ip_of(hop.text("src_addr"))


def _near(frame: pd.DataFrame, last: Hop) -> pd.Series[bool]:
    """Lines of about the time at which this connection was open."""
    ended = pd.Timestamp(str(last.get("start_time")))
    lasted = min(_number(last.get("duration")), _LONGEST_MS)
    return (frame["start_time"] - ended).abs() <= SKEW + pd.Timedelta(milliseconds=lasted)


def _may_be(frame: pd.DataFrame, probe: Probe) -> pd.Series[bool]:
    """Lines that can be this probe's by time, and are of connections (no request) or requests that carry its nonce."""
    apart = (frame["start_time"] - pd.Timestamp(probe.started)).abs()
    in_time = apart <= OFF + (probe.ended - probe.started)
    return in_time & _asked_by(frame, probe)


def _asked_by(frame: pd.DataFrame, probe: Probe) -> pd.Series[bool]:
    named = frame["user_agent"].str.contains(probe.nonce, regex=False).fillna(value=False)
    return _is_connection(frame) | named


def _is_connection(frame: pd.DataFrame) -> pd.Series[bool]:
    """Lines of bare connections. A missing method is not enough: `-` is a method that a workload may send."""
    no_request = frame["method"].isna() & frame["path"].isna() & frame["protocol"].isna()
    # ztunnel's lines have no status, Envoy's of a connection have 0.
    return no_request & (frame["response_code"].fillna(0) == 0)


def _written_at(frame: pd.DataFrame, ip: str | None, vantage: Vantage) -> pd.Series[bool]:
    """Lines in a log of the pod that owns this address."""
    logs = [str(log) for log, addresses in vantage.addresses.items() if ip is not None and ip in addresses]
    return frame["source"].isin(logs)


def _unclean(hops: Sequence[Hop], frame: pd.DataFrame, probe: Probe, source_log: LogSource | None) -> tuple[Hop, ...]:
    """Lines that are not clean and may be about this probe: they are shown and never prove anything."""
    about = frame["raw"].str.contains(probe.nonce, regex=False)
    if source_log is not None and probe.result.local_address is not None:
        here = frame["source"] == str(source_log)
        about |= here & (frame["downstream_remote_address"] == probe.result.local_address)
    return tuple(_pick(hops, ~frame["clean"] & about.fillna(value=False)))


def _pick(hops: Sequence[Hop], rows: pd.Series[bool]) -> list[Hop]:
    """The hops of the rows that are true, ordered by where they stand, so that line order never matters."""
    chosen = [hops[n] for n, yes in enumerate(rows.fillna(value=False)) if yes]
    return sorted(chosen, key=lambda h: (h.line.source, h.line.number))


def _number(value: object) -> int:
    return int(str(value)) if value is not None else 0
