"""EA321, a file that nobody collected.

In: `collection.json` checked against the files. Out: a note for each file that it does not name.
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
    for path in facts.evidence.unlisted:
        yield control.note(path, "collection.json does not name this file: it was read all the same")


RULE = Rule(
    find=_find,
    control=Control(
        code="EA321",
        name="not-collected",
        title="a file that nobody collected",
        severity=Severity.LOW,
        outcomes=(None,),
        what="A log lies beside collection.json, which does not list it. It was read anyway.",
        why="Nothing says where it comes from. Its lines are only as good as whoever put it there.",
        remedy="Find out who put it there, and take it away if it does not belong to the collection.",
        confidence="observed: collection.json against the files.",
        passing="the folder holds shop/cart-1/istio-proxy.log, and collection.json names it",
        failing="the folder also holds x/cart-1/istio-proxy.log, which collection.json does not name",
    ),
)
