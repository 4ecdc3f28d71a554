"""EA405, the configuration explains a bypass.

In: the judge's FAILs. Out: a note for each fault of the configuration that explains one, by host.
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
    faults = {
        (fault, each.judged.group.host)
        for each in facts.rulings
        if each.judged.outcome is Outcome.FAIL
        for fault in each.judged.decision.faults
    }
    for fault, host in sorted(faults):
        yield control.note(host, fault.message, which=" ".join((fault.slug, *fault.objects)))


RULE = Rule(
    find=_find,
    control=Control(
        code="EA405",
        name="configuration-gap",
        title="the configuration explains a bypass",
        severity=Severity.MEDIUM,
        outcomes=(None,),
        what="A flow went the wrong way, and the configuration that claims its host has a fault.",
        why="It is the likely cause: until it is fixed, the same traffic goes the same way.",
        remedy="Change the object that the finding names.",
        confidence="observed: the configuration of the snapshot, not that of the moment of the flow.",
        passing="VirtualService with gateways: [mesh, egress/gw]",
        failing="VirtualService with gateways: [egress/gw]: no sidecar follows it",
    ),
)
