"""EA4xx: the policy and the mesh configuration."""

from __future__ import annotations

from egressaudit.controls.control import Control
from egressaudit.model import Outcome
from egressaudit.window import Severity

CONFIGURATION = (
    Control(
        code="EA401",
        name="policy-gateway-missing",
        title="the policy names a gateway that is gone",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The snapshot does not have a gateway or waypoint that the policy names, or a proxy that is trusted.",
        why="Nothing satisfies a rule that allows only that one; or it has another name now, and counts as a stranger.",
        remedy="Correct its namespace and name in the policy or in --trust, or take a newer snapshot.",
        confidence="observed: the policy against the snapshot.",
        passing="spec.gateways has egress/gw; so has the snapshot",
        failing="spec.gateways has egress/egress-gw; the snapshot has egress/gw alone",
    ),
    Control(
        code="EA402",
        name="rule-unused",
        title="no flow fell under a rule",
        severity=Severity.INFO,
        outcomes=(None,),
        what="A rule of the policy decided no flow of the window.",
        why="It may be misspelt or out of date, or its traffic was not seen; an unused permission is a door left open.",
        remedy="Check its hosts and workloads, and remove it when it stays unused.",
        confidence="observed: the policy against the flows of this window only.",
        passing="rule redhat-docs decided 12 flows",
        failing="rule redhat-docs has docs.redhatt.com among its hosts, and decided none",
    ),
    Control(
        code="EA403",
        name="waiver-expired",
        title="a waiver has run out",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A waiver's last day lies before the window's end: it excuses nothing any more.",
        why="An exception that nobody renews or ends is how exceptions become permanent.",
        remedy="Fix what it excused and remove it, or have it renewed by whoever granted it.",
        confidence="observed: the policy against the day (UTC) on which the window ends.",
        passing="expires: 2027-01-31; the window ends on 2027-01-31",
        failing="expires: 2027-01-31; the window ends on 2027-02-01",
    ),
    Control(
        code="EA404",
        name="waiver-unused",
        title="a waiver excused nothing",
        severity=Severity.INFO,
        outcomes=(None,),
        what="No flow of the window fell under a waiver that is in force.",
        why="It may be no longer needed, and as long as it stands it would excuse the next violation.",
        remedy="Remove it when what it excused is fixed.",
        confidence="observed: the policy against the flows of this window only.",
        passing="the waiver of rule redhat-docs for legacy/* was used",
        failing="the waiver of rule redhat-docs for legacy/*; no flow of legacy fell under the rule",
    ),
    Control(
        code="EA405",
        name="configuration-gap",
        title="the configuration explains a bypass",
        severity=Severity.MEDIUM,
        outcomes=(None,),
        what="A flow went the wrong way, and the configuration that claims its host has a fault.",
        why="It is the likely cause: as long as it stays, the same traffic goes the same way.",
        remedy="Change the object that the finding names.",
        confidence="observed: the configuration of the snapshot, not that of the moment of the flow.",
        passing="VirtualService with gateways: [mesh, egress/gw]",
        failing="VirtualService with gateways: [egress/gw]: no sidecar follows it",
    ),
    Control(
        code="EA406",
        name="nothing-expected",
        title="nothing says how it should leave",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="It left, and neither a policy nor the mesh configuration says which way it should; or too little is "
        "known of it (its workload, its port) to tell which rule holds.",
        why="Where nothing is expected, nothing can be proven.",
        remedy="Audit with a --policy that covers it.",
        confidence="that of the flow: that it left is certain, whether it may is not.",
        passing="a rule of the policy, or a route of the mesh, covers api.example.com:443",
        failing="no --policy, and no route or waypoint of the mesh covers api.example.com:443",
    ),
)
