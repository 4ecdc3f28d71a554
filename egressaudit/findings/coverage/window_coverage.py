"""The coverage of a window: the logs that were read against the logs that the snapshot says exist.

In: `LogsRead`, the snapshot, the window. Out: a `Coverage`, with one `SourceCoverage` for each log, e.g. an egress
gateway that ran 3600 seconds of the window, of which its log covers 1800.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from egressaudit.evidence.collection import Collection
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.findings.coverage.log_files import LogFile, by_source
from egressaudit.findings.coverage.log_time import LogTime
from egressaudit.findings.coverage.spans import seconds, uncovered
from egressaudit.findings.stable_names import owners_of
from egressaudit.join.window_hops import ReadLog
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, Coverage, LineCount, LogSource, ObjectRef, Reporter, SourceCoverage, Window
from egressaudit.times import rfc3339

_CLOCK_SKEW = timedelta(minutes=10)
"""How far the clock of the machine that collected may be off from the nodes' (docs/evidence.md, Limits)."""

_NEEDED = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL)


@dataclass(frozen=True, slots=True)
class LogsRead:
    """All logs that were read, and what could not be."""

    logs: tuple[ReadLog, ...]
    skipped: dict[str, int]
    broken: tuple[str, ...]
    files: tuple[LogFile, ...] = ()
    """The same logs as files."""
    account: FileAccount | None = None
    """What the account of the files says about them; None without one."""


def coverage(
    mesh: Mesh,
    read: LogsRead,
    window: Window,
    collection: Collection | None,
    chosen: frozenset[LogSource],
    forgeable: Mapping[LogSource, str] | None = None,
) -> Coverage:
    """The coverage of a window; every log that was read, and every one of those `chosen`, is in it once.

    `forgeable` says of logs why whole lines of them may be forged: they are read, and prove nothing.
    """
    logs_of: defaultdict[LogSource, list[ReadLog]] = defaultdict(list)
    others: list[ReadLog] = []
    expected = {source: reporter for source, reporter in mesh.expected_logs() if source in chosen}
    for log in read.logs:
        if log.source is not None and log.source in expected:
            logs_of[log.source].append(log)
        else:
            others.append(log)
    collected = {each.source: each for each in collection.logs} if collection else {}
    files = by_source(read.files)
    unproven = forgeable or {}
    owners = owners_of(mesh.pods)
    sources = [
        _with_doubt(
            _expected(
                source,
                reporter,
                logs_of[source],
                LogTime(_run(mesh, source), window, files.get(source, ()), collected.get(source)),
                collection.finished if collection else None,
                owners,
            ),
            unproven.get(source, ""),
        )
        for source, reporter in expected.items()
    ]
    # Look up by source, not name: a rotated log has its own name, but its hops were dropped too.
    sources += [_with_doubt(_unexpected(log), unproven.get(log.source, "") if log.source else "") for log in others]
    return Coverage(
        sources=tuple(sorted(sources, key=lambda each: each.name)),
        blind_spots=mesh.blind_spots(),
        skipped=read.skipped,
        broken=read.broken,
        left_out=frozenset(
            owners.get(f"{each.namespace}/{each.pod}", "") for each, _ in mesh.expected_logs() if each not in chosen
        ),
    )


def _expected(
    source: LogSource,
    reporter: Reporter,
    logs: Sequence[ReadLog],
    time: LogTime,
    finished: datetime | None,
    owners: Mapping[str, str],
) -> SourceCoverage:
    running = time.running
    gaps = tuple(time.gaps()) if running and logs else ()
    last = max((log.last for log in logs if log.last), default=None)
    if finished is not None and last is not None and last > finished + _CLOCK_SKEW:
        late = f"it has a line of {rfc3339(last)}, and was collected by {rfc3339(finished)}: its clock is off"
        gaps = (*gaps, f"{late}, so which of its lines are of the window is not known")
    problems = list(gaps)
    if running and not logs:
        why = time.collected.reason if time.collected is not None else ""
        problems = [why or "it was not among the logs that were read"]
    problems += [
        f"{log.copies} lines of {log.path} stand in another log of this container too" for log in logs if log.copies
    ]
    expected = seconds(running)
    missing = uncovered(running, time.covered) if logs else running
    return SourceCoverage(
        name=str(source),
        reporter=reporter,
        # A proxy that didn't exist during the window isn't expected to have a log.
        expected=bool(running or logs),
        read=bool(logs),
        lines=sum((log.count for log in logs), LineCount()),
        first=min((log.first for log in logs if log.first), default=None),
        last=last,
        expected_seconds=expected,
        covered_seconds=expected - seconds(missing),
        problems=tuple(problems),
        gaps=gaps,
        ran=running,
        missing=missing,
        critical=reporter in _NEEDED,
        workload=owners.get(f"{source.namespace}/{source.pod}", ""),
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


def _with_doubt(source: SourceCoverage, why: str) -> SourceCoverage:
    """The same, with the reason why its lines prove nothing: one more problem, but no gap, as the time is covered."""
    return replace(source, unproven=why, problems=(why, *source.problems)) if why else source


def _run(mesh: Mesh, source: LogSource) -> ContainerRun:
    pod = mesh.pod(ObjectRef(source.namespace, source.pod))
    return ContainerRun(source.container) if pod is None else pod.run(source.container)
