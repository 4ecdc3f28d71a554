"""Run the rules over a store, and turn the rows of the last one into groups.

In: a `HopStore` and a window. Out: `Flows`, e.g. 1200 flows of shop/cart to docs.example.com via egress/gw.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from egressaudit.join.engines.duckdb.sql import rule
from egressaudit.join.engines.duckdb.store import LINE_BITS, HopStore
from egressaudit.join.results import Flows, LineRef, Proof
from egressaudit.join.surroundings import Workload
from egressaudit.model import Confidence, DataplaneMode, FlowGroup, ObjectRef, Path, Scheme, Window

SKEW = timedelta(seconds=60)
"""How far the clocks of two nodes may differ."""

EVIDENCE = 3
"""Flows of each group whose lines are shown."""

_CHAIN = 4
"""More gateways in a row than any mesh has: a bound, so that a loop in the logs cannot loop here."""

_FLOWS = 9
"""Where a row of `rules/groups.sql` has its count."""

_NOBODY = Workload("", "", DataplaneMode.NONE)


def span(store: HopStore) -> Window | None:
    """From the first hop to just behind the last; None if there is none."""
    store.flush()
    first, last = store.db.execute("SELECT min(t), max(t) FROM hops").fetchall()[0]
    return None if first is None else Window(_utc(first), _utc(last) + timedelta(milliseconds=1))


def flows_of(store: HopStore, window: Window, parts: int = 0) -> Flows:
    """The flows that overlap the window, grouped, and their spread over that many `parts` of it; 0 for none."""
    store.flush()
    db = store.db
    # Each rule works on what those before it found; rules/*.sql say what goes in and out.
    _script(store, "still_open")
    _script(store, "tunnels")
    _script(store, "connections")
    _script(store, "given")
    _script(store, "senders")
    # Each round finds the next link of chains of gateways, until there is none.
    for _ in range(_CHAIN):
        _script(store, "chains")
        if not _script(store, "given"):
            break
        _script(store, "senders")
    _script(store, "pooled")
    _script(store, "flows")
    given = {"start": _naive(window.start), "end": _naive(window.end)}
    # To count it costs a tenth of the time of all rules, so nothing is counted that no report shows.
    spread = rule("spread").replace("$parts", str(int(parts))) if parts else "NULL"
    rows = db.execute(rule("groups").replace("$spread", spread), {**given, "evidence": EVIDENCE}).fetchall()
    workloads = store.workloads
    outside = sum(row[_FLOWS] for row in rows if not row[0])
    return Flows(tuple(_group(row, workloads, parts) for row in rows if row[0]), outside)


def _script(store: HopStore, name: str) -> int:
    """Run the statements of a rule, with `$skew` filled in. Returns how many rows the last one wrote."""
    done = store.db.execute(rule(name).replace("$skew", f"INTERVAL {int(SKEW.total_seconds())} SECOND")).fetchone()
    return 0 if done is None else int(done[0])


def _group(row: tuple[Any, ...], workloads: Any, parts: int) -> tuple[FlowGroup, tuple[Proof, ...]]:
    (
        _,
        number,
        path,
        reason,
        via,
        confidence,
        host,
        port,
        scheme,
        flows,
        first,
        last,
        names,
        ip,
        reached_port,
        evidence,
        spreads,
    ) = row
    workload = workloads.get(number, _NOBODY)
    group = FlowGroup(
        namespace=workload.namespace,
        workload=workload.name,
        mode=workload.mode,
        host=host,
        port=port,
        scheme=None if scheme is None else Scheme(scheme),
        path=Path(path),
        flows=flows,
        first=_utc(first),
        last=_utc(last),
        via=tuple(_ref(each) for each in via.split("|") if each),
        reason=reason,
        confidence=Confidence(confidence),
        server_names=tuple(names or ()),
        reached=() if ip is None else ((ip, reached_port),),
        spread=_spread(spreads, parts) if parts else (),
    )
    return group, tuple(Proof(_line(each["hop"]), _line(each["sender"]), _utc(each["t"])) for each in evidence)  # type: ignore[arg-type]


def _spread(counts: list[dict[int, int] | None], parts: int) -> tuple[int, ...]:
    """The counts of the lines that a group was made of, added up part by part."""
    total = [0] * parts
    for each in counts:
        for part, flows in (each or {}).items():
            total[part] += flows
    return tuple(total)


def _line(hop: int | None) -> LineRef | None:
    return None if hop is None else (hop >> LINE_BITS, hop & ((1 << LINE_BITS) - 1))


def _ref(text: str) -> ObjectRef:
    namespace, _, name = text.partition("/")
    return ObjectRef(namespace, name)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
