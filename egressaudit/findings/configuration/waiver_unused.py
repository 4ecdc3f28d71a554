"""EA404, a waiver excused nothing.

In: which waivers excused a flow. Out: a note for each that excused none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for rule, waived in facts.policy.unused_waivers:
        message = f"the waiver of rule {rule} ({waived.reason}) was not needed"
        yield control.note(rule, message, which=waived.reason)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA404",
        name="waiver-unused",
        title="a waiver excused nothing",
        severity=Severity.INFO,
        outcomes=(None,),
        what="No flow of the window fell under a waiver that is in force.",
        why="It may no longer be needed, and while it exists it would excuse the next violation.",
        remedy="Remove it when what it excused is fixed.",
        confidence="observed: the policy against the flows of this window only.",
        passing="the waiver of rule redhat-docs for legacy/* was used",
        failing="the waiver of rule redhat-docs for legacy/*; no flow of legacy fell under the rule",
    ),
)
