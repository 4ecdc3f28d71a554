"""EA320, a file is not what was collected.

In: `collection.json` checked against the files. Out: an INCONCLUSIVE for each file that differs.
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
    for log, sentence in facts.evidence.mismatched:
        yield control.unproven(log, sentence)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA320",
        name="not-as-collected",
        title="a file is not what was collected",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The file differs from what collection.json says about its lines, bytes or SHA-256, or it is not there.",
        why="Lines were removed, added or changed after the collection. What the file covers is no longer known.",
        remedy="Restore the folder as it was collected, or collect the window again.",
        confidence="observed: collection.json against the files.",
        passing="collection.json: 500 lines, 90000 bytes; the file has 500 lines, 90000 bytes",
        failing="collection.json: 500 lines, 90000 bytes; the file has 2 lines, 92 bytes",
    ),
)
