"""EA321, a file that nobody collected.

In: `collection.json` checked against the files. Out: a note for each file that it does not name, INCONCLUSIVE if its
lines count as those of a proxy.
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
    listed_in = facts.evidence.listed_in
    for path, judged in facts.evidence.unlisted:
        if judged:
            yield control.unproven(path, f"{listed_in} does not name this file, and its lines were judged as a proxy's")
        else:
            message = f"{listed_in} does not name this file: it was read all the same"
            yield control.note(path, message, severity=Severity.INFO)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA321",
        name="not-collected",
        title="a file that nobody collected",
        severity=Severity.MEDIUM,
        outcomes=(None, Outcome.INCONCLUSIVE),
        what="A log lies beside collection.json, which does not list it. It was read anyway. It is info if its lines "
        "are no proxy's of the snapshot.",
        why="Nothing says where it comes from. Its lines are only as good as whoever put it there.",
        remedy="Find out who put it there, and take it away if it does not belong to the collection.",
        confidence="observed: collection.json against the files.",
        passing="the folder holds shop/cart-1/istio-proxy.log, and collection.json names it",
        failing="the folder also holds x/cart-1/istio-proxy.log, which collection.json does not name",
    ),
)
