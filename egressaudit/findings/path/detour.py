"""EA106, went through a gateway, not directly.

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
        code="EA106",
        name="detour",
        title="went through a gateway, not directly",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="A gateway or waypoint carried it, although the rule that matches it says `via: direct`.",
        why="The external host may expect another source address, and the gateway wasn't sized for this traffic.",
        remedy="Take the host out of the gateway's route, or change the rule to the way that is meant.",
        confidence="joined or matched: the gateway's or waypoint's own line.",
        passing="sidecar: outbound|5432||db.example.com to 203.0.113.20:5432",
        failing="gateway: outbound|5432||db.example.com to 203.0.113.20:5432",
    ),
)
