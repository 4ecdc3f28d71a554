"""EA311, no flow of the window has a verdict.

In: the judge's rulings. Out: one INCONCLUSIVE if none of them has an outcome.
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
    if not any(ruling.judged.outcome is not None for ruling in facts.rulings):
        yield control.unproven("window", "no flow of the window has a verdict")


RULE = Rule(
    find=_find,
    control=Control(
        code="EA311",
        name="nothing-to-judge",
        title="no flow of the window has a verdict",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="No flow left the mesh in all the logs that were read; or each that tried was blocked although it was "
        "allowed, failed, or is left open by the policy's default.",
        why="A clean report about nothing proves nothing: the window or the logs may be the wrong ones.",
        remedy="Check the window, and that these are the logs of the snapshot's proxies.",
        confidence="observed: the flows of the window.",
        passing="one flow left through egress/gw, as it should",
        failing="all lines of the window are inbound",
    ),
)
