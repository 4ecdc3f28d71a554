"""EA305, lines that no grammar can read.

In: lines that were read and not judged. Out: an INCONCLUSIVE for each log with such lines, with the first of them.
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
    for name, count, evidence in facts.unjudged.unparsed:
        yield control.unproven(name, f"{count} lines are not understood", evidence=evidence, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA305",
        name="unparsed",
        title="lines that no grammar can read",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="Some lines of a log are neither access lines of a known format nor other known lines.",
        why="Each of them may be a flow that is not judged.",
        remedy="Run `egressaudit parse --unparsed FILE` on this log: it shows where each line breaks.",
        confidence="observed: the lines are counted, and the first of them shown.",
        passing="1200 lines = 1190 access + 10 other + 0 unparsed",
        failing="1200 lines = 1190 access + 0 other + 10 unparsed",
    ),
)
