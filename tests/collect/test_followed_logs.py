"""Which logs `verify` follows: those of every hop that the configuration or `--expect` leads a flow through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.mesh import HOST, READ
from support.rivals import RIVALS
from support.scenarios import mesh
from support.tools import SAMPLES

from egressaudit.collect.follow.followed import followed_logs
from egressaudit.evidence.saved_run import load
from egressaudit.judge.expected import expectation
from egressaudit.mesh import Mesh
from egressaudit.model import ObjectRef, Outcome, Path, Pod, Scheme, Target
from egressaudit.pipeline.replay import report_on

HTTPBIN = Target("httpbin.org", 80, Scheme.HTTP)
SAMPLE = SAMPLES / "waypoint-gateway"
GATEWAY, WAYPOINT = "httpbin-egress-gateway-istio-5d8f-0", "waypoint-5d8f-0"


def followed(snapshot: Mesh, expect: str | None = None) -> list[str]:
    """The pods whose logs are followed, the ztunnel apart."""
    source: Pod | None = snapshot.pod(ObjectRef("egress-gateway", "test-pod"))
    assert source is not None
    wanted = expectation(snapshot, source, HTTPBIN, expect)
    found = followed_logs(snapshot, source, wanted, snapshot.claim(source, HTTPBIN))
    return sorted(each.pod for each in found if not each.pod.startswith("ztunnel"))


@pytest.mark.parametrize(
    "expect",
    [
        None,
        "gateway",
        "gateway=egress-gateway/httpbin-egress-gateway",
        "waypoint",
        "waypoint=egress-gateway/waypoint",
    ],
)
def test_of_a_waypoint_in_front_of_a_gateway_both_logs_are_followed(expect: str | None) -> None:
    assert followed(mesh("waypoint-gateway"), expect) == [GATEWAY, WAYPOINT]


def test_a_waypoint_alone_is_followed_alone() -> None:
    assert followed(mesh("ambient")) == [WAYPOINT]
    # That it left there though it should go straight, or not at all, the gateway's line proves.
    for expect in ("direct", "blocked"):
        assert followed(mesh("waypoint-gateway"), expect) == [GATEWAY, WAYPOINT]


def test_where_another_rule_wins_the_gateway_that_istiod_sends_it_to_is_followed_too() -> None:
    snapshot = Mesh.of(RIVALS, READ)
    source, docs = snapshot.pod(ObjectRef("curl", "curl-1")), Target(HOST, 80, Scheme.HTTP)
    assert source is not None
    claim = snapshot.claim(source, docs)
    assert claim.via == ObjectRef("egress", "beside")
    logs = followed_logs(snapshot, source, expectation(snapshot, source, docs, None), claim)
    assert [each.pod for each in logs] == ["curl-1", "beside-istio-1", "gw-1"]


def test_the_chain_passes_by_the_gateway_and_not_by_the_waypoint_alone() -> None:
    capture = load(SAMPLE)
    [whole] = report_on(capture).verdicts
    assert (whole.outcome, whole.path_seen) == (Outcome.PASS, Path.VIA_GATEWAY)
    named = replace(capture, expect="gateway=egress-gateway/httpbin-egress-gateway")
    assert report_on(named).verdicts[0].outcome is Outcome.PASS
    # It is to leave at the gateway: who expects it to leave at the waypoint is wrong.
    assert report_on(replace(capture, expect="waypoint")).verdicts[0].outcome is Outcome.FAIL


def test_without_the_gateways_log_nothing_is_proven_and_the_advice_leads_on() -> None:
    capture = load(SAMPLE)
    without = tuple(each for each in capture.lines if "httpbin-egress-gateway" not in each.source.pod)
    sources = tuple(each for each in capture.sources if "httpbin-egress-gateway" not in each.pod)
    [verdict] = report_on(replace(capture, lines=without, sources=sources)).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "whose log was not read" in verdict.reason
    assert any("its chain is followed" in each for each in verdict.advice)


def test_what_leaves_at_the_waypoint_goes_around_the_gateway_behind_it() -> None:
    capture = load(SAMPLE)
    gateway = "outbound|80||httpbin-egress-gateway-istio.egress-gateway.svc.cluster.local"
    outside = next(each.text.split('"')[-2] for each in capture.lines if "outbound|80||httpbin.org" in each.text)

    def straight(text: str) -> str:
        if gateway not in text:
            return text
        return text.replace(text.split('"')[-2], outside).replace(gateway, "inbound-vip|80|http|httpbin.org")

    lines = tuple(replace(each, text=straight(each.text)) for each in capture.lines)
    [verdict] = report_on(replace(capture, lines=lines)).verdicts
    assert (verdict.outcome, verdict.path_seen) == (Outcome.FAIL, Path.VIA_WAYPOINT)
