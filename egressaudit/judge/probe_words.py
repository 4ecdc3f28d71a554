"""The words for one probe: how curl ended, what trouble a line shows, which proxy wrote it, and what to do about it.

In: a flow, or one of its lines. Out: a phrase, e.g. "curl exit 56: reset", or "UF, remote_connection_failure".
"""

from __future__ import annotations

from egressaudit.addresses import ip_of
from egressaudit.join.line_facts import LineFate
from egressaudit.judge.hop_facts import is_request
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.words import REASONS
from egressaudit.model import Flow, Hop, LineCount, Reporter

USE_JSON = "Set meshConfig.accessLogEncoding to JSON: JSON logs escape what a workload writes."
FIX_FORGEABLE = (
    "Upgrade the proxy to Istio 1.21.6, 1.22.5, 1.23.2 or later (OpenShift Service Mesh 2.6.2 or 3), or set "
    "meshConfig.accessLogEncoding to JSON, which escapes what a client sends."
)
LOOK_OUTSIDE = "Look at the external host and at what lies between it and this proxy (firewall, proxy, TLS)."
NO_WAY_ON = "Look at the rules for this proxy, and at the ServiceEntry as this proxy's namespace sees it."
IS_LOGGING_ON = (
    "Is access logging on there? meshConfig.accessLogFile must be /dev/stdout, and no Telemetry may disable or "
    "filter it."
)

SPEAK_HTTP = "If this port is HTTP in the mesh, proxies log its requests and not bare connections: use --scheme http."

SAY_WHAT_YOU_EXPECT = (
    "No object leads this host to a gateway or waypoint. Declare its way (`egressaudit generate`), or say what you "
    "expect: --expect gateway[=NS/NAME], waypoint[=NS/NAME], direct or blocked."
)


def contradicts(flow: Flow, hop: Hop) -> bool:
    """Whether an HTTP line has another status than curl got: then it is not about curl's request."""
    code = flow.probe.result.http_code
    return is_request(hop) and bool(code) and hop.get("response_code") != code


def answered(flow: Flow) -> bool:
    """Whether curl came to its end in order."""
    return flow.probe.result.exit_code == 0 and bool(flow.probe.result.connected)


def curl_said(flow: Flow) -> str:
    """How curl ended."""
    result = flow.probe.result
    return f"curl exit {result.exit_code}: {result.error or 'no message'}"


def trouble(hop: Hop) -> str:
    """A line's flags and details."""
    if hop.reporter is Reporter.ZTUNNEL:
        return hop.text("error") or "no reason given"
    parts = [hop.text("response_flags"), hop.text("response_code_details")]
    parts.append(hop.text("upstream_transport_failure_reason"))
    return ", ".join(dict.fromkeys(part for part in parts if part)) or "no reason given"


def sent_to(hop: Hop) -> str | None:
    """The address that a proxy sent its flow on to."""
    return hop.text("dst_addr") if hop.reporter is Reporter.ZTUNNEL else hop.text("upstream_host")


def refused_by(hop: Hop, fate: LineFate) -> str:
    """Who refused it, in the words of the line or of its policy."""
    if hop.reporter is Reporter.ZTUNNEL:
        return hop.text("error") or ""
    if fate.reason == "block-all-route":
        return f"route block_all, answer {hop.get('response_code')}"
    return "RBAC (AuthorizationPolicy)" if fate.reason == "authorization-policy" else REASONS[fate.reason]


def counted(count: LineCount) -> str:
    """How many lines a log had, in words."""
    if count.access == 0:
        return f"it wrote no access line at all while this ran ({count.read} lines read)"
    return f"it wrote {count.access} access lines while this ran"


def who_is(reached: str | None, around: ProbeSurroundings) -> str:
    """The gateway or waypoint at an address, e.g. `egress gateway egress/egress`."""
    reporter, ref = around.proxies[ip_of(reached) or ""]
    return f"{reporter.noun} {ref}"


def who_wrote(flow: Flow, number: int, around: ProbeSurroundings) -> str:
    """The proxy that wrote a line of the chain."""
    hop = flow.hops[number]
    if hop.reporter.at_source:
        return "ztunnel" if hop.reporter is Reporter.ZTUNNEL else f"the {hop.reporter.noun}"
    ref = around.writers.get(hop.line.source)
    if ref is None:
        return f"the {who_is(sent_to(flow.hops[number - 1]), around)}"
    return f"the {hop.reporter.noun} {ref}"
