"""OpenReports: what the objects say, that they fit the definitions, and that none reads as proven where it isn't."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from support.hostile import hostile, poisoned
from support.report_definitions import DEFINITIONS
from support.reports import (
    AROUND,
    CLEAN,
    FAILED,
    FULL,
    PASSED,
    READ,
    TAKEN,
    UNPROVEN,
    VIOLATION,
    WHOLE,
    text_of,
)

from egressaudit.model import AuditReport, Coverage, Finding, Outcome, Severity, Waived
from egressaudit.model.run import Run
from egressaudit.report import openreports, render_error
from egressaudit.report.openreports import APIS, OPENREPORTS, WG_POLICY, error_object, report_objects

Objects = dict[tuple[str, str], Any]


def objects(report: AuditReport, **asked: Any) -> Objects:
    """The objects by namespace and name, each of which fits its definition."""
    found: Objects = {}
    for each in report_objects(report, **asked):
        jsonschema.Draft202012Validator(DEFINITIONS[each["apiVersion"].partition("/")[0]]).validate(each)
        key = each["metadata"].get("namespace", ""), each["metadata"]["name"]
        assert key not in found
        counted = Counter(result["result"] for result in each["results"])
        assert each["summary"] == {name: counted[name] for name in ("pass", "fail", "warn", "error", "skip")}
        found[key] = each
    return found


def results(report: AuditReport, namespace: str) -> list[tuple[str, str]]:
    """The result and the rule of each entry of a namespace's first object."""
    return [(each["result"], each["rule"]) for each in objects(report)[namespace, "egressaudit"]["results"]]


def test_findings_and_proven_flows_are_in_the_report_of_their_namespace_the_gravest_first() -> None:
    assert results(FULL, "shop") == [
        ("fail", "EA101-direct"),
        ("error", "EA301-log-missing"),
        ("warn", "EA101-direct"),
        ("pass", "docs"),
    ]
    assert results(FULL, "") == [("fail", "audit")]


def test_a_violation_says_who_where_and_what_proves_it() -> None:
    violation = next(each for each in objects(FULL)["shop", "egressaudit"]["results"] if each["result"] == "fail")
    assert violation["resources"] == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}
    ]
    assert (violation["policy"], violation["severity"], violation["scored"]) == ("baseline", "high", True)
    about = {"host": "docs.example.com", "port": "443", "path": "direct", "flows": "3", "rule": "docs"}
    assert about.items() <= violation["properties"].items()
    assert violation["properties"]["evidence"] == "shop/cart-1/istio-proxy:12"
    assert "GET /" not in json.dumps(violation)


@pytest.mark.parametrize(
    ("outcome", "waived", "result"),
    [
        (Outcome.FAIL, None, "fail"),
        (Outcome.FAIL, Waived("CHG-1", "2027-01-31"), "warn"),
        (Outcome.INCONCLUSIVE, None, "error"),
        (Outcome.INCONCLUSIVE, Waived("CHG-1", "2027-01-31"), "error"),
        (None, None, "skip"),
    ],
)
def test_a_finding_is_never_a_pass(outcome: Outcome | None, waived: Waived | None, result: str) -> None:
    finding = replace(VIOLATION, outcome=outcome, waived=waived)
    assert results(replace(FULL, findings=(finding,), judged=(FAILED,)), "shop") == [(result, "EA101-direct")]


OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, None)
ABOUT_ALL = replace(UNPROVEN, code="EA308", subject="coverage")


@pytest.mark.parametrize(("group", "other"), list(product(OUTCOMES, OUTCOMES)))
@pytest.mark.parametrize("finding", [UNPROVEN, ABOUT_ALL])
def test_no_object_passes_where_something_that_concerns_it_is_not_proven(
    group: Outcome | None, other: Outcome | None, finding: Finding
) -> None:
    """An object without `fail` and `error` is one that a dashboard shows as green."""
    judged = replace(PASSED, outcome=group)
    report = replace(CLEAN, judged=(judged,), findings=(replace(finding, outcome=other),))
    found = objects(report)
    bad = {key: each["summary"]["fail"] + each["summary"]["error"] > 0 for key, each in found.items()}
    assert bad["", "egressaudit"] == (report.outcome is not Outcome.PASS)
    if {group, other} & {Outcome.FAIL, Outcome.INCONCLUSIVE}:
        assert bad["shop", "egressaudit"]


def test_what_is_about_no_namespace_with_flows_is_in_the_report_on_the_cluster() -> None:
    report = replace(FULL, findings=(replace(UNPROVEN, subject="elsewhere/pod-1/istio-proxy"), ABOUT_ALL))
    assert results(report, "")[1:] == [("error", "EA301-log-missing"), ("error", "EA308-coverage-too-low")]
    [said] = [each for each in objects(report)["shop", "egressaudit"]["results"] if each["rule"] == "audit"]
    assert said["result"] == "error"
    assert said["message"] == "2 results may be about this namespace too: see the report egressaudit on the cluster"


GATEWAY_LOG = replace(READ, name="shop/gateway-1/istio-proxy")
UNKNOWN = replace(FAILED, group=replace(AROUND, namespace="", workload=""))


