"""EA1xx, the path that traffic took, and EA2xx, who sent it and what it called the host."""

from __future__ import annotations

from egressaudit.controls.control import Control
from egressaudit.model import Outcome
from egressaudit.window import Severity

PATH = (
    Control(
        code="EA101",
        name="direct",
        title="left around the gateway or waypoint",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="The source's own proxy sent it to a host that it knows, outside the mesh, though a gateway or "
        "waypoint was to carry it. An attempt that nobody answered counts: nothing in the mesh stopped it.",
        why="Rules, logs and fixed source addresses of a gateway do not hold for what goes around it.",
        remedy="Make the route cover this host, port and workload: often a port, or the gateway `mesh`, is missing.",
        confidence="reported: the source's line alone, by the cluster it chose and the address it connected to.",
        passing="sidecar: outbound|80||gw.egress.svc.cluster.local to 10.0.0.9:8080, and the gateway's line of it",
        failing="sidecar: outbound|80||docs.redhat.com to 203.0.113.7:80",
    ),
    Control(
        code="EA102",
        name="passthrough",
        title="left as unregistered traffic",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="The source's proxy passed on what it knows no host for (PassthroughCluster; ztunnel: no service), "
        "though a gateway or waypoint was to carry it. An attempt that nobody answered counts.",
        why="What is not in the mesh's registry meets no route, no gateway and no authorization by host.",
        remedy="Add a ServiceEntry for this host and port and route it, or set outboundTrafficPolicy to REGISTRY_ONLY.",
        confidence="reported: the source's line alone. The address is certain; a name is only what the sender said.",
        passing="sidecar: outbound|443||gw.egress.svc.cluster.local to 10.0.0.9:8443, and the gateway's line of it",
        failing="sidecar: PassthroughCluster to 203.0.113.7:443, called docs.redhat.com",
    ),
    Control(
        code="EA103",
        name="wrong-gateway",
        title="left through another gateway",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left through gateways or waypoints of which none is allowed to carry it.",
        why="Another gateway has other rules, another source address, and perhaps another owner.",
        remedy="Send the route to an allowed gateway, or allow this one in the rule's `gateways` or `waypoints`.",
        confidence="joined or matched: the gateway's own line names the host that it passed on.",
        passing="allowed: egress/gw; seen: through egress/gw",
        failing="allowed: egress/gw; seen: through egress/spare",
    ),
    Control(
        code="EA104",
        name="not-allowed",
        title="left, and no rule allows it",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left, by whatever way, no rule matches it, and the policy's default is deny. Whether anybody answered "
        "does not matter.",
        why="The policy names all that may leave. The rest is a new dependency, a mistake, or data theft.",
        remedy="Find out what the workload does there, then add a rule for it or block it in the mesh.",
        confidence="reported by the source; joined or matched where a gateway or waypoint carried it.",
        passing="no rule matches paste.example.net:443; sidecar: BlackHoleCluster",
        failing="no rule matches paste.example.net:443; sidecar: PassthroughCluster to 203.0.113.7:443",
    ),
    Control(
        code="EA105",
        name="not-blocked",
        title="left, though a rule says blocked",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="It left, by whatever way, and the rule that matches it says `via: blocked`. Whether anybody answered "
        "does not matter.",
        why="A prohibition that the mesh does not enforce is only a wish.",
        remedy="Enforce it: REGISTRY_ONLY without a ServiceEntry, an AuthorizationPolicy, or a NetworkPolicy.",
        confidence="reported by the source; joined or matched where a gateway or waypoint carried it.",
        passing="sidecar: BlackHoleCluster",
        failing="sidecar: PassthroughCluster to 203.0.113.9:25",
    ),
    Control(
        code="EA106",
        name="detour",
        title="went through a gateway, not directly",
        severity=Severity.HIGH,
        outcomes=(Outcome.FAIL,),
        what="A gateway or waypoint carried it, and the rule that matches it says `via: direct`.",
        why="The far side may trust another source address, and the gateway's load was not meant for this traffic.",
        remedy="Take the host out of the gateway's route, or change the rule to the way that is meant.",
        confidence="joined or matched: the gateway's or waypoint's own line.",
        passing="sidecar: outbound|5432||db.example.com to 203.0.113.20:5432",
        failing="gateway: outbound|5432||db.example.com to 203.0.113.20:5432",
    ),
    Control(
        code="EA107",
        name="refused",
        title="refused, where it was to leave",
        severity=Severity.LOW,
        outcomes=(None,),
        what="The mesh refused what policy or configuration lets leave. Nothing left.",
        why="It is no leak, but something that was meant to work does not, and its way out is not proven.",
        remedy="Look for the AuthorizationPolicy, the missing ServiceEntry port, or the route that refuses it.",
        confidence="reported by the proxy that refused it; joined or matched where that was a gateway or waypoint.",
        passing="gateway: 200 via_upstream, outbound|80||docs.redhat.com",
        failing="gateway: 403 rbac_access_denied_matched_policy[none]",
    ),
    Control(
        code="EA201",
        name="unattributed",
        title="no source's line fits it",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A gateway or waypoint sent it out, and no line of a source is about that connection. The workload is "
        "named where one pod alone has the address that it came from.",
        why="Nobody can say for certain who sent it: a log is missing, a pod is not known, or somebody reaches the "
        "gateway from outside the mesh's capture.",
        remedy="Collect the logs of all sidecars and ztunnels for the whole window, and the snapshot within it.",
        confidence="reported: the gateway's line proves that it left, not who sent it.",
        passing="gateway line from 10.0.0.1:50000; sidecar line of 10.0.0.1 that connected from port 50000",
        failing="gateway line from 10.0.0.1:50000; no sidecar line with that port",
    ),
    Control(
        code="EA202",
        name="server-name-mismatch",
        title="called by another name than its host",
        severity=Severity.LOW,
        outcomes=(None,),
        what="It went the way it should, but its TLS server name or authority is not the host that the proxies "
        "routed it as, or they know no host for its address.",
        why="One address serves many names: another name can mean another site (domain fronting).",
        remedy="Ask whether the workload means this name, and terminate TLS at the gateway where names must hold.",
        confidence="that of the flow. The name is the sender's word; the way it left is proven without it.",
        passing="outbound|443||docs.redhat.com, server name docs.redhat.com",
        failing="outbound|443||docs.redhat.com, server name cdn.example.net",
    ),
)
