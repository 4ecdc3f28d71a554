"""To add a dialect or a lane takes one file and one line: done in a copy of the package."""

from __future__ import annotations

from pathlib import Path

from support.additions import add, package_copy, run_copy
from support.tools import ROOT

SAMPLES = ROOT / "sample_logs"

DIALECT = '''
"""Lines like `@2026-11-23T08:04:44.258Z 200 10.0.0.1:80`."""

from egressaudit.hops.dialects.converters import integer, timestamp
from egressaudit.model import Family
from egressaudit.hops.dialects.result import AccessFields, Broken


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
        return AccessFields(self.name, clean=True, fields=fields)
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


def parsed(package: Path, *options: str) -> tuple[str, str]:
    """What `parse` of the copy writes, and what it says."""
    done = run_copy(package, "-m", "egressaudit", "parse", *options)
    return done.stdout, done.stderr


def test_a_dialect_is_one_file_and_one_line(tmp_path):
    package = package_copy(tmp_path)
    add(
        package,
        "a log source (a proxy of another kind)",
        DIALECT,
        ('    "json_lines:EnvoyJson",\n', '    "at_signs:AtSigns",\n'),
    )
    (tmp_path / "x.log").write_text("@2026-11-23T08:04:44.258Z 200 10.0.0.1:80\n@never 200 10.0.0.1:80\n")
    rows, said = parsed(package, "x.log", "-o", "csv", "--columns", "line,dialect,response_code,upstream_host")
    assert rows.split("\n")[1:] == ["1,at-signs,200,10.0.0.1:80", ""]
    assert "2 lines = 1 access (0 not clean) + 0 other + 1 unparsed" in said


def test_a_lane_is_one_file_and_one_line(tmp_path):
    package = package_copy(tmp_path)
    (package / "hops" / "lanes" / "telling.py").write_text(LANE, "utf-8")
    lanes = package / "hops" / "lanes" / "__init__.py"
    before, line = '    "compiled": ', '    "telling": "egressaudit.hops.lanes.telling:Telling",\n'
    lanes.write_text(lanes.read_text("utf-8").replace(before, line + before), "utf-8")
    _, said = parsed(package, str(SAMPLES / "noisy"), "-o", "parquet")
    assert "a block was read" in said
    assert "0 unparsed" in said
