"""EA402, rule matched no flow.

In: which rules decided a flow. Out: a note for each that decided none.
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
    for rule in facts.policy.unused_rules:
        yield control.note(rule, f"no flow fell under rule {rule}")


RULE = Rule(
    find=_find,
    control=Control(
        code="EA402",
        name="rule-unused",
        title="rule matched no flow",
        severity=Severity.INFO,
        outcomes=(None,),
        what="A rule of the policy decided no flow of the window.",
        why="It may be misspelt or out of date, or its traffic was not seen. An unused permission is a door left open.",
        remedy="Check its hosts and workloads, and remove it when it stays unused.",
        confidence="observed: the policy against the flows of this window only.",
        passing="rule redhat-docs decided 12 flows",
        failing="rule redhat-docs has docs.redhatt.com among its hosts, and decided none",
    ),
)
