"""Spans of time: when a proxy ran, and which part of that time its log does not cover.

In: times. Out: spans, in order and without overlap. Example: `uncovered` of 14:00 to 15:00 with 14:10 to 14:50 covered
is 14:00 to 14:10 and 14:50 to 15:00.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from egressaudit.model import ContainerRun, Window

SLACK = timedelta(seconds=1)
"""Gaps up to this long are not reported: timestamps and start times have whole seconds."""

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER_ENDED = datetime.max.replace(tzinfo=UTC)
_RHYTHM = 10
"""A log may be silent for this many times the mean interval between its lines. If lines come at random, one interval in
20,000 is longer."""
_LONGEST_RHYTHM = timedelta(seconds=60)
"""No silence beyond this is taken for a log's rhythm: what clocks may differ, and how long lines are kept behind a
window."""


def present(run: ContainerRun, window: Window) -> tuple[Window, ...]:
    """The parts of the window in which the container ran, as far as the snapshot says; else all of it."""
    runs: list[tuple[datetime, datetime]] = []
    first = run.started
    if run.started is not None:
        runs.append((run.started, run.ended or _NEVER_ENDED))
    if run.previous_started is not None:
        # Without a current run, the container waits to be restarted.
        runs.append((run.previous_started, run.previous_ended or run.started or _NEVER_ENDED))
        first = run.previous_started
    known = 1 if run.previous_started is not None else 0
    if first is None or run.restarts > known:
        # A snapshot has only the last two runs. Any earlier run could have been at any time before.
        runs.append((_EVER, first or _NEVER_ENDED))
    return joined(
        Window(max(start, window.start), min(end, window.end))
        for start, end in runs
        if max(start, window.start) < min(end, window.end)
    )


def joined(spans: Iterable[Window]) -> tuple[Window, ...]:
    """The same time in as few spans as possible, in order."""
    found: list[Window] = []
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        if found and span.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def uncovered(there: Iterable[Window], covered: Iterable[Window]) -> tuple[Window, ...]:
    """The parts of `there` that no span of `covered` has, in order."""
    known = joined(covered)
    left: list[Window] = []
    for span in there:
        start = span.start
        for each in known:
            if each.end <= start or each.start >= span.end:
                continue
            if each.start > start:
                left.append(Window(start, each.start))
            start = each.end
        if start < span.end:
            left.append(Window(start, span.end))
    return tuple(left)


def seconds(spans: Iterable[Window]) -> float:
    """How long they are together."""
    return sum((each.end - each.start).total_seconds() for each in spans)


def rhythm(spans: Iterable[Window], lines: int) -> timedelta:
    """How long a log with so many lines in these spans may be silent before that counts as a gap: at most a minute."""
    length = timedelta(seconds=seconds(spans))
    mean = length / (lines - 1) if lines > 1 else timedelta()
    return max(SLACK, min(_RHYTHM * mean, _LONGEST_RHYTHM))


def in_words(length: timedelta) -> str:
    """A length of time for a report: `59 min 50 s`."""
    whole = int(length.total_seconds())
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
