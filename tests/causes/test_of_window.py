"""The causes of a window's groups and findings: from what a group knows, the lines that are shown, and other groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.causes import line
from support.hops import CURL, GW, NO_UPSTREAM, at_gateway, straight, to_gateway
from support.mesh import (
    AMBIENT,
    GW_HOST,
    HOST,
    MESH,
    READ,
    Manifest,
    but,
    egress_gateway,
    entry,
    obj,
    pod,
    route,
    sidecar,
)
from support.window_groups import DENIED, GATEWAY, THROUGH, UNKNOWN, found, group

from egressaudit.causes.of_window import causes_of_findings, causes_of_rulings
from egressaudit.judge.group_expectation import by_mesh
from egressaudit.judge.groups import judge_group
from egressaudit.judge.network_words import blind_spot_words
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Confidence,
    Coverage,
    DataplaneMode,
    Decision,
    Evidence,
    Fault,
    Finding,
    LineCount,
    LogSource,
    Outcome,
    Path,
    Reporter,
    Severity,
    SourceCoverage,
)


def meshless() -> tuple[Manifest, ...]:
    made = next(each for each in MESH if each["kind"] == "VirtualService")
    return (*but(MESH, "VirtualService egress/docs"), {**made, "spec": {**made["spec"], "gateways": ["egress/gw"]}})


STRAIGHT, TO_GW, AT_GW = line(CURL, straight()), line(CURL, to_gateway()), line(GW, at_gateway())
NO_LINE = group(Path.UNKNOWN, TO_GW, reason="no-gateway-line")
NOBODYS = group(Path.UNATTRIBUTED, namespace="", workload="", via=(GATEWAY,))
AT_NODE = line(GW, at_gateway(source="192.0.2.1"))
HOUR = timedelta(minutes=2)


def test_a_group_without_lines_has_the_cause_of_its_path_and_configuration() -> None:
    assert found(meshless(), group()) == "EC26"


def test_the_lines_that_are_shown_decide() -> None:
    refused = line(CURL, straight(**NO_UPSTREAM, cluster_kind=None, cluster_host=None, route_name="block_all"))
    objects = but(MESH, "ServiceEntry egress/docs")
    stopped = group(Path.BLOCKED, refused, reason="block-all-route")
    assert found(objects, stopped, shown=(refused,), decision=THROUGH) == "EC25 EC14"
    assert found(objects, stopped, shown=(refused,), decision=Decision(None, rule="default")) == "EC25 EC14"
    assert found(objects, group(Path.PASSTHROUGH), decision=THROUGH) == "EC13"


def test_what_went_right_has_no_cause() -> None:
    assert found(MESH, group(Path.VIA_GATEWAY, TO_GW, AT_GW, via=(GATEWAY,)), shown=(TO_GW, AT_GW)) == ""


def test_what_should_be_blocked_is_not_to_be_registered() -> None:
    assert found(MESH, UNKNOWN, decision=DENIED) == "EC85"


@pytest.mark.parametrize("host", ["10.0.0.2", "10.96.0.1", "gw.egress.svc.cluster.local"])
def test_no_service_entry_is_missing_for_an_address_of_the_cluster(host: str) -> None:
    assert "EC13" not in found(MESH, replace(UNKNOWN, host=host, reached=((host, 80),)), decision=THROUGH)


def test_of_a_flow_that_came_no_further_than_the_gateways_service_the_rules_of_its_host_are_looked_at() -> None:
    gone = {**NO_UPSTREAM, "response_flags": "NC", "response_code": 503, "cluster_kind": None, "cluster_host": None}
    made = route(route=[{"destination": {"host": GW_HOST, "subset": "docs", "port": {"number": 80}}}])
    objects = (*but(MESH, "VirtualService egress/docs"), made)
    stopped = group(Path.FAILED, host=GW_HOST, reason="no-upstream", server_names=(HOST,))
    assert found(objects, stopped) == "EC80"
    hop = line(CURL, to_gateway(**gone))
    assert found(objects, replace(stopped, evidence=group(Path.FAILED, hop).evidence), shown=(hop,)) == "EC80"


def test_where_no_cluster_names_the_host_the_senders_name_says_which_rules_to_look_at() -> None:
    named = replace(UNKNOWN, server_names=("other.example.com",))
    mesh = Mesh.of(MESH, READ)
    [ruling] = causes_of_rulings([judge_group(named, lambda *_: THROUGH)], mesh, Coverage(), {})
    [cause] = ruling.judged.causes
    assert cause.because == ("no ServiceEntry has other.example.com, so the mesh does not know it",)
    two = replace(UNKNOWN, server_names=("other.example.com", HOST))
    [ruling] = causes_of_rulings([judge_group(two, lambda *_: THROUGH)], mesh, Coverage(), {})
    assert ruling.judged.causes[0].host == "203.0.113.7"


def test_the_port_that_a_ztunnel_reached_is_not_taken_for_the_one_that_was_called() -> None:
    objects = (
        *but(AMBIENT, "ServiceEntry egress/docs"),
        entry("egress/docs", labels={"istio.io/use-waypoint": "none"}),
    )
    reached = group(
        Path.DIRECT, namespace="amb", workload="StatefulSet/app", port=8080, scheme=None, mode=DataplaneMode.AMBIENT
    )
    assert found(objects, reached, decision=Decision(Path.VIA_WAYPOINT, rule="docs")) == "EC43"


def test_a_gateway_that_was_reached_and_does_not_log_is_named_whatever_was_expected() -> None:
    quiet = obj("Telemetry", "egress/quiet", "telemetry.istio.io/v1", spec={"accessLogging": [{"disabled": True}]})
    nothing_expected = replace(NO_LINE, host="203.0.113.7")
    assert found((*MESH, quiet), nothing_expected, shown=(TO_GW,), decision=Decision(None)) == "EC73"


# ---------------------------------------------------------------- what only several groups show


def test_one_destination_of_many_names_is_a_forward_proxy() -> None:
    objects = (*MESH, entry("egress/proxy", "proxy.example.com"))
    names = ("a.example", "b.example", "c.example")
    proxied = group(Path.DIRECT, STRAIGHT, host="proxy.example.com", server_names=names)
    assert found(objects, proxied, shown=(STRAIGHT,), decision=THROUGH).split()[0] == "EC22"
    assert "EC22" not in found(objects, replace(proxied, server_names=names[:1]), shown=(STRAIGHT,), decision=THROUGH)


def test_lines_of_two_clocks_are_told_from_lines_that_are_missing() -> None:
    same = replace(NOBODYS, evidence=(Evidence(str(GW), 1, "... 10.0.0.9:8080 10.0.0.1:50000 - -", "gateway"),))
    late = replace(same, first=same.first + HOUR)
    other = replace(late, evidence=(Evidence(str(GW), 1, "... 10.0.0.9:8080 10.0.0.1:51111 - -", "gateway"),))
    assert found(MESH, NO_LINE, late, shown=(TO_GW,)) == "EC77"
    assert found(MESH, NO_LINE, other, shown=(TO_GW,)) == "EC71"
    assert found(MESH, NO_LINE, same, shown=(TO_GW,)) == "EC71"


def test_a_node_in_the_place_of_a_sender() -> None:
    objects = (*MESH, obj("Node", "n1", "v1", status={"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}))
    translated = replace(NOBODYS, evidence=(Evidence(str(GW), 1, "", "gateway"),))
    assert found(objects, translated, shown=(AT_NODE,)) == "EC76"
    assert "EC76" not in found(objects, translated, shown=(AT_GW,))


def test_it_may_depend_on_the_gateways_node() -> None:
    other = [*egress_gateway("gw", "10.0.0.9", "10.96.0.1")]
    second = {**other[2], "metadata": {**other[2]["metadata"], "name": "gw-2"}}
    second |= {
        "spec": {**second["spec"], "nodeName": "n2"},
        "status": {**second["status"], "podIPs": [{"ip": "10.0.0.20"}]},
    }
    log = LogSource("egress", "gw-2", "istio-proxy")
    reset = {"response_code": 503, "response_flags": "UC", "upstream_local_address": "10.0.0.20:60000"}
    bad = line(log, at_gateway(**reset, downstream_local_address="10.0.0.20:8080"), Reporter.EGRESS_GATEWAY)
    failing = group(Path.FAILED, TO_GW, bad, reason="upstream-failed", via=(GATEWAY,))
    passing = group(Path.VIA_GATEWAY, TO_GW, AT_GW, via=(GATEWAY,))
    lines = (TO_GW, bad, AT_GW)
    assert found((*MESH, second), failing, passing, shown=lines) == "EC70 EC69"
    assert found((*MESH, second), failing, shown=lines) == "EC69"


def test_a_log_with_a_gap_is_told_from_a_line_that_comes_late() -> None:
    gap = SourceCoverage(str(GW), Reporter.EGRESS_GATEWAY, expected=True, read=True, gaps=("it begins late",))
    assert found(MESH, NO_LINE, shown=(TO_GW,), coverage=Coverage((gap,))) == "EC72"
    assert found(MESH, NO_LINE, shown=(TO_GW,), coverage=Coverage((replace(gap, gaps=()),))) == "EC71"
    assert found(MESH, NO_LINE, shown=(TO_GW,), coverage=Coverage((replace(gap, gaps=(), read=False),))) == "EC72"


def test_the_share_of_flows_is_said_with_the_weights() -> None:
    to = [{"destination": {"host": GW_HOST}, "weight": 75}, {"destination": {"host": HOST}, "weight": 25}]
    objects = (*but(MESH, "VirtualService egress/docs"), route(route=to))
    through = group(Path.VIA_GATEWAY, via=(GATEWAY,), flows=30)
    mesh = Mesh.of(objects, READ)
    rulings = [judge_group(each, by_mesh(mesh)) for each in (group(), through)]
    [weights] = causes_of_rulings(rulings, mesh, Coverage(), {})[0].judged.causes
    assert weights.code == "EC33"
    assert weights.because[-1] == "10 of 40 flows went around it"


# ---------------------------------------------------------------- lines of a gateway that may be those that lack


HEADER = line(GW, at_gateway(source="198.51.100.9", port=0))
OF_HEADER = replace(NOBODYS, evidence=(Evidence(str(GW), 1, "", "gateway"),))


def test_a_line_that_hides_its_client_may_be_the_one_that_lacks() -> None:
    assert found(MESH, NO_LINE, OF_HEADER, shown=(TO_GW, HEADER)) == "EC75"
    late = replace(OF_HEADER, first=OF_HEADER.first + timedelta(hours=1), last=OF_HEADER.last + timedelta(hours=1))
    assert found(MESH, NO_LINE, late, shown=(TO_GW, HEADER)) == "EC71"


def test_a_line_that_is_not_understood_may_be_the_one_that_lacks() -> None:
    def coverage(unparsed: int) -> Coverage:
        count = LineCount(read=1, unparsed=unparsed)
        return Coverage((SourceCoverage(str(GW), Reporter.EGRESS_GATEWAY, expected=True, read=True, lines=count),))

    assert found(MESH, NO_LINE, shown=(TO_GW,), coverage=coverage(1)) == "EC78"
    assert found(MESH, NO_LINE, shown=(TO_GW,), coverage=coverage(0)) == "EC71"


# ---------------------------------------------------------------- findings that are not about flows


def finding(code: str, *, subject: str = "logs", outcome: Outcome | None = Outcome.INCONCLUSIVE) -> Finding:
    return Finding(code, Severity.HIGH, outcome, Confidence.OBSERVED, subject, "it is so.")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("EA301", "EC72"),
        ("EA302", "EC72"),
        ("EA304", "EC78"),
        ("EA305", "EC78"),
        ("EA307", "EC73"),
        ("EA308", "EC72"),
        ("EA309", "EC74"),
        ("EA311", "EC98"),
        ("EA312", "EC72"),
        ("EA313", "EC78"),
        ("EA315", "EC78"),
        ("EA316", "EC91"),
        ("EA320", "EC99"),
        ("EA321", "EC99"),
        ("EA322", "EC97"),
        ("EA323", "EC99"),
        ("EA324", "EC78"),
        ("EA325", "EC87"),
        ("EA401", "EC92"),
        ("EA403", "EC92"),
    ],
)
def test_every_finding_that_makes_a_report_inconclusive_names_its_cause(code: str, cause: str) -> None:
    [made] = causes_of_findings([finding(code)], (), Mesh.of(MESH, READ), Coverage())
    assert [each.code for each in made.causes] == [cause]
    assert made.causes[0].because == ("it is so",)


@pytest.mark.parametrize("code", ["EA321", "EA402", "EA404", "EA407"])
def test_a_note_has_no_cause_but_itself(code: str) -> None:
    [made] = causes_of_findings([finding(code, outcome=None)], (), Mesh.of(MESH, READ), Coverage())
    assert made.causes == ()


def test_a_pod_outside_capture_says_why() -> None:
    objects = (*but(MESH, "Pod curl/curl-1"), sidecar("curl/curl-1", "10.0.0.1", annotations={
        "sidecar.istio.io/status": "{}", "traffic.sidecar.istio.io/excludeOutboundPorts": "443",
    }))  # fmt: skip
    mesh = Mesh.of(objects, READ)
    [spot] = mesh.blind_spots()
    note = replace(finding("EA306", subject=spot.subject, outcome=None), message=blind_spot_words(spot))
    [made] = causes_of_findings([note], (), mesh, Coverage(blind_spots=(spot,)))
    assert [each.code for each in made.causes] == ["EC04"]


def test_nothing_to_judge_has_the_causes_of_what_did_not_arrive() -> None:
    mesh = Mesh.of(MESH, READ)
    refused = line(GW, at_gateway(**NO_UPSTREAM, response_code=403, response_code_details="rbac_access_denied"))
    stopped = group(Path.BLOCKED, TO_GW, refused, reason="authorization-policy", via=(GATEWAY,))
    hops = {(str(each.line.source), each.line.number): each for each in (TO_GW, refused)}
    rulings = causes_of_rulings([judge_group(stopped, lambda *_: THROUGH)] * 2, mesh, Coverage(), hops)
    [made] = causes_of_findings([finding("EA311")], rulings, mesh, Coverage())
    assert [each.code for each in made.causes] == ["EC61"]


def test_where_no_flow_was_seen_it_may_be_that_nothing_sees_them() -> None:
    plain = pod("curl/curl-1", "10.0.0.1", "curl", owner="StatefulSet/curl")
    mesh = Mesh.of((*but(MESH, "Pod curl/curl-1"), plain), READ)
    unseen = replace(finding("EA306", subject="curl/curl-1", outcome=None), message="it is so")
    made = causes_of_findings([finding("EA311"), unseen], (), mesh, Coverage(blind_spots=mesh.blind_spots()))
    assert [[cause.code for cause in each.causes] for each in made] == [["EC01", "EC98"], ["EC01"]]


def test_where_the_mesh_has_no_sidecars_a_pod_outside_is_not_enrolled() -> None:
    plain = pod("amb/other-1", "10.0.0.4", "other", owner="StatefulSet/other")
    unseen = replace(finding("EA306", subject="amb/other-1", outcome=None), message="it is so")
    for objects, cause in ((AMBIENT, "EC08"), ((*AMBIENT, sidecar("curl/curl-1", "10.0.0.1")), "EC01")):
        mesh = Mesh.of((*but(objects, "Pod curl/curl-1", "Pod shop/shop-1"), *objects[-1:], plain), READ)
        [made] = causes_of_findings([unseen], (), mesh, Coverage(blind_spots=mesh.blind_spots()))
        assert [each.code for each in made.causes] == [cause]


def test_a_gateway_of_the_policy_that_is_there_without_pods_is_not_misspelt() -> None:
    missing = finding("EA401", subject="egress/gw")
    scaled_down = Mesh.of(but(MESH, "Pod egress/gw-1"), READ)
    gone = Mesh.of(but(MESH, "Pod egress/gw-1", "Deployment egress/gw"), READ)
    causes = [causes_of_findings([missing], (), each, Coverage())[0].causes for each in (scaled_down, gone)]
    assert [[each.code for each in found] for found in causes] == [["EC55"], ["EC92"]]


def test_what_no_row_explains_is_called_what_analyze_calls_it() -> None:
    made = route(match=[{"gateways": ["mesh"], "port": 9999}])
    assert found((*but(MESH, "VirtualService egress/docs"), made), group(), decision=replace(THROUGH, faults=(
        Fault.of("matched-port-missing", "VirtualService egress/docs matches port 9999", "VirtualService egress/docs"),
    ))) == "EC27"  # fmt: skip


def test_the_control_plane_outside_capture_has_no_cause() -> None:
    labels = {"sidecar.istio.io/inject": "false"}
    istiod = pod("istio-system/istiod-1", "10.0.0.50", "discovery", owner="StatefulSet/istiod", labels=labels)
    mesh = Mesh.of((*MESH, istiod), READ)
    [spot] = mesh.blind_spots()
    note = replace(finding("EA306", subject=spot.subject, outcome=None), message=blind_spot_words(spot))
    assert causes_of_findings([note], (), mesh, Coverage(blind_spots=(spot,)))[0].causes == ()
