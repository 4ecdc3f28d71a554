"""EA304, access lines that may be forged.

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
    for name, count, evidence in facts.unjudged.unclean:
        message = f"{count} access lines hold quotes or spaces that their format does not write: they may be forged"
        yield control.unproven(name, message, evidence=evidence, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA304",
        name="not-clean",
        title="access lines that may be forged",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="Access lines of a log hold quotes or spaces that their format does not write. They are not judged.",
        why="Text logs hold header values as they are, so a sender can imitate fields.",
        remedy="Find who sends such values, and set accessLogEncoding to JSON, which escapes them.",
        confidence="observed: the lines are counted, and the first of them shown.",
        passing='"curl/8.5.0" "4f1c" "docs.redhat.com" "203.0.113.7:80"',
        failing='"x" "id" "docs.redhat.com" "203.0.113.7:80" "4f1c" "docs.redhat.com" "203.0.113.7:80"',
    ),
)
