"""Findings about flows: one for each group that the judge ruled to fall under a control.

In: a control and the judge's rulings. Out: a finding with the group's lines for each ruling of the control's code, e.g.
`Ruling(judged, "EA101")` under EA101. `judge.outcome` has the table of what falls under which code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.model import Finding, FlowGroup, Judged, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts
    from egressaudit.judge.groups import Ruling

MAX_NAMES = 6
"""Names that a finding shows; all of them are judged."""


def rulings(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    """The rulings under this control, with the severity that the control has."""
    for ruling in facts.rulings:
        if ruling.code == control.code:
            yield _finding(control, ruling, control.severity)


def violations(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    """The rulings under this control, with the severity of the policy rule that decided, if one did."""
    for ruling in facts.rulings:
        if ruling.code == control.code:
            decision = ruling.judged.decision
            yield _finding(control, ruling, decision.severity if decision.rule else control.severity)


def _remedy(control: Control, judged: Judged) -> str:
    return judged.causes[0].cause.remedy if judged.causes else control.remedy


def called_names(group: FlowGroup) -> str:
    """What senders called a group's host: `a.example.com, b.example.com and 3 more`."""
    names = group.server_names
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _finding(control: Control, ruling: Ruling, severity: Severity) -> Finding:
    judged = ruling.judged
    group, decision = judged.group, judged.decision
    names = f" (called {called_names(group)})" if group.server_names else ""
    return Finding(
        code=control.code,
        severity=severity,
        outcome=judged.outcome,
        confidence=group.confidence,
        subject=group.subject,
        message=f"{group.host}:{group.port or '-'}{names}: {judged.because}",
        # A cause has a remedy of its own, which fits better than that of all flows of the control.
        advice=(*(f"Configuration: {fault}" for fault in decision.fault_texts), _remedy(control, judged)),
        judged=judged,
        rule=decision.rule,
        controls=decision.controls,
        waived=decision.waived if judged.outcome is Outcome.FAIL else None,
        evidence=group.evidence,
        evidence_total=group.flows,
        causes=judged.causes,
    )
