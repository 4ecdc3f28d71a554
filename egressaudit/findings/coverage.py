"""What was read, held against all that the snapshot says there was to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from egressaudit.collect import CollectedLog, Collection, State
from egressaudit.collect.copy.proven import START
from egressaudit.findings.file_checks import LogFile, by_source
from egressaudit.findings.presence import SLACK, present, rhythm, seconds, uncovered, words
from egressaudit.join.window_hops import ReadLog
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, Coverage, LineCount, LogSource, ObjectRef, Reporter, SourceCoverage, Window
from egressaudit.times import rfc3339

_OFF = timedelta(minutes=10)
"""How far the clock of the machine that collected may be off from the nodes' (docs/evidence.md, Limits)."""

_NEEDED = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL)


@dataclass(frozen=True, slots=True)
class Account:
    """All that was read."""

    logs: tuple[ReadLog, ...]
    skipped: dict[str, int]
    broken: tuple[str, ...]
    files: tuple[LogFile, ...] = ()
    """The same logs as files."""


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
    logs_of: defaultdict[LogSource, list[ReadLog]] = defaultdict(list)
    others: list[ReadLog] = []
    expected = {source: reporter for source, reporter in mesh.expected_logs() if source in chosen}
    for log in account.logs:
        if log.source is not None and log.source in expected:
            logs_of[log.source].append(log)
        else:
            others.append(log)
    collected = {each.source: each for each in collection.logs} if collection else {}
    files = by_source(account.files)
    unproven = forgeable or {}
    sources = [
        _doubted(
            _expected(
                source,
                reporter,
                logs_of[source],
                _Time(_run(mesh, source), window, files.get(source, ()), collected.get(source)),
                collection.finished if collection else None,
            ),
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


@dataclass(frozen=True, slots=True)
class _Time:
    """What is known about the time of one log: when its container ran, its files, and what its collection says."""

    run: ContainerRun
    window: Window
    files: tuple[LogFile, ...]
    collected: CollectedLog | None

    @property
    def there(self) -> tuple[Window, ...]:
        """When the proxy was there."""
        return present(self.run, self.window)

    @property
    def covered(self) -> tuple[Window, ...]:
        """When no line is missing: as the collection knows, else from the first line of each file to its last."""
        if self.collected is not None:
            begin, end = self.collected.covered_from, self.collected.covered_to
            return (Window(begin, end),) if begin and end and begin < end else ()
        return tuple(self._of_file(each.begins, each.ends) for each in self.files if each.begins and each.ends)

    def _of_file(self, begin: datetime, end: datetime) -> Window:
        # A proxy logs as soon as it starts, so a file that begins then has the run's first line.
        starts = (self.run.started, self.run.previous_started)
        own = [each for each in starts if each is not None and each <= begin <= each + START]
        return Window(max(own, default=begin), max(begin, end))

    def gaps(self) -> Iterator[str]:
        """The time in which the proxy was there and its log proves nothing, one sentence each with the reason."""
        there, covered = self.there, self.covered
        known = self.collected is not None
        slack = SLACK if known else rhythm(covered, sum(each.lines for each in self.files))
        # Of a log that proves nothing even a short time is missing.
        found = [each for each in uncovered(there, covered) if each.end - each.start > slack or not covered]
        said = self.collected.reason if self.collected is not None else ""
        if self.collected is not None and self.collected.state is not State.COMPLETE:
            said = said or f"its collection is {self.collected.state}"
            if not found:
                yield said
        doubt = (
            f": {said}" if said else "" if known else ", and no collection.json says whether it was silent or is cut"
        )
        if found and not covered:
            yield f"it has no line with a time{doubt}" if not known else f"nothing of the window is proven{doubt}"
            return
        for each in found:
            yield f"{self._place(each, there)} ({rfc3339(each.start)} to {rfc3339(each.end)} is not covered){doubt}"

    def _place(self, gap: Window, there: Sequence[Window]) -> str:
        length = words(gap.end - gap.start)
        if gap.start == self.window.start:
            return f"it begins {length} after the window does"
        if gap.end == self.window.end:
            return f"it ends {length} before the window does"
        if any(gap.start == each.start for each in there):
            return f"it begins {length} after its container did"
        if any(gap.end == each.end for each in there):
            return f"it ends {length} before its container did"
        return f"there is a hole of {length} between two of its files"


def _expected(
    source: LogSource, reporter: Reporter, logs: Sequence[ReadLog], time: _Time, finished: datetime | None
) -> SourceCoverage:
    there = time.there
    gaps = tuple(time.gaps()) if there and logs else ()
    last = max((log.last for log in logs if log.last), default=None)
    if finished is not None and last is not None and last > finished + _OFF:
        late = f"it has a line of {rfc3339(last)}, and was collected by {rfc3339(finished)}: its clock is off"
        gaps = (*gaps, f"{late}, so which of its lines are of the window is not known")
    problems = list(gaps)
    if there and not logs:
        why = time.collected.reason if time.collected is not None else ""
        problems = [why or "it was not among the logs that were read"]
    problems += [
        f"{log.copies} lines of {log.path} stand in another log of this container too" for log in logs if log.copies
    ]
    expected = seconds(there)
    return SourceCoverage(
        name=str(source),
        reporter=reporter,
        # One that was not there in the window has nothing to show for it.
        expected=bool(there or logs),
        read=bool(logs),
        lines=sum((log.count for log in logs), LineCount()),
        first=min((log.first for log in logs if log.first), default=None),
        last=last,
        expected_seconds=expected,
        covered_seconds=expected - seconds(uncovered(there, time.covered)) if logs else 0.0,
        problems=tuple(problems),
        gaps=gaps,
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


def _run(mesh: Mesh, source: LogSource) -> ContainerRun:
    pod = mesh.pod(ObjectRef(source.namespace, source.pod))
    return ContainerRun(source.container) if pod is None else pod.run(source.container)
