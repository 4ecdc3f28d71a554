"""EA303, no matching line in the gateway's log.

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
        code="EA303",
        name="unconfirmed",
        title="no matching line in the gateway's log",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The source sent it to a gateway or waypoint, and that proxy's log has no line about it.",
        why="The source's line proves where it connected. It doesn't prove that the gateway forwarded it, or to whom.",
        remedy="Collect the gateway's log for the window and some minutes more: a connection is logged at its end.",
        confidence="reported: the source's line alone.",
        passing="sidecar from 10.0.0.1:50000 to 10.0.0.9:8080; gateway line from 10.0.0.1:50000",
        failing="sidecar from 10.0.0.1:50000 to 10.0.0.9:8080; no gateway line from 10.0.0.1:50000",
    ),
)
