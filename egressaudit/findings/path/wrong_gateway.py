"""EA103, left through another gateway.

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
        code="EA103",
        name="wrong-gateway",
        title="left through another gateway",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left through gateways or waypoints, and none of them is allowed to carry it.",
        why="Another gateway has other rules, another source address, and perhaps another owner.",
        remedy="Send the route to an allowed gateway, or allow this one in the rule's `gateways` or `waypoints`.",
        confidence="joined or matched: the gateway's own line names the host that it passed on.",
        passing="allowed: egress/gw; seen: through egress/gw",
        failing="allowed: egress/gw; seen: through egress/spare",
    ),
)
