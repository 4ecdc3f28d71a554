"""What changed between two reports, one row a case: what was there, what is there now, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.reports import (
    AROUND,
    CLEAN,
    END,
    FAILED,
    FULL,
    PASSED,
    START,
    TAKEN,
    VIOLATION,
    WHOLE,
)

from egressaudit.findings.drift_between import drift_between, first_of
from egressaudit.findings.kept_reports import kept_report
from egressaudit.model import (
    AuditReport,
    BlindSpot,
    Coverage,
    DataplaneMode,
    Finding,
    LineCount,
    MadeFrom,
    Outcome,
    Path,
    Reporter,
    Severity,
    SourceCoverage,
    Waived,
    Window,
)
from egressaudit.model.drift import Drift, DriftChange, DriftOf

LOG = replace(WHOLE, workload="shop/Deployment/cart")
BAD = replace(CLEAN, coverage=Coverage((LOG,)), judged=(PASSED, FAILED), findings=(VIOLATION,))
GOOD = replace(BAD, judged=(PASSED,), findings=())
GATEWAY_LOG = replace(LOG, name="egress/gw-1/istio-proxy", reporter=Reporter.EGRESS_GATEWAY, workload="egress/x")
ZTUNNEL_LOG = replace(LOG, name="ztunnel/z-1/istio-proxy", reporter=Reporter.ZTUNNEL, workload="ztunnel/DaemonSet/z")


def changes(before: AuditReport, now: AuditReport) -> Drift:
    return drift_between(kept_report(before, "before.json"), kept_report(now))


def said(before: AuditReport, now: AuditReport) -> list[str]:
    return [f"{each.of} {each.change}{' violation' * each.violation}" for each in changes(before, now).rows]


def with_finding(**changed: object) -> AuditReport:
    return replace(BAD, findings=(replace(VIOLATION, **changed),))


def with_logs(*logs: SourceCoverage, spots: tuple[BlindSpot, ...] = ()) -> AuditReport:
    return replace(GOOD, coverage=Coverage(logs, spots))


def test_nothing_changed() -> None:
    assert said(BAD, BAD) == []
    assert said(FULL, FULL) == []


def test_a_new_violation_comes_first() -> None:
    (finding, flow) = changes(GOOD, BAD).rows
    assert (finding.of, finding.change, finding.violation, finding.code) == (
        *(DriftOf.FINDING, DriftChange.NEW, True, "EA101"),
    )
    assert (finding.before, finding.after, finding.text) == (None, Outcome.FAIL, VIOLATION.message)
    assert (flow.of, flow.text) == (DriftOf.FLOW, "docs.example.com:443 direct")


def test_a_new_flow_says_which_way_it_went_before() -> None:
    moved = replace(PASSED, group=replace(TAKEN, path=Path.DIRECT, via=()))
    (flow, gone) = changes(GOOD, replace(GOOD, judged=(moved,))).rows
    assert flow.text == "docs.example.com:80 direct (before: via-gateway istio-egress/gateway)"
    assert gone.change is not DriftChange.NEW


CHANGED = [
    ({"severity": Severity.CRITICAL}, "FAIL high before, FAIL critical now", False),
    ({"waived": Waived("CHG-1", "2027-01-31")}, "FAIL high before, FAIL high, waived now", False),
    ({"outcome": Outcome.INCONCLUSIVE}, "FAIL high before, INCONCLUSIVE high now", False),
]


@pytest.mark.parametrize(("changed", "words", "violation"), CHANGED)
def test_what_can_change_of_a_finding(changed: dict[str, object], words: str, violation: object) -> None:
    (row,) = changes(BAD, with_finding(**changed)).rows
    assert (row.change, row.violation) == (DriftChange.CHANGED, violation)
    assert words in row.text


@pytest.mark.parametrize("before", [{"waived": Waived("CHG-1", "2027-01-31")}, {"outcome": Outcome.INCONCLUSIVE}])
def test_what_was_waived_or_not_proven_is_a_new_violation(before: dict[str, object]) -> None:
    assert said(with_finding(**before), BAD) == ["finding changed violation"]


def test_a_flow_that_fails_now_is_a_new_violation() -> None:
    allowed = replace(FAILED, outcome=Outcome.PASS)
    assert said(replace(BAD, judged=(PASSED, allowed)), BAD) == ["flow changed violation"]


def test_a_violation_of_another_rule_is_new_though_the_flow_is_known() -> None:
    second = replace(VIOLATION, rule="other")
    assert said(BAD, replace(BAD, findings=(VIOLATION, second))) == ["finding new violation"]


def test_a_waived_twin_hides_no_violation() -> None:
    """Flows of one workload to two addresses of a host share a fingerprint: the worst of them counts."""
    twin = replace(VIOLATION, waived=Waived("CHG-1", "2027-01-31"))
    known = replace(BAD, findings=(twin,))
    assert said(known, replace(BAD, findings=(twin, VIOLATION))) == ["finding changed violation"]
    assert said(replace(BAD, findings=(VIOLATION, twin)), replace(BAD, findings=(twin, VIOLATION))) == []


# ---------------------------------------------------------------- gone, or only not seen

GONE = ["finding gone", "flow gone"]
LATE = replace(LOG, expected_seconds=1800, covered_seconds=1800)
EXCLUDED = BlindSpot("excluded", "shop/cart-1", "Deployment/cart", "connections to port 443 go around its sidecar")
OFF = BlindSpot("logging-off", "shop/cart-1/istio-proxy", "Deployment/cart", "accessLogFile is empty")
ALL_OFF = BlindSpot("logging-unknown", "meshConfig", "", "the snapshot has no meshConfig")
OTHERS = BlindSpot("excluded", "shop/web-1", "Deployment/web", "connections to port 443 go around its sidecar")

ABSENT = {
    "its log is whole": (with_logs(LOG), ""),
    "and another's is not": (with_logs(LOG, replace(LOG, workload="shop/Deployment/web", read=False)), ""),
    "and another has blind spots": (with_logs(LOG, spots=(OTHERS,)), ""),
    "no log": (with_logs(), "no log of shop/Deployment/cart was read"),
    "another's log": (with_logs(replace(LOG, workload="shop/Deployment/web")), "no log of shop/Deployment/cart"),
    "not read": (with_logs(replace(LOG, read=False)), "does not cover"),
    "one pod of two": (with_logs(LOG, replace(LOG, name="shop/cart-2/istio-proxy", read=False)), "does not cover"),
    "half of it": (with_logs(replace(LOG, covered_seconds=1800)), "does not cover"),
    "a gap": (with_logs(replace(LOG, gaps=("rotated",))), "does not cover"),
    "unparsed lines": (with_logs(replace(LOG, lines=LineCount(9, 8, unparsed=1))), "not all of its lines"),
    "unclean lines": (with_logs(replace(LOG, lines=LineCount(9, 9, unclean=1))), "not all of its lines"),
    "forgeable": (with_logs(replace(LOG, unproven="an old Envoy")), "not all of its lines"),
    "pods replaced within the window": (with_logs(LATE), "no pod of shop/Deployment/cart was there"),
    "and one that stayed": (with_logs(LATE, replace(LOG, name="shop/cart-2/istio-proxy")), ""),
    "a hole beside the sidecar": (with_logs(LOG, spots=(EXCLUDED,)), "is no longer captured"),
    "logging off": (with_logs(LOG, spots=(OFF,)), "not all proxies of shop/Deployment/cart log everything"),
    "no meshConfig": (with_logs(LOG, spots=(ALL_OFF,)), "not all proxies of shop/Deployment/cart log everything"),
    "not asked for": (
        replace(GOOD, coverage=Coverage((LOG,), left_out=frozenset({"shop/Deployment/cart"}))),
        "not all logs of shop/Deployment/cart were requested",
    ),
}


@pytest.mark.parametrize(("now", "why"), ABSENT.values(), ids=ABSENT)
def test_what_is_absent_is_gone_only_if_the_logs_would_show_it(now: AuditReport, why: str) -> None:
    rows = changes(BAD, now).rows
    flow = next(each for each in rows if each.of is DriftOf.FLOW)
    assert [f"{each.of} {each.change}" for each in rows] == (["finding not-seen", "flow not-seen"] if why else GONE), (
        flow.text
    )
    assert why in flow.text
    assert not any(each.violation for each in rows)


def test_a_hole_that_was_there_before_does_not_matter() -> None:
    """The flow went through the sidecar in spite of it."""
    assert said(replace(BAD, coverage=Coverage((LOG,), (EXCLUDED,))), with_logs(LOG, spots=(EXCLUDED,))) == [
        *GONE,
    ]


def test_what_went_through_a_gateway_needs_the_gateways_log_too() -> None:
    nothing = replace(GOOD, judged=())
    assert said(GOOD, replace(nothing, coverage=Coverage((LOG, replace(GATEWAY_LOG, read=False))))) == ["flow not-seen"]
    assert said(GOOD, replace(nothing, coverage=Coverage((LOG, GATEWAY_LOG)))) == ["flow gone"]


def test_what_is_ambient_needs_ztunnels_logs() -> None:
    ambient = replace(FAILED, group=replace(AROUND, mode=DataplaneMode.AMBIENT))
    before = replace(GOOD, judged=(PASSED, ambient))
    assert said(before, with_logs(LOG)) == ["flow not-seen"]
    assert said(before, with_logs(ZTUNNEL_LOG)) == ["flow gone"]
    assert said(before, with_logs(ZTUNNEL_LOG, LOG)) == ["flow gone"]
    # Meanwhile its pods got a sidecar: ztunnel's log does not show any more what they send.
    assert said(before, with_logs(ZTUNNEL_LOG, replace(LOG, read=False))) == ["flow not-seen"]
    assert said(before, with_logs(ZTUNNEL_LOG, replace(ZTUNNEL_LOG, read=False))) == ["flow not-seen"]


def test_what_nobody_is_known_to_have_sent_needs_all_logs() -> None:
    nobodys = replace(FAILED, group=replace(AROUND, namespace="", workload=""))
    before = replace(GOOD, judged=(PASSED, nobodys))
    assert said(before, with_logs(LOG)) == ["flow gone"]
    assert said(before, with_logs(LOG, replace(LATE, workload="pay/Deployment/x", read=False))) == ["flow not-seen"]


def test_a_finding_is_gone_if_its_flows_are_there_and_judged_otherwise() -> None:
    allowed = replace(BAD, judged=(PASSED, replace(FAILED, outcome=Outcome.PASS)), findings=(), coverage=Coverage())
    assert said(BAD, allowed) == ["flow changed", "finding gone"]


def test_a_violation_is_not_gone_because_its_flows_are_not_proven_any_more() -> None:
    doubted = replace(FAILED, outcome=Outcome.INCONCLUSIVE)
    unproven = replace(VIOLATION, code="EA309", outcome=Outcome.INCONCLUSIVE, judged=doubted)
    now = replace(BAD, judged=(PASSED, doubted), findings=(unproven,))
    rows = {f"{each.of} {each.code} {each.change}": each.text for each in changes(BAD, now).rows}
    assert rows.keys() == {"finding EA309 new", "flow  changed", "finding EA101 not-seen"}
    assert "(its flows are there, and not proven)" in rows["finding EA101 not-seen"]
    # What was not proven, and is not for another reason, is another finding.
    assert "finding EA309 gone" in {f"{each.of} {each.code} {each.change}" for each in changes(now, BAD).rows}


def of_log(name: str, workload: str, code: str) -> AuditReport:
    """A report with a finding about a log that was read."""
    about = f"{workload}/istio-proxy: gaps"
    finding = Finding(code, Severity.MEDIUM, Outcome.INCONCLUSIVE, VIOLATION.confidence, name, "...", about=about)
    return replace(GOOD, findings=(finding,), coverage=Coverage((replace(LOG, name=name, workload=workload),)))


def test_a_finding_about_a_log_is_gone_only_if_the_log_was_read() -> None:
    assert said(of_log("shop/cart-9/istio-proxy", "shop/Deployment/cart", "EA302"), GOOD) == ["finding gone"]
    assert said(of_log("shop/web-9/istio-proxy", "shop/Deployment/web", "EA304"), GOOD) == ["finding not-seen"]


def test_a_finding_about_the_policy_is_gone_if_it_is_not_there() -> None:
    unused = Finding("EA402", Severity.INFO, None, VIOLATION.confidence, "docs", "...", about="docs")
    assert said(replace(GOOD, findings=(unused,)), replace(GOOD, coverage=Coverage())) == ["finding gone"]


# ---------------------------------------------------------------- what can be compared


def test_reports_of_two_clusters_are_not_compared() -> None:
    here, there = (replace(BAD, made_from=MadeFrom(cluster_uid=uid)) for uid in ("a", "b"))
    drift = changes(here, replace(there, findings=()))
    assert not drift.compared
    assert drift.rows == ()
    assert drift.notes == ("Not compared: before.json is of cluster a, this report of b.",)
    assert changes(here, here).compared


NOTES = [
    (BAD, BAD, "not known whether both reports are of one cluster"),
    (
        replace(BAD, made_from=MadeFrom(policy_digest="a"), policy="x"),
        replace(BAD, made_from=MadeFrom(policy_digest="b"), policy="x"),
        "policy x has changed",
    ),
    (
        BAD,
        replace(BAD, made_from=MadeFrom(policy_digest="b"), policy="x"),
        "the mesh configuration decided then, x now",
    ),
    (replace(BAD, window=Window(START + timedelta(hours=1), END + timedelta(hours=1))), BAD, "of a later window"),
    (BAD, replace(BAD, window=Window(START, START + timedelta(minutes=5))), "0:05:00 instead of 1:00:00"),
    (replace(BAD, coverage=Coverage((replace(LOG, covered_seconds=9),))), BAD, "may have been there before"),
]


@pytest.mark.parametrize(("before", "now", "note"), NOTES, ids=[row[2] for row in NOTES])
def test_what_a_reader_of_the_changes_must_know(before: AuditReport, now: AuditReport, note: str) -> None:
    assert any(note in each for each in changes(before, now).notes)


def test_the_first_of_a_history_has_nothing_to_be_compared_with() -> None:
    assert not first_of("egress.duckdb").compared


def test_equal_reports_give_equal_changes_in_the_same_order() -> None:
    before = replace(FULL, findings=(), judged=())
    assert changes(before, FULL) == changes(before, replace(FULL, findings=FULL.findings[::-1]))
    assert [each.severity for each in changes(before, FULL).rows if each.of is DriftOf.FINDING] == [
        *(Severity.HIGH, Severity.HIGH, Severity.MEDIUM),
    ]
