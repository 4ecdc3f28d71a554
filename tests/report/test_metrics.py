"""Metrics of an audit, read by the parsers of Prometheus' own client library."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from support.hostile import hostile, poisoned
from support.reports import AROUND, CLEAN, END, FAILED, FULL, PASSED, START, VIOLATION, text_of
from support.tools import ROOT

from egressaudit.model import AuditReport, Coverage, Judged, Outcome, Window
from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.model.run import Run
from egressaudit.report import metrics, render_error

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
PARSERS: dict[str, Callable[[str], Any]] = {
    "prometheus": text_string_to_metric_families,
    "openmetrics": openmetrics_families,
}


def read(text: str, output_format: str) -> Samples:
    """Every sample; a series that is there twice fails."""
    found: Samples = {}
    for family in PARSERS[output_format](text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def samples(report: AuditReport, output_format: str = "prometheus") -> Samples:
    return read(text_of(report, output_format), output_format)


def value(report: AuditReport, name: str, **labels: str) -> float:
    return samples(report)[f"egressaudit_{name}", frozenset(labels.items())]


def series(report: AuditReport, name: str) -> list[dict[str, str]]:
    return [dict(labels) for each, labels in samples(report) if each == f"egressaudit_{name}"]


def test_both_formats_have_the_same_samples() -> None:
    assert samples(FULL, "openmetrics") == samples(FULL)
    assert text_of(FULL, "openmetrics").endswith("# EOF\n")


@pytest.mark.parametrize(
    ("report", "outcome"), [(FULL, "FAIL"), (CLEAN, "PASS"), (replace(CLEAN, judged=()), "INCONCLUSIVE")]
)
def test_one_outcome_is_1_and_the_others_are_0(report: AuditReport, outcome: str) -> None:
    found = {each: value(report, "outcome", outcome=each) for each in ("PASS", "FAIL", "INCONCLUSIVE", "NOT_PERFORMED")}
    assert found == {each: float(each == outcome) for each in found}


@pytest.mark.parametrize("output_format", PARSERS)
def test_where_no_audit_was_performed_there_is_the_outcome_alone(output_format: str) -> None:
    found = read(str(render_error("audit", output_format, 'no "log"\n', "Name one.")), output_format)
    assert {name for name, _ in found} == {"egressaudit_outcome"}
    assert [dict(labels)["outcome"] for (_, labels), number in found.items() if number] == ["NOT_PERFORMED"]


def test_findings_are_counted_by_code_severity_outcome_and_waiver() -> None:
    assert value(FULL, "findings", code="EA101", severity="high", outcome="FAIL", waived="false") == 1
    assert value(FULL, "findings", code="EA101", severity="high", outcome="FAIL", waived="true") == 1
    assert value(FULL, "findings", code="EA301", severity="medium", outcome="INCONCLUSIVE", waived="false") == 1


def test_every_line_is_counted_once() -> None:
    kinds = ("access", "not_clean", "other", "unparsed")
    counts = [value(FULL, "log_lines", result=each) for each in kinds]
    assert counts == [97, 2, 8, 2]
    assert sum(counts) == FULL.coverage.lines.read


def test_coverage_that_nobody_knows_raises_the_alarm_of_none() -> None:
    assert value(FULL, "coverage_ratio") == pytest.approx((3427.2 + 3600) / 7800)
    assert value(replace(CLEAN, coverage=Coverage()), "coverage_ratio") == 0
    assert (value(FULL, "logs", state="expected"), value(FULL, "logs", state="read")) == (3, 2)


def test_times_are_the_windows_and_the_runs() -> None:
    made = datetime(2026, 3, 1, 11, 5, tzinfo=UTC)
    report = replace(CLEAN, run=Run(created=made))
    assert value(report, "window_start_timestamp_seconds") == START.timestamp()
    assert value(report, "window_end_timestamp_seconds") == END.timestamp()
    assert value(report, "last_run_timestamp_seconds") == made.timestamp()
    assert not series(CLEAN, "last_run_timestamp_seconds")


def test_flows_are_counted_by_outcome_and_path() -> None:
    assert value(FULL, "flows", outcome="PASS", path="via-gateway", waived="false") == 1200
    assert value(FULL, "flows", outcome="FAIL", path="direct", waived="false") == 3
    assert value(FULL, "flows", outcome="FAIL", path="direct", waived="true") == 3
    where = {"namespace": "shop", "workload": "Deployment/cart", "host": "docs.example.com"}
    assert value(FULL, "workload_flows", **where, outcome="FAIL", waived="false") == 3


def to(host: str, flows: int = 1, outcome: Outcome = Outcome.FAIL, workload: str = "Deployment/cart") -> Judged:
    return replace(FAILED, group=replace(AROUND, host=host, flows=flows, workload=workload), outcome=outcome)


def hosts(report: AuditReport) -> set[str]:
    return {each["host"] for each in series(report, "workload_flows")}


@pytest.mark.parametrize(
    "host", ["203.0.113.7", "2001:db8::1", "::ffff:10.0.0.1", "Evil Example", "x" * 129, "", "a/b", "a\nb"]
)
def test_a_host_that_no_proxy_names_is_other(host: str) -> None:
    assert hosts(replace(FULL, judged=(to(host),))) == {"other"}


def test_senders_cannot_make_series() -> None:
    named = tuple(to(f"h{number}.example.com", flows=number + 1) for number in range(1000))
    report = replace(FULL, judged=(*named, to("quiet.example.com", 5000, Outcome.PASS)))
    found = hosts(report)
    assert len(found) == metrics.MOST_HOSTS + 1
    # Those with the gravest outcomes and then the most flows keep their names; no flow is lost.
    assert "h999.example.com" in found
    assert "quiet.example.com" not in found
    total = sum(number for (name, _), number in samples(report).items() if name == "egressaudit_workload_flows")
    assert total == sum(range(1001)) + 5000


def test_workloads_beyond_the_limit_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    judged = tuple(to("docs.example.com", 1, workload=f"Deployment/w{number}") for number in range(9))
    report = replace(FULL, judged=(*judged, PASSED))
    assert (
        value(
            report, "workload_flows", namespace="other", workload="other", host="other", outcome="FAIL", waived="false"
        )
        == 6
    )
    assert len(series(report, "workload_flows")) == 5


def test_what_changed_since_the_baseline() -> None:
    row = DriftRow(DriftChange.NEW, DriftOf.FINDING, "f", "shop/Deployment/cart", "new", violation=True)
    report = replace(FULL, drift=Drift("old", Window(START, END), (row, row)))
    assert value(report, "new_violations") == 2
    assert not series(replace(FULL, drift=Drift("old", None, compared=False)), "new_violations")
    assert value(report, "drift", change="new", of="finding") == 2
    assert not series(FULL, "drift")


def test_every_metric_and_label_is_documented_and_no_other() -> None:
    row = DriftRow(DriftChange.NEW, DriftOf.FINDING, "f", "s", "t")
    report = replace(FULL, run=Run(created=END), drift=Drift("old", Window(START, END), (row,)))
    written: dict[str, set[str]] = {}
    for name, labels in samples(report):
        written.setdefault(name, set()).update(word for word, _ in labels)
    page = (ROOT / "docs" / "publish.md").read_text("utf-8")
    documented: dict[str, set[str]] = {}
    for names, labels in re.findall(r"^\| (`egressaudit_.*?) \| (.*?) ?\|", page, re.MULTILINE):
        documented |= {each: set(re.findall(r"`(\w+)`", labels)) for each in re.findall(r"`(\w+)`", names)}
    assert written == documented


@given(text=hostile)
def test_hostile_text_makes_no_series_and_no_label(text: str) -> None:
    report = poisoned(FULL, text)
    found = samples(report)
    assert samples(report, "openmetrics") == found
    names = {name for name, _ in found}
    assert all(name.startswith("egressaudit_") for name in names)
    words = {word for _, labels in found for _, word in labels}
    assert all(len(word) <= 128 and word.isascii() and "\n" not in word for word in words)


def test_a_code_that_no_control_has_is_other() -> None:
    report = replace(FULL, findings=(replace(VIOLATION, code="EA999"),))
    assert [each["code"] for each in series(report, "findings")] == ["other"]
