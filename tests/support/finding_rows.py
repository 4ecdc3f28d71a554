"""Facts and flows that each give one finding: what the tests of all findings go through."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from egressaudit.findings import find_all
from egressaudit.findings.facts import AuditFacts, EvidenceProblems, PolicyProblems, UnjudgedLines, UnprovenProxy
from egressaudit.judge.groups import judge_group
from egressaudit.model import (
    BlindSpot,
    Coverage,
    Decision,
    Evidence,
    Fault,
    ObjectRef,
    Outcome,
    Path,
    Reporter,
    SourceCoverage,
    Waived,
)
from support.hops import (
    CURL,
    GW,
    GW_HOST,
    HOST,
    NO_UPSTREAM,
    SPARE,
    WAYPOINT,
    ZTUNNEL,
    at_gateway,
    at_waypoint,
    flows,
    straight,
    to_gateway,
    tunnel,
)

FAIL, OPEN, SAID = Outcome.FAIL, Outcome.INCONCLUSIVE, None

GATEWAY = ObjectRef("egress", "gw")
THROUGH = Decision(Path.VIA_GATEWAY, via=(GATEWAY,), rule="docs")
THROUGH_ANY = Decision(Path.VIA_GATEWAY)
THROUGH_SPARE = Decision(Path.VIA_GATEWAY, via=(ObjectRef("egress", "spare"),), rule="docs")
THROUGH_SPARE_BY_GW = replace(THROUGH_SPARE, passing=(GATEWAY,))
THROUGH_WAYPOINT = Decision(Path.VIA_WAYPOINT, via=(ObjectRef("egress", "waypoint"),), rule="docs")
DIRECT = Decision(Path.DIRECT, rule="db")
BLOCKED = Decision(Path.BLOCKED, rule="no-mail")
DENIED = Decision(Path.BLOCKED, rule="default")
ALLOWED = Decision(None, rule="default")
NOTHING = Decision(None)
WITH_GAP = replace(
    THROUGH, faults=(Fault.of("mesh-gateway-missing", "VirtualService egress/docs does not list the `mesh` gateway"),)
)

RESET = "upstream_reset_before_response_started"
UNANSWERED = {"response_code": 503, "response_flags": "UC", "response_code_details": RESET}
NOT_CONNECTED = {
    "response_code": 503,
    "response_flags": "UF",
    "response_code_details": RESET,
    "upstream_local_address": None,
}
MAYBE_CONNECTED = {**NOT_CONNECTED, "response_flags": "UF,URX"}
"""It was tried several times. The line tells of the last attempt: an earlier one may have been connected."""
UNREGISTERED = {"cluster_kind": "passthrough", "cluster_host": None, "cluster_port": None}
REFUSED = {"cluster_kind": "blackhole", "cluster_host": None, "cluster_port": None, **NO_UPSTREAM}
DENIED_BY_POLICY = {
    **NO_UPSTREAM,
    "response_code": 403,
    "response_code_details": "rbac_access_denied_matched_policy[none]",
}
AT_SPARE = {"downstream_local_address": "10.0.0.10:8080", "upstream_local_address": "10.0.0.10:60000"}


class Seen:
    """The logs of a case, joined once however many rows have them."""

    def __init__(self, logs):
        self._logs = logs

    @cached_property
    def groups(self):
        found = tuple(group for group, _ in flows(self._logs).groups)
        assert found, "the rows must hold a flow"
        return found


def called(*names):
    """Requests to one address, which no cluster names, under these names."""
    return Seen({CURL: [straight(n, **UNREGISTERED, authority=name) for n, name in enumerate(names)]})


TO_GATEWAY = [to_gateway()]
VIA_GATEWAY = Seen({CURL: TO_GATEWAY, GW: [at_gateway()]})
VIA_GATEWAY_MISNAMED = Seen({CURL: TO_GATEWAY, GW: [at_gateway(authority="cdn.example.net")]})
VIA_SPARE = Seen({CURL: [to_gateway(upstream_host="10.0.0.10:8080")], SPARE: [at_gateway(**AT_SPARE)]})
VIA_BOTH = Seen(
    {
        CURL: TO_GATEWAY,
        GW: [at_gateway(upstream_host="10.0.0.10:8080")],
        SPARE: [at_gateway(60.1, source="10.0.0.9", port=60000, **AT_SPARE)],
    }
)
VIA_WAYPOINT = Seen({ZTUNNEL: [tunnel()], WAYPOINT: [at_waypoint()]})
LEFT = Seen({CURL: [straight()]})
LEFT_UNANSWERED = Seen({CURL: [straight(**UNANSWERED)]})
MAY_HAVE_LEFT = Seen({CURL: [straight(**MAYBE_CONNECTED)]})
DID_NOT_LEAVE = Seen({CURL: [straight(**NOT_CONNECTED)]})
MAY_HAVE_LEFT_GATEWAY = Seen({CURL: TO_GATEWAY, GW: [at_gateway(**MAYBE_CONNECTED)]})
LEFT_UNREGISTERED = called(HOST)
LEFT_UNNAMED = called(None)
STOPPED = Seen({CURL: [straight(**REFUSED, authority=None)]})
STOPPED_AT_GATEWAY = Seen({CURL: TO_GATEWAY, GW: [at_gateway(**DENIED_BY_POLICY)]})
NOT_AT_GATEWAY = Seen({CURL: TO_GATEWAY, GW: []})
NOT_AT_WAYPOINT = Seen({ZTUNNEL: [tunnel()]})
NOBODYS = Seen({CURL: [], GW: [at_gateway()]})
STRANGERS = Seen({GW: [at_gateway(source="10.0.0.77")]})
TO_POD = Seen({CURL: [straight(upstream_host="10.0.0.2:80")]})
TO_OLD_GATEWAY = Seen({CURL: [to_gateway(upstream_host="198.51.100.9:8080")]})
GATEWAY_UNREGISTERED = Seen({CURL: TO_GATEWAY, GW: [at_gateway(**UNREGISTERED)]})
GATEWAY_DOWN = Seen({CURL: [to_gateway(**NOT_CONNECTED)]})
GATEWAY_NOT_CONNECTED = Seen({CURL: TO_GATEWAY, GW: [at_gateway(**NOT_CONNECTED)]})
GATEWAY_UNANSWERED = Seen({CURL: TO_GATEWAY, GW: [at_gateway(**UNANSWERED)]})
NO_GATEWAY_POD = Seen(
    {
        CURL: [
            straight(
                **NO_UPSTREAM,
                response_flags="UH",
                response_code_details="no_healthy_upstream",
                cluster_host=GW_HOST,
            )
        ]
    }
)
MANY_NAMES = called(*(f"{n}.example.com" for n in range(9)))


def of_flows(decision, seen):
    """The findings about these logs, where this is what is expected of every flow."""
    return find_all(AuditFacts(tuple(judge_group(group, lambda *_: decision) for group in seen.groups), Coverage()))


# What is expected, and what was seen, where it is found; and where it is not.
FLOWS = [
    ("EA101", FAIL, (THROUGH, LEFT), (THROUGH, VIA_GATEWAY)),
    ("EA101", FAIL, (THROUGH_ANY, LEFT_UNANSWERED), (DIRECT, LEFT)),
    ("EA101", FAIL, (THROUGH_WAYPOINT, LEFT), (THROUGH, LEFT_UNREGISTERED)),
    ("EA102", FAIL, (THROUGH, LEFT_UNREGISTERED), (THROUGH, VIA_GATEWAY)),
    ("EA102", FAIL, (THROUGH_ANY, LEFT_UNREGISTERED), (DIRECT, LEFT_UNREGISTERED)),
    ("EA103", FAIL, (THROUGH, VIA_SPARE), (THROUGH_SPARE, VIA_SPARE)),
    ("EA103", FAIL, (THROUGH, VIA_WAYPOINT), (THROUGH_WAYPOINT, VIA_WAYPOINT)),
    ("EA103", FAIL, (THROUGH_ANY, VIA_WAYPOINT), (THROUGH_ANY, VIA_SPARE)),
    ("EA103", FAIL, (THROUGH, VIA_BOTH), (THROUGH, GATEWAY_UNANSWERED)),
    ("EA103", FAIL, (THROUGH_SPARE, VIA_BOTH), (THROUGH_SPARE_BY_GW, VIA_BOTH)),
    ("EA104", FAIL, (DENIED, LEFT), (DENIED, STOPPED)),
    ("EA104", FAIL, (DENIED, LEFT_UNREGISTERED), (ALLOWED, LEFT_UNREGISTERED)),
    ("EA104", FAIL, (DENIED, VIA_GATEWAY), (THROUGH, VIA_GATEWAY)),
    ("EA104", FAIL, (DENIED, LEFT_UNANSWERED), (DENIED, STOPPED_AT_GATEWAY)),
    ("EA105", FAIL, (BLOCKED, LEFT), (BLOCKED, STOPPED)),
    ("EA105", FAIL, (BLOCKED, VIA_GATEWAY), (BLOCKED, STOPPED_AT_GATEWAY)),
    ("EA105", FAIL, (BLOCKED, LEFT_UNANSWERED), (BLOCKED, DID_NOT_LEAVE)),
    ("EA106", FAIL, (DIRECT, VIA_GATEWAY), (DIRECT, LEFT)),
    ("EA106", FAIL, (DIRECT, VIA_WAYPOINT), (THROUGH_WAYPOINT, VIA_WAYPOINT)),
    ("EA107", SAID, (THROUGH, STOPPED), (BLOCKED, STOPPED)),
    ("EA107", SAID, (THROUGH, STOPPED_AT_GATEWAY), (THROUGH, VIA_GATEWAY)),
    ("EA107", SAID, (DIRECT, STOPPED), (NOTHING, STOPPED)),
    ("EA201", OPEN, (THROUGH, NOBODYS), (THROUGH, VIA_GATEWAY)),
    ("EA201", OPEN, (DENIED, STRANGERS), (DENIED, STOPPED)),
    ("EA202", SAID, (THROUGH, VIA_GATEWAY_MISNAMED), (THROUGH, VIA_GATEWAY)),
    ("EA202", SAID, (DIRECT, LEFT_UNREGISTERED), (DIRECT, LEFT_UNNAMED)),
    ("EA303", OPEN, (THROUGH, NOT_AT_GATEWAY), (THROUGH, VIA_GATEWAY)),
    ("EA303", OPEN, (DENIED, NOT_AT_WAYPOINT), (DENIED, VIA_WAYPOINT)),
    ("EA309", OPEN, (THROUGH, TO_POD), (THROUGH, LEFT)),
    ("EA309", OPEN, (THROUGH, TO_OLD_GATEWAY), (THROUGH, VIA_GATEWAY)),
    ("EA309", OPEN, (THROUGH, GATEWAY_UNREGISTERED), (THROUGH, VIA_GATEWAY)),
    ("EA310", SAID, (THROUGH, GATEWAY_DOWN), (THROUGH, VIA_GATEWAY)),
    ("EA310", SAID, (THROUGH, GATEWAY_NOT_CONNECTED), (THROUGH, GATEWAY_UNANSWERED)),
    ("EA310", SAID, (THROUGH, NO_GATEWAY_POD), (THROUGH, LEFT)),
    ("EA310", SAID, (THROUGH, DID_NOT_LEAVE), (THROUGH, LEFT_UNANSWERED)),
    ("EA310", SAID, (DIRECT, MAY_HAVE_LEFT), (DIRECT, LEFT_UNANSWERED)),
    ("EA311", OPEN, (THROUGH, STOPPED), (BLOCKED, STOPPED)),
    ("EA311", OPEN, (ALLOWED, LEFT), (THROUGH, LEFT)),
    ("EA314", OPEN, (THROUGH, MAY_HAVE_LEFT), (THROUGH, DID_NOT_LEAVE)),
    ("EA314", OPEN, (DENIED, MAY_HAVE_LEFT), (DENIED, LEFT)),
    ("EA314", OPEN, (BLOCKED, MAY_HAVE_LEFT), (DIRECT, MAY_HAVE_LEFT)),
    ("EA314", OPEN, (THROUGH_SPARE, MAY_HAVE_LEFT_GATEWAY), (THROUGH, MAY_HAVE_LEFT_GATEWAY)),
    ("EA405", SAID, (WITH_GAP, LEFT), (THROUGH, LEFT)),
    ("EA405", SAID, (WITH_GAP, LEFT_UNREGISTERED), (WITH_GAP, VIA_GATEWAY)),
    ("EA406", OPEN, (NOTHING, LEFT), (ALLOWED, LEFT)),
    ("EA406", OPEN, (NOTHING, VIA_GATEWAY), (NOTHING, STOPPED)),
]

GW_LOG = SourceCoverage("egress/gw-1/istio-proxy", Reporter.EGRESS_GATEWAY, expected=True, read=True)
HALF = replace(GW_LOG, expected_seconds=3600, covered_seconds=1800)
WHOLE = replace(GW_LOG, expected_seconds=3600, covered_seconds=3600)
FORGEABLE = replace(GW_LOG, unproven="its proxy is too old", problems=("its proxy is too old",))
LINES = (str(GW), 2, (Evidence(str(GW), 7, "?", "unclean"),))
UNPROVEN = UnprovenProxy("shop/gw-1", "its StatefulSet gw is no proof", "")
UNBOUND = Fault.of("waypoint-missing", "ServiceEntry egress/docs asks for waypoint egress/x, which does not exist")
WAIVED = Waived("moves in May", "2026-11-06")


def with_logs(*sources, **coverage):
    return AuditFacts((), Coverage(sources, **coverage))


def with_spot(kind):
    return with_logs(blind_spots=(BlindSpot(kind, "shop/shop-1", "StatefulSet/shop", "because"),))


NONE = AuditFacts((), Coverage())

# The facts where it is found; and where it is not.
FACTS = [
    ("EA301", OPEN, with_logs(replace(GW_LOG, read=False)), with_logs(GW_LOG)),
    ("EA301", OPEN, with_logs(replace(GW_LOG, read=False)), with_logs(replace(GW_LOG, read=False, expected=False))),
    (
        "EA302",
        OPEN,
        with_logs(replace(GW_LOG, problems=("it begins late",), gaps=("it begins late",))),
        with_logs(GW_LOG),
    ),
    ("EA302", SAID, with_logs(replace(GW_LOG, problems=("7 lines stand in another",))), with_logs(GW_LOG)),
    (
        "EA304",
        OPEN,
        replace(NONE, unjudged=UnjudgedLines(unclean=(LINES,))),
        replace(NONE, unjudged=UnjudgedLines(unparsed=(LINES,))),
    ),
    (
        "EA305",
        OPEN,
        replace(NONE, unjudged=UnjudgedLines(unparsed=(LINES,))),
        replace(NONE, unjudged=UnjudgedLines(unclean=(LINES,))),
    ),
    ("EA306", SAID, with_spot("host-network"), with_logs(GW_LOG)),
    ("EA306", SAID, with_spot("system"), with_spot("logging-off")),
    ("EA307", OPEN, with_spot("logging-off"), with_spot("excluded")),
    ("EA307", OPEN, with_spot("logging-filtered"), with_logs(GW_LOG)),
    ("EA308", OPEN, replace(with_logs(HALF), fail_below=0.95), replace(with_logs(WHOLE), fail_below=0.95)),
    ("EA308", OPEN, replace(NONE, fail_below=0.95), NONE),
    ("EA309", OPEN, replace(NONE, unjudged=UnjudgedLines(unknown_logs=(("shop/gone/istio-proxy", 3),))), NONE),
    ("EA312", OPEN, with_logs(broken=("gw.log.gz is broken after line 7",)), with_logs(GW_LOG)),
    ("EA313", OPEN, with_logs(FORGEABLE), with_logs(GW_LOG)),
    ("EA315", OPEN, replace(NONE, unjudged=UnjudgedLines(foreign=((str(GW), 2),))), NONE),
    ("EA316", OPEN, replace(NONE, unproven=(replace(UNPROVEN, matters="3 lines were not judged"),)), NONE),
    ("EA316", SAID, replace(NONE, unproven=(UNPROVEN,)), NONE),
    ("EA320", OPEN, replace(NONE, evidence=EvidenceProblems(mismatched=((str(GW), "it has 2 lines, not 3"),))), NONE),
    ("EA321", SAID, replace(NONE, evidence=EvidenceProblems(unlisted=(("x/gw-1/istio-proxy.log", False),))), NONE),
    ("EA321", OPEN, replace(NONE, evidence=EvidenceProblems(unlisted=((f"{GW}.log.1", True),))), NONE),
    ("EA322", OPEN, replace(NONE, evidence=EvidenceProblems(unread=(("Service", "not read"),))), NONE),
    ("EA323", OPEN, replace(NONE, evidence=EvidenceProblems(copies=((str(GW), "x/gw-1/istio-proxy.log", 1),))), NONE),
    (
        "EA324",
        OPEN,
        replace(NONE, evidence=EvidenceProblems(filters=(("EnvoyFilter a/b", "the access log", (str(GW),)),))),
        NONE,
    ),
    ("EA324", SAID, replace(NONE, evidence=EvidenceProblems(filters=(("EnvoyFilter a/b", "", (str(GW),)),))), NONE),
    (
        "EA325",
        OPEN,
        replace(NONE, evidence=EvidenceProblems(mirrors=(("VirtualService a/b to c.example", HOST, 4),))),
        NONE,
    ),
    ("EA407", SAID, replace(NONE, unbound=(("ServiceEntry egress/docs", UNBOUND),)), NONE),
    ("EA401", OPEN, replace(NONE, policy=PolicyProblems(missing=(("gateway", GATEWAY),))), NONE),
    ("EA402", SAID, replace(NONE, policy=PolicyProblems(unused_rules=("docs",))), NONE),
    ("EA403", OPEN, replace(NONE, policy=PolicyProblems(expired_waivers=(("docs", WAIVED),))), NONE),
    ("EA404", SAID, replace(NONE, policy=PolicyProblems(unused_waivers=(("docs", WAIVED),))), NONE),
]
