"""EA307, proxy logging off or filtered.

In: the snapshot's blind spots. Out: an INCONCLUSIVE for each proxy that does not log, or not everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.findings.control import Control
from egressaudit.findings.facts import NOT_LOGGING, AuditFacts
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Severity


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for spot in facts.coverage.blind_spots:
        if spot.kind in NOT_LOGGING:
            yield control.unproven(spot.subject, spot.reason, which=spot.kind)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA307",
        name="not-logging",
        title="proxy logging off or filtered",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The configuration switches a proxy's access log off, or filters it.",
        why="Its silence proves nothing.",
        remedy="Switch its access log on: meshConfig.accessLogFile, or a Telemetry resource without a filter.",
        confidence="observed: the configuration of the snapshot.",
        passing="meshConfig: accessLogFile: /dev/stdout",
        failing="Telemetry: accessLogging: [{filter: {expression: response.code >= 400}}]",
    ),
)
