"""The page on faults is made of the rows, and the harness sees what it is to count."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tools import ROOT, load_tool

from faults.harness import OLD, Counters, Place, Ran, counted, fitting, rows


def test_the_page_is_made_of_the_rows() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert page == load_tool("reliability").page(), "run python tools/reliability.py"


def test_a_row_is_read_as_it_stands() -> None:
    [row] = rows("  stdout full | verify -o | 3 | error: a | b  ")
    assert (row.fault, row.command, row.code, row.says) == ("stdout full", "verify -o", 3, "error: a | b")


@pytest.mark.parametrize(
    ("says", "said", "fits"),
    [("a … c", "a b c", True), ("a … c", "a b d", False), ("", "a", False), ("a (b)", "a (b)", True), ("…", "", True)],
)
def test_what_a_row_says_is_the_whole_of_what_is_said(says: str, said: str, fits: bool) -> None:
    assert (fitting(says, said) == says) is fits


@pytest.mark.parametrize(
    ("files", "code", "err", "expected"),
    [
        ({"report.json": '{"outcome": "FAIL"}'}, 1, "error: x", Counters()),
        ({"report.json": OLD}, 1, "", Counters(stale_reports=1)),
        ({"report.json": '{"outc'}, 1, "", Counters(stale_reports=1)),
        ({"report.json": '{"verdicts": [{"outcome": "PASS"}]}'}, 1, "", Counters(false_passes=1)),
        ({}, 0, "", Counters(false_passes=1)),
        ({"tmp/egressaudit-1": "", ".egressaudit-2": ""}, 1, "", Counters(leftovers=2)),
        ({}, 1, "Exception ignored in: <x>", Counters(tracebacks=1)),
        ({}, 1, "this is a bug in egressaudit", Counters(tracebacks=1)),
    ],
)
def test_the_harness_counts_what_must_not_be(
    files: dict[str, str], code: int, err: str, expected: Counters, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert counted(Ran(Place(tmp_path), code, "", err, ()), may_pass=False) == expected


def test_what_is_left_in_the_cluster_and_among_processes_counts(tmp_path: Path) -> None:
    ran = Ran(Place(tmp_path), 1, "", "", processes=(4711,))
    assert counted(ran, may_pass=False, pods=("egressaudit-probe-1a2b3c4d",)) == Counters(leftovers=2)
