"""Reports of an audit that programs read: JSON, rows and JUnit; and what they find where no audit was performed."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO, StringIO
from itertools import product

import jsonschema
import pyarrow.parquet as pq
import pytest
from support.reports import (
    CLEAN,
    FAILED,
    FULL,
    PASSED,
    RAW,
    START,
    UNPROVEN,
    VIOLATION,
    text_of,
)
from support.tools import ROOT

from egressaudit.model import (
    AuditReport,
    Coverage,
    Outcome,
    Waived,
)
from egressaudit.report import render, render_error
from egressaudit.report.group_columns import COLUMNS
from egressaudit.report.output_formats import audit_writer, names_of
from egressaudit.report.screen import Screen

SCHEMA = ROOT / "docs" / "schemas" / "audit-report.schema.json"


def test_json_fits_its_schema() -> None:
    check = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    for report in (FULL, CLEAN, replace(CLEAN, judged=(), coverage=Coverage())):
        check.validate(json.loads(text_of(report, "json")))
    check.validate(json.loads(str(render_error("audit", "json", "no logs", "give some"))))


def test_json_holds_the_whole_report() -> None:
    document = json.loads(text_of(FULL, "json"))
    assert (document["schema_version"], document["kind"], document["outcome"]) == (1, "egressaudit-window", "FAIL")
    assert document["summary"] == {
        "violations": 1,
        "unproven": 1,
        "waived": 1,
        "informational": 0,
        "flows_proven": 1200,
        "groups": 3,
    }
    assert [each["code"] for each in document["findings"]] == ["EA101", "EA301", "EA101"]
    assert [each["waived"] is None for each in document["findings"]] == [True, True, False]
    assert document["findings"][0]["evidence"][0]["raw"] == RAW
    assert document["coverage"]["fraction"] == pytest.approx((3427.2 + 3600) / 7800)


def test_rows_are_the_same_in_json_lines_csv_and_parquet() -> None:
    lines = [json.loads(line) for line in text_of(FULL, "jsonl").splitlines()]
    rows = list(csv.DictReader(StringIO(text_of(FULL, "csv"))))
    rendered = render(FULL, "parquet")
    assert isinstance(rendered, bytes)
    table = pq.read_table(BytesIO(rendered)).to_pylist()
    assert lines == json.loads(text_of(FULL, "json"))["flows"]
    for line, row, columns in zip(lines, rows, table, strict=True):
        for name in ("outcome", "because", "namespace", "workload", "host", "path", "rule", "confidence", "expected"):
            assert line[name] == row[name] == columns[name]
        for name in ("via", "server_names", "expected_via", "expected_because", "gaps", "controls"):
            assert line[name] == columns[name]
            assert "; ".join(line[name]) == row[name]
        assert line["flows"] == int(row["flows"]) == columns["flows"]
        assert line["port"] == int(row["port"]) == columns["port"]
        assert line["first"] == row["first"]
        assert columns["first"] == START
        assert [f"{each['source']}:{each['line']}" for each in line["evidence"]] == columns["evidence"]
    assert rows[2]["waived_reason"] == table[2]["waived_reason"] == lines[2]["waived"]["reason"] == "CHG-1234"


def test_every_column_is_documented() -> None:
    documented = set(
        re.findall(r"^\| `([a-z_]+)`", (ROOT / "docs" / "audit-reports.md").read_text("utf-8"), re.MULTILINE)
    )
    assert set(COLUMNS) - documented == set()
    assert set(json.loads(text_of(FULL, "json"))) - documented == set()
    assert set(json.loads(text_of(FULL, "json"))["coverage"]) - documented == set()


@pytest.mark.parametrize("output_format", names_of("audit"))
def test_the_same_report_gives_the_same_bytes_streamed_or_not(output_format: str) -> None:
    rendered = render(FULL, output_format)
    out = BytesIO()
    audit_writer(output_format).write(FULL, out, Screen())
    assert out.getvalue() == (rendered if isinstance(rendered, bytes) else rendered.encode("utf-8"))
    assert render(FULL, output_format) == rendered
    assert not out.closed


def case_states(report: AuditReport) -> dict[tuple[str | None, str | None], str]:
    """What each test case is: the tag of its result, `passed` without one."""
    states = {}
    for case in ET.fromstring(text_of(report, "junit")).iter("testcase"):
        tags = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        states[case.get("classname"), case.get("name")] = tags[0] if tags else "passed"
    return states


def test_junit_has_a_case_for_each_rule_workload_and_host_the_evidence_inside() -> None:
    assert case_states(FULL) == {
        ("egressaudit.coverage", "outcome of the window"): "failure",
        ("egressaudit.coverage.logs", "logs without problems"): "passed",
        ("egressaudit.coverage.logs", "logs with problems"): "skipped",
        ("egressaudit.coverage.blind", "host-network"): "skipped",
        ("egressaudit.coverage.blind", "logging-off"): "skipped",
        ("egressaudit.shop.Deployment/cart", "docs: docs.example.com"): "failure",
        ("egressaudit.shop.Pod/old", "docs: docs.example.com"): "skipped",
        ("egressaudit.EA301", "EA301 shop/cart-2/istio-proxy"): "error",
    }
    failures = [each.text or "" for each in ET.fromstring(text_of(FULL, "junit")).iter("failure")]
    assert RAW in failures[1]


def test_junit_has_no_two_cases_of_one_name() -> None:
    findings = (UNPROVEN, replace(UNPROVEN, message="another"), replace(UNPROVEN, outcome=None), *FULL.findings)
    report = replace(
        FULL, findings=findings, coverage=replace(FULL.coverage, blind_spots=FULL.coverage.blind_spots * 2)
    )
    cases = [
        (each.get("classname"), each.get("name")) for each in ET.fromstring(text_of(report, "junit")).iter("testcase")
    ]
    assert len(set(cases)) == len(cases)
    assert "another" in text_of(report, "junit")


OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, None)


@pytest.mark.parametrize(("first", "second", "other"), list(product(OUTCOMES, OUTCOMES, OUTCOMES)))
@pytest.mark.parametrize("waived", [None, Waived("CHG-1234", "2027-01-31")])
def test_junit_succeeds_only_where_the_audit_does(
    first: Outcome | None, second: Outcome | None, other: Outcome | None, waived: Waived | None
) -> None:
    """`first` and `second` are two groups of one case, each with its finding; `other` is a finding of no flow."""
    judged = [replace(PASSED, outcome=first), replace(FAILED, outcome=second)]
    found = [
        replace(VIOLATION, judged=each, outcome=each.outcome, waived=waived)
        for each in judged
        if each.outcome is not Outcome.PASS
    ]
    report = replace(CLEAN, judged=tuple(judged), findings=(*found, replace(UNPROVEN, outcome=other)))
    bad = {"failure", "error"} & set(case_states(report).values())
    assert (not bad) == (report.outcome is Outcome.PASS)
    assert ("failure" in bad) == (report.outcome is Outcome.FAIL)


# ---------------------------------------------------------------- no audit was performed


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv", "parquet"])
def test_where_no_audit_was_performed_no_format_of_rows_reads_as_nothing_wrong(output_format: str) -> None:
    rendered = render_error("audit", output_format, "no log was given", "Name a folder.")
    match output_format:
        case "json":
            document = json.loads(rendered)
            assert document["error"] == {"message": "no log was given", "hint": "Name a folder."}
            outcomes = [document["outcome"]]
        case "jsonl":
            outcomes = [json.loads(line)["outcome"] for line in str(rendered).splitlines()]
        case "csv":
            outcomes = [row["outcome"] for row in csv.DictReader(StringIO(str(rendered)))]
        case _:
            assert isinstance(rendered, bytes)
            outcomes = pq.read_table(BytesIO(rendered)).column("outcome").to_pylist()
    assert outcomes == ["NOT_PERFORMED"]


def test_where_no_audit_was_performed_markdown_and_junit_say_so() -> None:
    assert str(render_error("audit", "markdown", "no log", "Name one.")) == (
        "# Egress audit: not performed\n\nno log\n\nName one.\n"
    )
    document = ET.fromstring(str(render_error("audit", "junit", "no log", "Name one.")))
    assert document.find("testsuite/testcase/error") is not None
    assert render_error("audit", "text", "no log", "Name one.") == ""
