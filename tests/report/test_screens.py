"""Text on a screen: one host fits into 24 rows, no line is wider than the terminal, and in a pipe none is folded."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from rich.cells import cell_len
from support.reports import FULL, text_of
from support.tools import SAMPLES, load_tool

from egressaudit.model import AuditReport, VerifyReport
from egressaudit.pipeline.replay import audit
from egressaudit.report.safe import printable
from egressaudit.report.screen import UNFOLDED
from egressaudit.report.view import ReportView

VERIFIED = tuple(sorted(each.parent.name for each in SAMPLES.glob("*/probes.json")))
ONE_ANSWER = tuple(each for each in VERIFIED if not each.startswith(("bypass-", "many-")))
"""Those that are neither a battery of attempts nor a matrix, which are as long as what they list."""
WIDTHS = (60, 80, 120, 200)
ROWS = 22
"""Of the 24 rows of a terminal, one has the command and one the next prompt."""


@cache
def verified(name: str) -> VerifyReport:
    return audit(SAMPLES / name)


def text(name: str, **screen: object) -> list[str]:
    return text_of(verified(name), "text", **screen).splitlines()


@pytest.mark.parametrize("name", ONE_ANSWER)
def test_one_host_fits_on_a_terminal_of_24_rows(name: str) -> None:
    rows = text(name, width=80)
    assert len(rows) <= ROWS
    assert rows[0].startswith(f"{verified(name).outcome.value}  http")
    assert rows[-1].startswith("evidence: ")
    assert rows[-1].endswith("read; -v shows it")


def test_notes_leave_the_verdict_on_the_screen() -> None:
    notes = tuple(f"{number} is what a reader must know, and it takes more than a row of eighty" for number in range(5))
    report = replace(verified("rbac-denied"), notes=notes)
    rows = text_of(report, "text", width=80).splitlines()
    assert len(rows) <= ROWS
    assert rows[-1] == "evidence: 2 lines of 2 logs, 4 lines read, 4 more notes; -v shows it"
    whole = text_of(report, "text", width=200, verbose=True)
    assert all(f"note: {note}\n" in whole for note in notes)


@pytest.mark.parametrize("name", ONE_ANSWER)
def test_the_screen_says_what_is_wrong_and_what_to_do(name: str) -> None:
    shown = " ".join(" ".join(text(name, width=80)).split())
    for verdict in verified(name).verdicts:
        assert f"{verdict.outcome.value} {verdict.flow.probe.target} {verdict.path_seen}" in shown
        if verdict.causes:
            squeezed = shown.replace(" ", "")
            assert verdict.causes[0].code in shown
            assert printable(verdict.causes[0].sentence).replace(" ", "") in squeezed
            assert verdict.causes[0].cause.remedy in shown


@pytest.mark.parametrize("name", VERIFIED)
def test_evidence_is_below_and_the_last_line_says_the_first_again(name: str) -> None:
    short, whole = text(name, width=200), text(name, width=200, verbose=True)
    assert whole[0] == whole[-1] == short[0]
    said = "\n".join(whole)
    assert said.index("  expected  ") < said.index("  probe     ") < said.index("\nread ")
    assert "\nread " not in "\n".join(short)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", VERIFIED)
def test_no_line_of_verify_is_wider_than_the_terminal(name: str, width: int) -> None:
    for verbose in (False, True):
        assert max(map(cell_len, text(name, width=width, verbose=verbose))) <= width


@pytest.mark.parametrize("name", VERIFIED)
def test_lines_of_logs_are_whole_in_a_pipe(name: str) -> None:
    rows = text(name, width=UNFOLDED, verbose=True)
    words = [" ".join(row.split()) for row in rows]
    for verdict in verified(name).verdicts:
        for hop in verdict.flow.hops:
            assert " ".join(printable(hop.line.text).split()) in words
            assert f"  {hop.line.source}:{hop.line.number}" in rows
    # Neither is anything else: each sentence is one line, whatever stands in it.
    assert not any(row.startswith(" " * 12) for row in rows) or name not in ONE_ANSWER


@cache
def window() -> AuditReport:
    report = load_tool("reports").audited(SAMPLES / "whole-mesh")
    assert isinstance(report, AuditReport)
    return report


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_an_audit_is_wider_than_the_terminal(width: int) -> None:
    for report in (window(), FULL):
        assert max(map(cell_len, text_of(report, "text", width=width).splitlines())) <= width


def test_hosts_and_gateways_of_an_audit_are_whole_in_a_pipe() -> None:
    rows = text_of(window(), "text", width=UNFOLDED).splitlines()
    assert any(
        row.split() == ["docs.redhat.com:80", "via-gateway", "egress-gateway/egressgateway", "37", "PASS"]
        for row in rows
    )
    lines = [line for finding in window().findings for line in finding.evidence]
    rows = text_of(window(), "text", width=UNFOLDED, view=ReportView(evidence=len(lines))).splitlines()
    words = [" ".join(row.split()) for row in rows]
    assert all(" ".join(printable(each.raw).split()) in words for each in lines)


@pytest.mark.parametrize("name", VERIFIED)
def test_colour_is_never_the_only_sign(name: str) -> None:
    for verbose in (False, True):
        plain = text_of(verified(name), "text", width=80, verbose=verbose)
        coloured = text_of(verified(name), "text", width=80, verbose=verbose, color=True)
        assert [row.rstrip() for row in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()] == plain.splitlines()
        assert "\x1b" in coloured
