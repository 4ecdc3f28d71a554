"""EA201, no matching line from the source.

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
        code="EA201",
        name="unattributed",
        title="no matching line from the source",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A gateway or waypoint sent it out, and no source's log has a line about that connection. The workload is "
        "named only if a single pod has the address that it came from.",
        why="Nobody can say for certain who sent it: a log is missing, a pod is unknown, or someone outside the mesh's "
        "capture reaches the gateway.",
        remedy="Collect the logs of all sidecars and ztunnels for the whole window, and the snapshot within it.",
        confidence="reported: the gateway's line proves that it left, not who sent it.",
        passing="gateway line from 10.0.0.1:50000; sidecar line of 10.0.0.1 that connected from port 50000",
        failing="gateway line from 10.0.0.1:50000; no sidecar line with that port",
    ),
)
