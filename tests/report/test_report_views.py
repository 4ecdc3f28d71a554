"""A view changes what people are shown, and nothing else: no outcome, no count, no byte that a program reads."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.large_reports import large, report_of
from support.reports import FULL, VIOLATION, text_of
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.cli.report_options import GROUPINGS, SEVERITIES
from egressaudit.model import Severity
from egressaudit.report import render
from egressaudit.report.output_formats import names_of
from egressaudit.report.screen import Screen
from egressaudit.report.view import GroupBy, ReportView
from egressaudit.report.wording import first_line, last_line

PEOPLE = ("text", "markdown", "html", "junit")
views = st.builds(
    ReportView,
    evidence=st.none() | st.integers(0, 9),
    min_severity=st.none() | st.sampled_from(Severity),
    only=st.lists(st.sampled_from(["EA1", "EA101", "EA3", "EA307", "EA4"]), max_size=2).map(tuple),
    group_by=st.sampled_from(GroupBy),
)


@pytest.mark.parametrize("output_format", [each for each in names_of("audit") if each not in PEOPLE])
def test_programs_are_given_the_same(output_format: str) -> None:
    narrow = Screen(view=ReportView(0, Severity.CRITICAL, ("EA4",), GroupBy.HOST))
    assert render(large(4), output_format, narrow) == render(large(4), output_format)


@given(view=views, report=st.sampled_from([FULL, large(4)]))
def test_outcome_and_counts_stay_and_what_is_hidden_is_counted(view: ReportView, report: object) -> None:
    assert not isinstance(report, str)
    text = text_of(report, "text", width=20_000, view=view)  # type: ignore[arg-type]
    markdown = text_of(report, "markdown", view=view).replace("`", "")  # type: ignore[arg-type]
    findings = report.findings  # type: ignore[attr-defined]
    hidden = [each for each in findings if not view.shows(each)]
    assert text.startswith(f"{first_line(report)}\n")  # type: ignore[arg-type]
    assert text.endswith(f"\n{last_line(report)}\n")  # type: ignore[arg-type]
    said = f"{len(hidden)} of {len(findings)} findings not shown ({view.chosen})"
    assert (f"  {said}.\n" in text) == bool(hidden) == (f"\n{said}.\n" in markdown)
    for each in findings:
        titled = f"{each.code} {each.severity}  {each.subject}\n" in text or f"    {each.subject}: " in text
        assert titled or each in hidden or f"findings of {each.subject}\n" in text


@given(view=views)
def test_no_view_makes_a_success(view: ReportView) -> None:
    for report in (FULL, large(4)):
        document = ET.fromstring(text_of(report, "junit", view=view))
        (whole,) = [each for each in document.iter("testcase") if each.get("name") == "outcome of the window"]
        assert whole.find("failure") is not None
        hidden = [each for each in report.findings if not view.shows(each)]
        not_shown = [each for each in document.iter("testcase") if each.get("name") == "not shown"]
        assert [each.find("skipped") is not None for each in not_shown] == [True] * bool(hidden)


def test_failing_cases_have_the_names_that_they_had_whatever_else_there_is() -> None:
    def names(workloads: int) -> set[tuple[str | None, str | None]]:
        cases = ET.fromstring(text_of(large(workloads), "junit")).iter("testcase")
        return {
            (each.get("classname"), each.get("name"))
            for each in cases
            if each.find("failure") is not None or each.find("error") is not None
        }

    assert names(4) < names(5) < names(120)
    assert ("egressaudit.shop.Deployment/app-3", "docs: h3.example.com") in names(4)
    assert ("egressaudit.EA307", "EA307 istio-egress/gateway-1/istio-proxy") in names(4)


# ---------------------------------------------------------------- the command


def audit(tmp_path: Path, *options: str) -> tuple[int, str, dict[str, object]]:
    sample, out = SAMPLES / "whole-mesh", tmp_path / "audit.txt"
    named = ["-o", f"text={out}", "-o", f"json={tmp_path / 'audit.json'}"]
    code = run(["audit", str(sample), "--policy", str(sample / "policy.yaml"), "-q", *named, *options])
    document = json.loads((tmp_path / "audit.json").read_text())
    # What differs from run to run stands there alone.
    del document["run"]
    return code, out.read_text(), document


def test_the_options_reach_a_file(tmp_path: Path) -> None:
    code, whole, document = audit(tmp_path)
    filtered_code, filtered, filtered_document = audit(
        tmp_path, "--only", "ea1,EA306", "--min-severity", "high", "--evidence", "1", "--group-by", "host"
    )
    assert code == filtered_code == 10
    assert document == filtered_document
    assert "evidence, 2 of 10 lines:" in whole
    assert "evidence, 1 of 10 lines:" in filtered
    assert "  2 of 3 findings not shown (--min-severity high --only EA1 --only EA306).\n" in filtered


def test_the_options_take_what_a_view_has() -> None:
    assert tuple(Severity) == SEVERITIES
    assert tuple(GroupBy) == GROUPINGS


@pytest.mark.parametrize("code", ["EA9", "", "EA1,", "x", "A1"])
def test_a_code_that_no_control_has_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str) -> None:
    assert run(["audit", str(SAMPLES / "whole-mesh"), "-q", "--only", code]) == 2
    assert "is not the code of a finding" in capsys.readouterr().err


def test_a_view_knows_what_it_shows() -> None:
    assert ReportView().chosen == ""
    assert ReportView(only=("EA1",), min_severity=Severity.LOW).chosen == "--min-severity low --only EA1"
    assert "9 of 9" not in text_of(report_of((VIOLATION,)), "text")


def test_what_is_hidden_is_not_said_to_be_none() -> None:
    hidden = text_of(FULL, "markdown", view=ReportView(only=("EA4",)))
    assert "## Findings (0 of 2, in 0 blocks)" in hidden
    assert hidden.count("\nNone shown.\n") == 2
    assert "\nNone shown.\n" not in text_of(FULL, "markdown")
