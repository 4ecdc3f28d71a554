"""EA322, objects of a kind were not read.

In: what `mesh.json` says was read. Out: an INCONCLUSIVE for each kind on which a verdict could depend.
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
    for kind, sentence in facts.evidence.unread:
        yield control.unproven(kind, sentence)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA322",
        name="kind-not-read",
        title="objects of a kind were not read",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="mesh.json does not hold all objects of a kind on which a verdict could depend, or does not say what was "
        "read. Kinds that could only explain something are listed under what is not covered.",
        why="An object that was not read may turn a proxy's log off or send traffic another way.",
        remedy="Grant the ClusterRole of docs/permissions.md and take the snapshot again.",
        confidence="observed: what mesh.json says was read.",
        passing="mesh.json: read: [..., telemetry.istio.io/Telemetry]",
        failing="mesh.json: read lacks telemetry.istio.io/Telemetry",
    ),
)
