"""To add a dialect or a lane takes one file and one line: done in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.tools import ROOT

import egressaudit

PACKAGE = Path(egressaudit.__file__).parent
SAMPLES = ROOT / "sample_logs"

DIALECT = '''
"""Lines like `@2026-11-23T08:04:44.258Z 200 10.0.0.1:80`."""

from egressaudit.hops.dialects.converters import integer, timestamp
from egressaudit.hops.dialects.family import Family
from egressaudit.hops.dialects.result import Access, Broken


class AtSigns:
    name = "at-signs"
    family = Family.ENVOY

    def starts(self, text):
        return text.startswith("@")

    def read(self, text):
        time, _, rest = text[1:].partition(" ")
        code, _, host = rest.partition(" ")
        try:
            fields = {"start_time": timestamp(time), "response_code": integer(code), "upstream_host": host}
        except ValueError as error:
            return Broken(str(error), 1)
        return Access(self.name, clean=True, fields=fields)
'''

LANE = '''
"""A lane that tells that it was asked."""

import sys

from egressaudit.hops.lanes.plain import PlainLane


class Telling(PlainLane):
    def read_block(self, *block):
        print("a block was read", file=sys.stderr)
        return super().read_block(*block)
'''


def copied(to: Path, file: str, text: str, place: str, before: str, line: str) -> Path:
    """A copy of the package with one file, and one line before another."""
    shutil.copytree(PACKAGE, to / "egressaudit", ignore=shutil.ignore_patterns("__pycache__"))
    if (PACKAGE.parent / "grammars").is_dir():  # a checkout; a wheel has them inside
        shutil.copytree(PACKAGE.parent / "grammars", to / "grammars")
    hops = to / "egressaudit" / "hops"
    (hops / file).write_text(text)
    known = (hops / place).read_text("utf-8")
    assert known.count(before) == 1
    (hops / place).write_text(known.replace(before, line + before), encoding="utf-8")
    return to


def parsed(package: Path, *options: str) -> tuple[str, str]:
    """What `parse` of the copy writes, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "egressaudit", "parse", *options],
        cwd=package,
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "EGRESSAUDIT_LANES")},
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
    )
    return done.stdout, done.stderr


def test_a_dialect_is_one_file_and_one_line(tmp_path):
    before, line = '    "envoy.text_lines:EnvoyTextLines",\n', '    "at_signs:AtSigns",\n'
    package = copied(tmp_path, "dialects/at_signs.py", DIALECT, "dialects/__init__.py", before, line)
    (tmp_path / "x.log").write_text("@2026-11-23T08:04:44.258Z 200 10.0.0.1:80\n@never 200 10.0.0.1:80\n")
    rows, said = parsed(package, "x.log", "-o", "csv", "--columns", "line,dialect,response_code,upstream_host")
    assert rows.split("\n")[1:] == ["1,at-signs,200,10.0.0.1:80", ""]
    assert "2 lines = 1 access (0 not clean) + 0 other + 1 unparsed" in said


def test_a_lane_is_one_file_and_one_line(tmp_path):
    before, line = '    "compiled": ', '    "telling": "egressaudit.hops.lanes.telling:Telling",\n'
    package = copied(tmp_path, "lanes/telling.py", LANE, "lanes/__init__.py", before, line)
    _, said = parsed(package, str(SAMPLES / "noisy"), "-o", "parquet")
    assert "a block was read" in said
    assert "0 unparsed" in said
