"""What changed since an earlier report, in words for all reports that people read.

In: a `Drift`. Out: one line for the first screen, e.g. `since audit-1.json: 3 new findings (1 new violation), 2 gone`;
and all changes, a line each.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.report.wording import counted
from egressaudit.times import rfc3339

MAX_ROWS = 100
"""Changes that a report for people lists; JSON has all."""

_CHANGE = {
    DriftChange.NEW: "new",
    DriftChange.CHANGED: "changed",
    DriftChange.GONE: "gone",
    DriftChange.NOT_SEEN: "not seen",
}


def drift_line(drift: Drift) -> str:
    """All changes in one line: `since audit-1.json: 2 new findings (1 new violation), 1 gone; 3 new flows`."""
    if not drift.compared:
        return drift.notes[0] if drift.notes else f"Not compared with {drift.baseline}."
    parts = [said for of in DriftOf if (said := _counts(drift, of))]
    return f"since {drift.baseline}: {'; '.join(parts) or 'nothing changed'}"


def drift_title(drift: Drift, since: str = "Changes since") -> str:
    """The heading over all changes: `Changes since audit-1.json (7)`."""
    count = len(drift.rows) or ("none" if drift.compared else "not compared")
    return f"{since} {drift.baseline} ({count})"


def drift_window(drift: Drift) -> str:
    """Which window the earlier report is of; '' if there is none."""
    window = drift.window
    return "" if window is None else f"its window: {rfc3339(window.start)} to {rfc3339(window.end)}"


def drift_rows(drift: Drift) -> Iterator[str]:
    """The changes, a line each, and how many more there are."""
    yield from map(_row, drift.rows[:MAX_ROWS])
    if (more := len(drift.rows) - MAX_ROWS) > 0:
        yield f"and {counted(more, 'more change', 'more changes')}, all in -o json"


def _counts(drift: Drift, of: DriftOf) -> str:
    counts = {change: drift.count(change, of) for change in DriftChange}
    found = [f"{count} {_CHANGE[change]}" for change, count in counts.items() if count]
    if not found:
        return ""
    if of is DriftOf.FINDING and drift.new_violations:
        found.insert(0, counted(drift.new_violations, "new violation"))
    return f"{of.value}s: {', '.join(found)}"


def _row(row: DriftRow) -> str:
    marks = [_CHANGE[row.change].upper(), *((row.code, str(row.severity)) if row.code else (row.of.value,))]
    violation = " (a new violation)" if row.violation else ""
    return f"{' '.join(marks)}  {row.subject}  {row.text}{violation}"