@pytest.mark.parametrize(
    ("finding", "coverage"),
    [
        # A namespace may be called as a report calls the whole.
        (replace(ABOUT_ALL, subject="shop"), Coverage((WHOLE,))),
        # The log of a gateway, a waypoint or a ztunnel is every namespace's, wherever it runs.
        (replace(UNPROVEN, subject=GATEWAY_LOG.name), Coverage((WHOLE, GATEWAY_LOG))),
        # A log that nothing says anything about.
        (replace(UNPROVEN, subject="shop/x/y"), Coverage((WHOLE,))),
        # Whoever sent it may be in any namespace.
        (replace(VIOLATION, judged=UNKNOWN, subject="(unknown)"), Coverage((WHOLE,))),
    ],
)
def test_what_may_be_about_any_namespace_is_said_in_each(finding: Finding, coverage: Coverage) -> None:
    other = replace(PASSED, group=replace(TAKEN, namespace="curl"))
    found = objects(replace(FULL, coverage=coverage, judged=(PASSED, other), findings=(finding,)))
    assert found["", "egressaudit"]["summary"]["error"] + found["", "egressaudit"]["summary"]["fail"] == 2
    for namespace in ("shop", "curl"):
        assert found[namespace, "egressaudit"]["summary"]["error"] == 1


def test_a_log_of_one_workload_is_its_namespaces_alone() -> None:
    other = replace(PASSED, group=replace(TAKEN, namespace="curl"))
    found = objects(replace(FULL, judged=(PASSED, other), findings=(UNPROVEN,)))
    errors = {namespace: each["summary"]["error"] for (namespace, _), each in found.items()}
    assert errors == {"": 1, "shop": 1, "curl": 0}


def test_objects_say_whose_they_are_and_what_they_are_about() -> None:
    report = replace(FULL, run=Run(id="5b1f"))
    for (namespace, name), each in objects(report, name="nightly").items():
        assert name == "nightly"
        assert each["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "egressaudit",
            "egressaudit.io/report": "nightly",
        }
        assert each["metadata"]["annotations"]["egressaudit.io/run-id"] == "5b1f"
        assert each["metadata"]["annotations"]["egressaudit.io/window-end"] == "2026-03-01T11:00:00Z"
        assert each.get("scope", {}).get("name", "") == namespace


def test_the_older_api_has_its_own_names_and_three_severities() -> None:
    findings = tuple(replace(VIOLATION, severity=each) for each in Severity)
    found = objects(replace(FULL, findings=findings), api=WG_POLICY)
    assert {each["kind"] for each in found.values()} == {"PolicyReport", "ClusterPolicyReport"}
    severities = [each["severity"] for each in found["shop", "egressaudit"]["results"] if each["result"] == "fail"]
    assert severities == ["high", "high", "medium", "low", "low"]


def many(number: int) -> AuditReport:
    judged = tuple(replace(PASSED, group=replace(TAKEN, host=f"h{each}.example.com")) for each in range(number))
    return replace(CLEAN, judged=judged)


def test_a_large_report_is_cut_into_objects_that_etcd_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openreports, "MOST_BYTES", 20_000)
    found = objects(many(100))
    assert len(found) > 3
    assert ("shop", "egressaudit-2") in found
    assert all(len(json.dumps(each)) < 22_000 for each in found.values())
    assert sum(len(each["results"]) for (namespace, _), each in found.items() if namespace) == 100


def test_senders_cannot_fill_etcd_and_what_is_grave_is_never_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openreports, "MOST_RESULTS", 10)
    report = many(100)
    report = replace(report, judged=(*report.judged, FAILED), findings=(VIOLATION,))
    *shown, last = objects(report)["shop", "egressaudit"]["results"]
    assert [each["result"] for each in shown] == ["fail", *["pass"] * 9]
    assert last["message"] == "91 results left out, none more severe than those shown; the JSON report has all"
    assert last["result"] == "skip"


def test_no_object_is_larger_than_etcd_takes_however_much_a_report_has() -> None:
    report = many(openreports.MOST_RESULTS + 5)
    assert all(len(json.dumps(each)) < 1_200_000 for each in objects(report).values())


@pytest.mark.parametrize("api", APIS)
def test_where_no_audit_was_performed_the_report_on_the_cluster_says_so(api: Any) -> None:
    found = error_object("no cluster", "Name one.", api)
    jsonschema.Draft202012Validator(DEFINITIONS[api.group]).validate(found)
    [result] = found["results"]
    assert (result["result"], result["message"]) == ("error", "no audit was performed: no cluster Name one.")
    assert found["summary"]["error"] == 1


def test_the_format_is_a_list_that_kubectl_takes() -> None:
    shown = json.loads(text_of(FULL, "openreports"))
    assert (shown["apiVersion"], shown["kind"]) == ("v1", "List")
    assert shown["items"] == list(report_objects(FULL, OPENREPORTS))
    [failed] = json.loads(str(render_error("audit", "openreports", "no log", "")))["items"]
    assert failed["results"][0]["properties"] == {"outcome": "NOT_PERFORMED"}


@pytest.mark.parametrize("api", APIS)
@given(text=hostile)
def test_hostile_text_makes_no_object_and_no_field(api: Any, text: str) -> None:
    found = objects(poisoned(FULL, text), api=api)
    assert len(found) <= 2
    assert {name for _, name in found} == {"egressaudit"}
    written = text_of(poisoned(FULL, text), "openreports")
    assert written.isascii()
