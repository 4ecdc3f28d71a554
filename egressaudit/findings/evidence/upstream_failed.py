"""EA310, it did not arrive.

In: the judge's rulings. Out: a note for each group of flows that was ruled so.
"""

from __future__ import annotations

from egressaudit.findings.control import Control
from egressaudit.findings.from_rulings import rulings
from egressaudit.findings.rule import Rule
from egressaudit.model import Severity

RULE = Rule(
    find=rulings,
    control=Control(
        code="EA310",
        name="upstream-failed",
        title="it did not arrive",
        severity=Severity.INFO,
        outcomes=(None,),
        what="A proxy had nowhere to send it, or could not connect to the gateway or to the external host; or it was "
        "sent the right way, but no line says that it arrived.",
        why="Nothing left that could be judged, and nothing proves that the way out works.",
        remedy="Look at the response flags and details of the last line: DNS, connection, TLS or timeout.",
        confidence="reported, joined or matched: the last proxy's line.",
        passing="gateway: 200 via_upstream, flags -",
        failing="gateway: 503 upstream_reset_before_response_started, flags UF, no upstream_local_address",
    ),
)
