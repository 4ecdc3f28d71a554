"""EA308, coverage below the minimum.

In: the coverage and the fraction that is required. Out: one INCONCLUSIVE if it is lower.
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
    fraction = facts.coverage.fraction
    if fraction < facts.fail_below:
        message = f"{fraction:.1%} of the expected log time is covered, {facts.fail_below:.1%} is required"
        yield control.unproven("coverage", message)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA308",
        name="coverage-too-low",
        title="coverage below the minimum",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The logs cover a smaller part of the expected time than --fail-coverage-below requires (default 95%).",
        why="A clean report over a part of the evidence is clean over that part only.",
        remedy="Look at the logs with problems in the report's first block, and collect what is missing.",
        confidence="observed: seconds covered of seconds expected, over all expected logs.",
        passing="--fail-coverage-below 95%; covered: 99.2%",
        failing="--fail-coverage-below 95%; covered: 81.0%",
    ),
)
