"""EA403, a waiver has run out.

In: the waivers and the day on which the window ends. Out: an INCONCLUSIVE for each that has run out.
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
    for rule, waived in facts.policy.expired_waivers:
        message = f"the waiver of rule {rule} ({waived.reason}) expired on {waived.expires}"
        yield control.unproven(rule, message, which=waived.reason)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA403",
        name="waiver-expired",
        title="a waiver has run out",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A waiver's last day is before the window's end: it no longer excuses anything.",
        why="An exception that nobody renews or ends is how exceptions become permanent.",
        remedy="Fix what it excused and remove it, or have it renewed by whoever granted it.",
        confidence="observed: the policy against the day (UTC) on which the window ends.",
        passing="expires: 2027-01-31; the window ends on 2027-01-31",
        failing="expires: 2027-01-31; the window ends on 2027-02-01",
    ),
)
