"""EA102, left as unregistered traffic.

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
        code="EA102",
        name="passthrough",
        title="left as unregistered traffic",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="The source's proxy forwarded traffic for a host that the mesh doesn't know (PassthroughCluster; ztunnel: "
        "no service), although a gateway or waypoint should have carried it. An unanswered attempt counts.",
        why="Traffic to a host that isn't in the mesh's registry meets no route, no gateway and no authorization by "
        "host.",
        remedy="Let the mesh know and route this host, or refuse unknown ones (outboundTrafficPolicy REGISTRY_ONLY).",
        confidence="reported: the source's line alone. The address is certain; the name is only the sender's word.",
        passing="sidecar: outbound|443||gw.egress.svc.cluster.local to 10.0.0.9:8443, and the gateway's line of it",
        failing="sidecar: PassthroughCluster to 203.0.113.7:443, called docs.redhat.com",
    ),
)
