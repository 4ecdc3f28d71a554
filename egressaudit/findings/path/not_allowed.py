"""EA104, left, and no rule allows it.

In: the judge's rulings. Out: a FAIL for each group of flows that was ruled so; the policy rule sets its severity.
"""

from __future__ import annotations

from egressaudit.findings.control import Control
from egressaudit.findings.from_rulings import violations
from egressaudit.findings.rule import Rule
from egressaudit.model import Outcome, Severity

RULE = Rule(
    find=violations,
    control=Control(
        code="EA104",
        name="not-allowed",
        title="left, and no rule allows it",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left, by whatever way. No rule matches it, and the policy's default is deny. Whether anybody answered "
        "doesn't matter.",
        why="The policy lists everything that may leave. Anything else is a new dependency, a mistake, or data theft.",
        remedy="Find out what the workload does there, then add a rule for it or block it in the mesh.",
        confidence="reported by the source; joined or matched where a gateway or waypoint carried it.",
        passing="no rule matches paste.example.net:443; sidecar: BlackHoleCluster",
        failing="no rule matches paste.example.net:443; sidecar: PassthroughCluster to 203.0.113.7:443",
    ),
)
