"""EA301, a proxy's log was not read.

In: the coverage of each log. Out: an INCONCLUSIVE for each expected log that was not read.
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
    for log in facts.coverage.sources:
        if log.expected and not log.read:
            message = f"there is no log of this {log.reporter or 'proxy'}"
            yield control.unproven(log.name, message, advice=log.problems)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA301",
        name="log-missing",
        title="a proxy's log was not read",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="According to the snapshot a proxy ran in the window, and its log is not among those that were read.",
        why="What went through that proxy is in no report. Missing evidence never counts as a PASS.",
        remedy="Collect this log too and audit again.",
        confidence="observed: the snapshot against the list of logs.",
        passing="pod shop/cart-1 has a sidecar; shop/cart-1/istio-proxy was read",
        failing="pod shop/cart-1 has a sidecar; no log of it was read",
    ),
)
