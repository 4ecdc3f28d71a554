"""A report in CSV, opened by a real spreadsheet (Gnumeric): what a workload wrote becomes no formula and no link."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.cell import Cell
from support.hostile import NASTY, poisoned
from support.reports import FULL, text_of

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", '=HYPERLINK("http://evil.example","x")')

pytestmark = pytest.mark.filterwarnings("ignore:Workbook contains no default style")


def cells(csv: str, folder: Path) -> list[Cell]:
    """The cells that a spreadsheet makes of a CSV file."""
    program = shutil.which("ssconvert")
    if program is None:
        missing = "ssconvert is not on the PATH (Debian: apt-get install gnumeric)"
        # Where nobody looks, a test that does not run is a test that fails.
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    (folder / "report.csv").write_text(csv, "utf-8", newline="")
    subprocess.run([program, "report.csv", "report.xlsx"], cwd=folder, check=True, capture_output=True)
    return list(chain.from_iterable(load_workbook(folder / "report.xlsx").active.iter_rows()))


def active(made: list[Cell]) -> list[object]:
    """What a spreadsheet would compute or follow."""
    return [each.value for each in made if each.data_type == "f" or each.hyperlink is not None]


def test_a_spreadsheet_computes_what_is_not_neutralised(tmp_path: Path) -> None:
    assert active(cells("=1+1,x\n", tmp_path)) == ["=1+1"]


def test_a_hostile_report_has_no_formula_and_no_link(tmp_path: Path) -> None:
    head, *_ = text_of(FULL, "csv").splitlines(keepends=True)
    # One file for all texts: the program starts slowly.
    rows = [text_of(poisoned(FULL, text), "csv").removeprefix(head) for text in (*NASTY, *FORMULAS)]
    made = cells(head + "".join(rows), tmp_path)
    assert len(made) > len(rows) * len(head.split(","))
    assert active(made) == []
