"""EA105, left, though a rule says blocked.

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
        code="EA105",
        name="not-blocked",
        title="left, though a rule says blocked",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left, by whatever way, although the rule that matches it says `via: blocked`. Whether anybody "
        "answered doesn't matter.",
        why="A prohibition that the mesh doesn't enforce is only a wish.",
        remedy="Enforce it: REGISTRY_ONLY without a ServiceEntry, an AuthorizationPolicy, or a NetworkPolicy.",
        confidence="reported by the source; joined or matched where a gateway or waypoint carried it.",
        passing="sidecar: BlackHoleCluster",
        failing="sidecar: PassthroughCluster to 203.0.113.9:25",
    ),
)
