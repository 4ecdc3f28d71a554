"""EA302, a log does not cover the window.

In: the coverage of each log. Out: an INCONCLUSIVE where time is missing, a note where lines are doubled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for log in facts.coverage.sources:
        if log.read and log.gaps:
            yield control.unproven(log.name, "; ".join(log.gaps), which="gaps")
        others = [each for each in log.problems if each != log.unproven and each not in log.gaps]
        if log.expected and log.read and others:
            yield control.note(log.name, "; ".join(others), which="notes", severity=Severity.INFO)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA302",
        name="log-gap",
        title="a log does not cover the window",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE, None),
        what="A log that was read starts late, ends early or has a gap, while its container ran: it was rotated or "
        "cut, or its container restarted. Each log counts separately, however high the average is. It is info if "
        "another file of the same container has lines of it too.",
        why="What the proxy forwarded in the missing time is in no report.",
        remedy="Collect more often, with `egressaudit audit --save-logs`, which notes what each log covers; or audit a "
        "window that all logs cover.",
        confidence="observed: what the collection noted, or else when the first and last line of each file were "
        "written, compared with the window and the runs of the container.",
        passing="window 14:00 to 15:00; collection.json says that the log covers all of it",
        failing="window 14:00 to 15:00; the log starts at 14:41",
    ),
)
