"""The first screen of an audit's text: 24 rows of 80 columns have all that decides, whatever the report holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support.hostile import NASTY, poisoned
from support.large_reports import large, report_of
from support.reports import CLEAN, DRIFT, FULL, UNPROVEN, WAIVED, WAIVED_GROUP, text_of

from egressaudit.model import AuditReport, Coverage, Severity
from egressaudit.report.drift_words import drift_line, drift_rows
from egressaudit.report.screen import UNFOLDED
from egressaudit.report.view import ReportView

ROWS = 22
"""Of the 24 rows of a terminal, one has the command and one the next prompt."""


def first_screen(report: AuditReport, **screen: object) -> str:
    return text_of(report, "text", **screen).partition("\n\nFINDINGS (")[0]


def words(report: AuditReport, **screen: object) -> str:
    return " ".join(first_screen(report, **screen).split())


@pytest.mark.parametrize("report", [FULL, CLEAN, large(3), large(60), replace(large(60), drift=DRIFT)])
def test_it_fits_on_a_terminal_and_has_the_worst(report: AuditReport) -> None:
    rows = first_screen(report, width=80).splitlines()
    assert len(rows) <= ROWS
    assert rows[0].startswith(f"{report.outcome.value}: ")
    assert max(map(cell_len, rows)) <= 80


@given(text=st.one_of(st.sampled_from(NASTY), st.text(max_size=300)), width=st.integers(40, 160))
def test_it_fits_whatever_a_workload_wrote(text: str, width: int) -> None:
    report = replace(poisoned(replace(large(12), drift=DRIFT), text), findings=poisoned(large(12).findings, text))
    rows = text_of(report, "text", width=width).split("\n\nFINDINGS (")[0].splitlines()
    assert len(rows) <= ROWS
    assert max(map(cell_len, rows)) <= width


def test_ten_of_the_worst_fit_where_little_else_is_said() -> None:
    findings = tuple(replace(each, severity=severity) for each in large(1).findings for severity in Severity)
    shown = first_screen(report_of(findings), width=80)
    assert "TOP FINDINGS (10 of 20 blocks)" in shown
    assert len(shown.partition("TOP FINDINGS")[2].splitlines()) == 11


# ---------------------------------------------------------------- what must not get lost


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (replace(CLEAN, findings=(UNPROVEN,)), "why a proxy's log was not read (EA301: 1) coverage"),
        (replace(CLEAN, judged=()), "why nothing is proven: no flow is a PASS coverage"),
        (
            replace(CLEAN, judged=(), coverage=Coverage(), findings=(UNPROVEN, UNPROVEN)),
            "why nothing is proven: no flow is a PASS; a proxy's log was not read (EA301: 2) coverage",
        ),
    ],
)
def test_an_inconclusive_report_says_why(report: AuditReport, why: str) -> None:
    assert why in words(report, width=UNFOLDED)
    # What a reader hides is no reason less.
    assert why in words(report, width=UNFOLDED, view=ReportView(only=("EA1",)))


def test_a_waived_violation_is_there() -> None:
    report = replace(CLEAN, judged=(*CLEAN.judged, WAIVED_GROUP), findings=(WAIVED,))
    shown = words(report, width=80)
    assert "PASS: 0 violations, 0 unproven, 1 waived" in shown
    assert "waived 1 high; EA101 1" in shown
    assert "1 waived EA101 high left around the gateway or waypoint: shop/Pod/old" in shown


def test_what_is_not_covered_is_counted() -> None:
    assert (
        "not covered 1 blind spot, 1 log off or filtered, 2 lines not clean, 2 not parsed, 1 broken log, "
        "2 files passed over; the list is at the end"
    ) in words(FULL, width=80)
    assert "not covered nothing that can be counted; the list is at the end" in words(CLEAN, width=80)


def test_what_changed_is_there_and_below() -> None:
    text = text_of(replace(CLEAN, drift=DRIFT), "text", width=UNFOLDED)
    assert f"  changed     {drift_line(DRIFT)}\n" in text.partition("CHANGES SINCE")[0]
    below = text.partition("\nCHANGES SINCE audit-1.json (2)\n")[2].partition("\n\n")[0]
    assert [each.strip() for each in below.splitlines()[-2:]] == list(drift_rows(DRIFT))
    assert "changed" in words(replace(CLEAN, drift=DRIFT), width=40)


def test_without_an_earlier_report_nothing_is_said_of_changes() -> None:
    assert "changed" not in text_of(CLEAN, "text")
    nothing = replace(CLEAN, drift=replace(DRIFT, rows=()))
    assert "changed since audit-1.json: nothing changed" in words(nothing, width=80)
