"""OSCAL assessment results: valid for another's library, honest about what is decided, the same bytes each time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.hostile import hostile, poisoned
from support.oscal_reading import property_of, read, states
from support.reports import (
    AROUND,
    CLEAN,
    FAILED,
    FULL,
    LINE,
    PASSED,
    SPOTS,
    UNPROVEN,
    UNREAD,
    VIOLATION,
    WAIVED,
    WAIVED_GROUP,
    WANTED,
    WHOLE,
    text_of,
)
from support.tools import ROOT

from egressaudit.findings.frameworks import FRAMEWORKS, framework
from egressaudit.model import (
    AuditReport,
    Confidence,
    Coverage,
    Decision,
    Evidence,
    Finding,
    Judged,
    MadeFrom,
    Outcome,
    Path,
    Run,
    Severity,
)
from egressaudit.report import render_error
from egressaudit.report.oscal.oscal_parts import identifier, marked, token

NIST = framework("nist-800-53")
ASSESSED = [each for each in NIST.controls if each.assessed]
BY_POLICY = replace(CLEAN, policy="baseline", made_from=MadeFrom(policy_digest="ab" * 32))
REFUSED = Judged(
    replace(AROUND, path=Path.BLOCKED, host="evil.example.com", reason="blackhole"),
    Decision(Path.BLOCKED, rule="default"),
    Outcome.PASS,
    "The mesh refused it.",
)
EVERYTHING = replace(BY_POLICY, judged=(PASSED, REFUSED))
OUTSIDE = Finding(*("EA306", Severity.MEDIUM, None, Confidence.OBSERVED, "shop/old-1"), "The pod is not in the mesh.")


def result_of(report: AuditReport) -> Any:
    return read(text_of(report, "oscal"))


def states_of(report: AuditReport) -> dict[str, tuple[str, str]]:
    return states(result_of(report))


def test_everything_proven_is_satisfied() -> None:
    found = states_of(EVERYTHING)
    assert found == {
        f"egressaudit-{each}": ("satisfied", "pass") for each in ("ac-4", "sc-7", "sc-7.3", "sc-7.5", "sc-7.8")
    }


def test_a_result_on_a_part_of_the_mesh_says_so_at_each_control() -> None:
    part = replace(EVERYTHING, coverage=replace(EVERYTHING.coverage, left_out=frozenset({"pay/Deployment/x"})))
    for report, said in ((EVERYTHING, False), (part, True)):
        found = result_of(report).findings
        assert [each.target.status.state.value for each in found] == ["satisfied"] * 5
        assert {"1 workload not audited" in each.target.status.remarks for each in found} == {said}


NEVER = {
    "a violation": ({"findings": (VIOLATION,), "judged": (PASSED, REFUSED, FAILED)}, "fail"),
    "a violation that a waiver excuses": ({"findings": (WAIVED,), "judged": (PASSED, REFUSED, WAIVED_GROUP)}, "other"),
    "one INCONCLUSIVE finding": ({"findings": (UNPROVEN,)}, "other"),
    "nothing proven": ({"judged": ()}, "other"),
    "a pod outside capture": ({"findings": (OUTSIDE,)}, "other"),
    "a log that was not read": ({"coverage": Coverage((WHOLE, UNREAD))}, "other"),
    "no log expected": ({"coverage": Coverage()}, "other"),
}


@pytest.mark.parametrize("case", NEVER)
def test_nothing_is_satisfied_with(case: str) -> None:
    changes, reason = NEVER[case]
    found = states_of(replace(EVERYTHING, **changes))
    assert found["egressaudit-sc-7"] == ("not-satisfied", reason)
    assert {state for state, _ in found.values()} == {"not-satisfied"}


def test_a_system_pod_outside_capture_leaves_nothing_open() -> None:
    system = replace(OUTSIDE, severity=Severity.INFO)
    assert states_of(replace(EVERYTHING, findings=(system,)))["egressaudit-sc-7"] == ("satisfied", "pass")


def test_deny_by_default_is_not_satisfied_where_nothing_was_refused() -> None:
    found = states_of(BY_POLICY)
    assert found["egressaudit-sc-7"] == ("satisfied", "pass")
    assert found["egressaudit-sc-7.5"] == ("not-satisfied", "other")


def test_a_host_that_a_rule_blocks_is_no_denial_by_default() -> None:
    blocked = replace(REFUSED, decision=replace(REFUSED.decision, rule="no-evil", controls=("nist-800-53/SC-7(5)",)))
    found = states_of(replace(EVERYTHING, judged=(PASSED, blocked)))
    assert found["egressaudit-sc-7.5"] == ("not-satisfied", "other")
    assert found["egressaudit-ac-4"] == ("satisfied", "pass")


def test_what_the_mesh_configuration_decided_is_not_what_the_policy_approves() -> None:
    by_mesh = replace(PASSED, decision=replace(WANTED, rule=""))
    found = states_of(replace(EVERYTHING, judged=(PASSED, REFUSED, by_mesh)))
    assert set(found.values()) == {("not-satisfied", "other")}


def test_without_a_policy_nothing_is_said_to_be_approved() -> None:
    found = states_of(replace(EVERYTHING, policy="", made_from=MadeFrom()))
    assert set(found.values()) == {("not-satisfied", "other")}


def test_a_violation_of_something_else_satisfies_nothing_either() -> None:
    detour = replace(VIOLATION, code="EA106")
    found = states_of(replace(EVERYTHING, findings=(detour,)))
    assert found["egressaudit-sc-7"] == ("not-satisfied", "other")
    assert found["egressaudit-ac-4"] == ("not-satisfied", "fail")


@given(
    findings=st.lists(
        st.builds(
            Finding,
            code=st.sampled_from(["EA101", "EA104", "EA106", "EA301", "EA306", "EA407", "EA999"]),
            severity=st.sampled_from(Severity),
            outcome=st.sampled_from([Outcome.FAIL, Outcome.INCONCLUSIVE, None]),
            confidence=st.just(Confidence.OBSERVED),
            subject=st.sampled_from(["shop/a", "shop/b"]),
            message=st.just("m"),
            waived=st.sampled_from([None, WAIVED.waived]),
        ),
        max_size=4,
    ),
    judged=st.lists(st.sampled_from([PASSED, REFUSED, FAILED, WAIVED_GROUP]), max_size=3),
)
def test_satisfied_is_only_what_is_pass_with_nothing_against_it(findings: list[Finding], judged: list[Judged]) -> None:
    report = replace(BY_POLICY, findings=tuple(findings), judged=tuple(judged))
    if "satisfied" in {state for state, _ in states_of(report).values()}:
        assert report.outcome is Outcome.PASS
        assert any(each.outcome is Outcome.PASS for each in judged)
        assert not any(each.outcome is Outcome.INCONCLUSIVE and each.waived is None for each in findings)


def named_by_a_rule(*controls: str) -> AuditReport:
    ruled = replace(PASSED, decision=replace(WANTED, controls=controls))
    return replace(EVERYTHING, judged=(ruled, REFUSED))


def test_a_rules_controls_are_reviewed_and_assessed_where_they_are_mapped() -> None:
    result = result_of(named_by_a_rule("pci-dss-v4/1.3.2", "nist-800-53/SC-7", "NIST-800-53/sc-7.3"))
    assert states(result)["egressaudit-pci-dss-v4-1.3.2"] == ("satisfied", "pass")
    assert len(states(result)) == 6
    ids = [[each.control_id for each in one.include_controls] for one in result.reviewed_controls.control_selections]
    assert ids == [["ac-4", "sc-7", "sc-7.3", "sc-7.5", "sc-7.8"], ["pci-dss-v4-1.3.2"]]


@pytest.mark.parametrize(
    "named", ["dora/RTS-Art.13(b)", "nist-800-53/AU-12", "iso-27001/A.8.22", "x/日本 {{ insert: param, y }}"]
)
def test_what_is_only_supported_or_not_known_is_reviewed_without_a_finding(named: str) -> None:
    result = result_of(named_by_a_rule(named))
    assert len(states(result)) == 5
    remarks = " ".join(each.remarks for each in result.reviewed_controls.control_selections)
    assert "no finding is made" in remarks
    assert "{{" not in remarks


def test_flows_of_other_rules_prove_nothing_for_a_control_that_a_rule_names() -> None:
    other = replace(PASSED, decision=replace(WANTED, rule="other", controls=()))
    ruled = Judged(
        replace(AROUND, path=Path.FAILED),
        replace(WANTED, controls=("pci-dss-v4/1.4.1",)),
        None,
        "It failed on its way.",
    )
    found = states_of(replace(EVERYTHING, judged=(other, REFUSED, ruled)))
    assert found["egressaudit-pci-dss-v4-1.4.1"] == ("not-satisfied", "other")
    assert found["egressaudit-sc-7"] == ("satisfied", "pass")


def test_an_observation_has_the_log_line_and_its_digest() -> None:
    result = result_of(FULL)
    [observed] = [each for each in result.observations if property_of(each, "code") == ["EA101"]][:1]
    [evidence] = observed.relevant_evidence
    assert property_of(evidence, "log") == [LINE.source]
    assert property_of(evidence, "line") == ["12"]
    assert property_of(evidence, "text") == [LINE.raw]
    assert property_of(evidence, "line-sha-256") == [sha256(LINE.raw.encode()).hexdigest()]
    assert property_of(observed, "evidence-lines") == ["3"]


@pytest.mark.parametrize("raw", ["caf\udce9 \x1b[31m", "lone \ud800"])
def test_the_digest_is_of_the_bytes_that_the_log_has(raw: str) -> None:
    finding = replace(VIOLATION, evidence=(Evidence("a", 1, raw, "source"),))
    result = result_of(replace(FULL, findings=(finding,)))
    [evidence] = result.observations[1].relevant_evidence
    written = raw.encode("utf-8", "surrogateescape" if "udce9" in ascii(raw) else "surrogatepass")
    assert property_of(evidence, "line-sha-256") == [sha256(written).hexdigest()]


SHOWN = {
    "a query string": (replace(LINE, raw="GET /cb?REDACTED"), ("queries",)),
    "pseudonyms": (LINE, ("addresses", "queries")),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_line_that_may_be_redacted_has_no_digest(case: str) -> None:
    line, levels = SHOWN[case]
    report = replace(FULL, findings=(replace(VIOLATION, evidence=(line,)),), run=Run(redacted=levels))
    [evidence] = result_of(report).observations[1].relevant_evidence
    assert property_of(evidence, "text") == [line.raw]
    assert property_of(evidence, "line-sha-256") == []


def test_the_first_observation_says_how_complete_the_evidence_is() -> None:
    first = result_of(FULL).observations[0]
    assert property_of(first, "expected-logs") == ["3"]
    assert property_of(first, "read-logs") == ["2"]
    assert property_of(first, "blind-spots") == [str(len(SPOTS))]
    assert "`logging`" not in first.description
    assert all(
        first.uuid in {one.observation_uuid for one in each.related_observations} for each in result_of(FULL).findings
    )


def test_violations_are_risks_and_waived_ones_deviations_with_their_last_day() -> None:
    opened, waived = result_of(FULL).risks
    assert [each.model_dump()["status"] for each in (opened, waived)] == ["open", "deviation-approved"]
    assert opened.deadline is None
    assert property_of(waived, "waiver-reason") == ["CHG-1234"]
    assert property_of(waived, "waiver-expires") == ["2027-01-31"]
    assert waived.deadline == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert [each.description for each in opened.remediations] == ["Add port 443 to the ServiceEntry."]


def test_a_risk_is_the_same_next_month_and_an_observation_is_not() -> None:
    later = replace(FULL, window=replace(FULL.window, end=datetime(2026, 4, 1, tzinfo=UTC)))
    before, after = result_of(FULL), result_of(later)
    assert [each.uuid for each in before.risks] == [each.uuid for each in after.risks]
    assert [each.uuid for each in before.findings] == [each.uuid for each in after.findings]
    assert not {each.uuid for each in before.observations} & {each.uuid for each in after.observations}


def test_two_clusters_share_no_risk() -> None:
    one, other = (result_of(replace(FULL, made_from=MadeFrom(cluster_uid=uid))) for uid in ("a", "b"))
    assert not {each.uuid for each in one.risks} & {each.uuid for each in other.risks}


def test_findings_with_the_same_fingerprint_stay_apart() -> None:
    twice = replace(FULL, findings=(VIOLATION, replace(VIOLATION, message="again")))
    assert len({each.uuid for each in result_of(twice).risks}) == 2


def test_only_the_document_differs_between_two_runs() -> None:
    run = Run("5b1f", datetime(2026, 11, 28, 17, tzinfo=UTC), ("evidence/",), "processes")
    assert text_of(FULL, "oscal") == text_of(FULL, "oscal")
    one, other = (json.loads(text_of(each, "oscal"))["assessment-results"] for each in (FULL, replace(FULL, run=run)))
    assert one["uuid"] != other["uuid"]
    assert other["metadata"]["last-modified"] == "2026-11-28T17:00:00Z"
    assert {**one, "uuid": "", "metadata": {}} == {**other, "uuid": "", "metadata": {}}


def test_the_sample_is_valid_and_says_what_its_report_says() -> None:
    result = read((ROOT / "reports" / "whole-mesh.oscal.json").read_text("utf-8"))
    assert states(result)["egressaudit-sc-7"] == ("not-satisfied", "fail")
    assert property_of(result, "outcome") == ["FAIL"]


def test_an_error_is_a_valid_document_in_which_nothing_is_satisfied() -> None:
    result = read(render_error("audit", "oscal", "no such folder <b>", "Name one."))
    assert set(states(result).values()) == {("not-satisfied", "other")}
    assert len(result.findings) == len(ASSESSED)
    assert all("NOT_PERFORMED" in each.target.status.remarks for each in result.findings)
    assert result.observations is None


@settings(max_examples=40)  # each is read by two models
@given(text=hostile)
def test_hostile_text_makes_no_invalid_document(text: str) -> None:
    rendered = text_of(poisoned(FULL, text), "oscal")
    assert rendered.isascii()
    read(rendered)
    read(render_error("audit", "oscal", text, text))


@given(text=hostile)
def test_hostile_text_is_no_markup_and_no_insertion(text: str) -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    [_, inline, _] = reader.parse(f"x {marked(text)}")
    assert {child.type for child in inline.children or []} <= {"text", "code_inline", "softbreak"}
    assert "{{" not in marked(text)
    assert "{" not in marked("{{insert:param,x}}")


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a\x1b",), ("a\\x1b",)), (("a", "b"), ("a\0b",)), (("a", ""), ("a",)), (("\ud800",), ("\\ud800",))],
)
def test_names_that_look_alike_have_identifiers_of_their_own(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert identifier(*one) != identifier(*other)


@given(one=hostile, other=hostile)
def test_tokens_are_tokens_and_never_collide(one: str, other: str) -> None:
    assert token(one)[0].isalpha() or token(one)[0] == "_"
    assert one == other or token(one) != token(other)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_mapped_control_can_be_named_by_a_rule(name: str) -> None:
    of = framework(name)
    result = result_of(named_by_a_rule(*(of.key(each) for each in of.controls)))
    ids = [each.control_id for one in result.reviewed_controls.control_selections for each in one.include_controls]
    assert len(ids) == len(set(ids)) >= len(of.controls)
