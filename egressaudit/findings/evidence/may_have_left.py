"""EA314, it may have left the wrong way.

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
        code="EA314",
        name="may-have-left",
        title="it may have left the wrong way",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A proxy chose an address outside the cluster to which the flow must not go directly, and no line says "
        "whether the connection was made.",
        why="If it was connected, this is a violation. If not, nothing left.",
        remedy="Look at the proxy's line and at the external host: a connection that failed has the flag UF and not "
        "URX.",
        confidence="reported: the line of one proxy.",
        passing="503 UF, no upstream_local_address: the connection was not made",
        failing="0 DC, upstream_host 203.0.113.7:80, no upstream_local_address, no UF",
    ),
)
