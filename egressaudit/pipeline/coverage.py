"""What was read, held against all that the snapshot says there was to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from egressaudit.collect import CollectedLog, Collection
from egressaudit.mesh import Mesh
from egressaudit.model import LineCount, LogSource, ObjectRef, Reporter
from egressaudit.window import Coverage, SourceCoverage, Window

SLACK = timedelta(seconds=1)
"""Shorter gaps than this are not worth a sentence: stamps and starts are given in whole seconds."""

_NEEDED = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL)


@dataclass(frozen=True, slots=True)
class ReadLog:
    """One log as it was found: its name, whose it is, what became of its lines, and its first and last time."""

    name: str
    path: str
    source: LogSource | None
    count: LineCount
    first: datetime | None
    last: datetime | None
    copies: int = 0
    """Hops in it that an older log of the same container has too."""


@dataclass(frozen=True, slots=True)
class Account:
    """All that was read."""

    logs: tuple[ReadLog, ...]
    skipped: dict[str, int]
    broken: tuple[str, ...]


def coverage(
    mesh: Mesh,
    account: Account,
    window: Window,
    collection: Collection | None,
    chosen: frozenset[LogSource],
    forgeable: Mapping[LogSource, str] | None = None,
) -> Coverage:
    """The coverage of a window; every log that was read, and every one of those `chosen`, is in it once.

    `forgeable` says of logs why whole lines of them may be forged: they are read, and prove nothing.
    """
    by_source: defaultdict[LogSource, list[ReadLog]] = defaultdict(list)
    others: list[ReadLog] = []
    expected = {source: reporter for source, reporter in mesh.expected_logs() if source in chosen}
    for log in account.logs:
        if log.source is not None and log.source in expected:
            by_source[log.source].append(log)
        else:
            others.append(log)
    collected = {each.source: each for each in collection.logs} if collection else {}
    unproven = forgeable or {}
    sources = [
        _doubted(
            _expected(mesh, source, reporter, by_source[source], window, collected.get(source)),
            unproven.get(source, ""),
        )
        for source, reporter in expected.items()
    ]
    # By source, not by name: a further log of a container has another name, and its hops are gone all the same.
    sources += [_doubted(_unexpected(log), unproven.get(log.source, "") if log.source else "") for log in others]
    return Coverage(
        sources=tuple(sorted(sources, key=lambda each: each.name)),
        blind_spots=mesh.blind_spots(),
        skipped=account.skipped,
        broken=account.broken,
    )


def _expected(
    mesh: Mesh,
    source: LogSource,
    reporter: Reporter,
    logs: Sequence[ReadLog],
    window: Window,
    collected: CollectedLog | None,
) -> SourceCoverage:
    there = _present(mesh, source, window)
    begin, end = _covered(logs, collected)
    problems = [] if collected is None or not collected.reason else [collected.reason]
    if not logs:
        problems = problems or (["it was not among the logs that were read"] if there is not None else [])
    elif there is not None and not problems:
        problems = _gaps(there, begin, end, known=collected is not None)
    problems += [
        f"{log.copies} lines of {log.path} stand in another log of this container too" for log in logs if log.copies
    ]
    return SourceCoverage(
        name=str(source),
        reporter=reporter,
        # One that was not there in the window has nothing to show for it.
        expected=there is not None or bool(logs),
        read=bool(logs),
        lines=_sum(log.count for log in logs),
        first=min((log.first for log in logs if log.first), default=None),
        last=max((log.last for log in logs if log.last), default=None),
        expected_seconds=_seconds(there),
        covered_seconds=_seconds(_overlap(there, begin, end)),
        problems=tuple(problems),
        critical=reporter in _NEEDED,
    )


def _unexpected(log: ReadLog) -> SourceCoverage:
    problems = ("no proxy of the snapshot writes it: its lines were not judged",) if log.count.access else ()
    return SourceCoverage(
        name=log.name,
        reporter=None,
        expected=False,
        read=True,
        lines=log.count,
        first=log.first,
        last=log.last,
        problems=problems,
    )


def _doubted(source: SourceCoverage, why: str) -> SourceCoverage:
    """A log that is read and proves nothing still covers its time: that is another problem."""
    return replace(source, unproven=why, problems=(why, *source.problems)) if why else source


def _present(mesh: Mesh, source: LogSource, window: Window) -> Window | None:
    """The part of the window in which the proxy was there, as far as the snapshot says."""
    pod = mesh.pod(ObjectRef(source.namespace, source.pod))
    run = pod.run(source.container) if pod is not None else None
    # A proxy that never restarted was not there before its start; one that did was, in a run before.
    started = run.started if run is not None and not run.restarts else None
    start = max(window.start, started) if started else window.start
    return Window(start, window.end) if start < window.end else None


def _covered(logs: Sequence[ReadLog], collected: CollectedLog | None) -> tuple[datetime | None, datetime | None]:
    """From when to when no line is missing: as the collection knows, else from the first line to the last."""
    if not logs:
        return None, None
    if collected is not None:
        return collected.covered_from, collected.covered_to
    firsts = [log.first for log in logs if log.first]
    lasts = [log.last for log in logs if log.last]
    return (min(firsts), max(lasts)) if firsts and lasts else (None, None)


def _gaps(there: Window, begin: datetime | None, end: datetime | None, *, known: bool) -> list[str]:
    doubt = "" if known else ", and no collection.json says whether it was silent or is cut"
    if begin is None or end is None:
        return [f"it has no line with a time{doubt}"]
    gaps = []
    if begin - there.start > SLACK:
        gaps.append(f"it begins {_span(begin - there.start)} after the window does{doubt}")
    if there.end - end > SLACK:
        gaps.append(f"it ends {_span(there.end - end)} before the window does{doubt}")
    return gaps


def _overlap(there: Window | None, begin: datetime | None, end: datetime | None) -> Window | None:
    if there is None or begin is None or end is None:
        return None
    start, stop = max(there.start, begin), min(there.end, end)
    return Window(start, stop) if start < stop else None


def _seconds(window: Window | None) -> float:
    return (window.end - window.start).total_seconds() if window else 0.0


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def _sum(counts: Iterable[LineCount]) -> LineCount:
    total = [0, 0, 0, 0, 0]
    for each in counts:
        for n, value in enumerate((each.read, each.access, each.unclean, each.other, each.unparsed)):
            total[n] += value
    return LineCount(*total)
