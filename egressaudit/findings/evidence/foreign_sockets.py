"""EA315, lines with another pod's sockets.

In: lines that were read and not judged. Out: an INCONCLUSIVE for each log with such lines.
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
    for name, count in facts.unjudged.foreign:
        message = f"{count} access lines have another pod's sockets: they were not judged"
        yield control.unproven(name, message, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA315",
        name="foreign-sockets",
        title="lines with another pod's sockets",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="Access lines of a log have sockets that don't belong to the pod that wrote the log. They prove nothing.",
        why="A proxy's own sockets have its pod's addresses. The log was copied to the wrong place, or the pod's owner "
        "wrote the lines.",
        remedy="Collect the log again from the cluster; if the lines are still there, find out who writes them.",
        confidence="observed: the lines are counted.",
        passing="log of curl/curl-1 (10.0.0.1): downstream_remote_address 10.0.0.1:40000",
        failing="log of curl/curl-1 (10.0.0.1): downstream_remote_address 10.0.7.7:40000",
    ),
)
