"""EA406, no expectation for this flow.

In: the judge's rulings. Out: an INCONCLUSIVE for each group of flows that was ruled so.
"""

from __future__ import annotations

from egressaudit.findings.control import Control
from egressaudit.findings.from_rulings import rulings
from egressaudit.findings.rule import Rule
from egressaudit.model import Outcome, Severity

RULE = Rule(
    find=rulings,
    control=Control(
        code="EA406",
        name="nothing-expected",
        title="no expectation for this flow",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="It left, and neither a policy nor the mesh configuration says which way it should go; or too little is "
        "known about it (its workload, its port) to tell which rule applies.",
        why="Where nothing is expected, nothing can be proven.",
        remedy="Audit with a --policy that covers it.",
        confidence="that of the flow: that it left is certain, whether it may is not.",
        passing="a rule of the policy, or a route of the mesh, covers api.example.com:443",
        failing="no --policy, and no route or waypoint of the mesh covers api.example.com:443",
    ),
)
