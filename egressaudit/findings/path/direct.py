"""EA101, left around the gateway or waypoint.

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
        code="EA101",
        name="direct",
        title="left around the gateway or waypoint",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="The source's own proxy sent it straight to an external host that the mesh knows, although a gateway or "
        "waypoint should have carried it. An unanswered attempt counts: nothing in the mesh stopped it.",
        why="Traffic that goes around a gateway escapes the gateway's rules, its logs and its fixed source address.",
        remedy="Make the route cover this host, port and workload: often a port, or the gateway `mesh`, is missing.",
        confidence="reported: the source's line alone, by the cluster it chose and the address it connected to.",
        passing="sidecar: outbound|80||gw.egress.svc.cluster.local to 10.0.0.9:8080, and the gateway's line of it",
        failing="sidecar: outbound|80||docs.redhat.com to 203.0.113.7:80",
    ),
)
