"""To add an engine takes one file and one line: done in a copy of the package, and an audit runs on it."""

from __future__ import annotations

from pathlib import Path

from support.additions import add, package_copy, run_copy
from support.tools import ROOT

FILE = '''
"""An engine that says when it is asked for flows; it leaves the work to another one."""

import sys

from egressaudit.join.engines.duckdb import DuckDbEngine


class Spoken(DuckDbEngine):
    def flows(self, window, parts=0):
        print("asked for flows", file=sys.stderr)
        return super().flows(window, parts)
'''
ABOVE = '    "duckdb": "egressaudit.join.engines.duckdb:DuckDbEngine",\n'
LINE = '    "spoken": "egressaudit.join.engines.spoken:Spoken",\n'
SAMPLE = ROOT / "sample_logs" / "whole-mesh"
AUDIT = ("-m", "egressaudit", "audit", str(SAMPLE), "--policy", str(SAMPLE / "policy.yaml"))


def test_an_engine_is_one_file_and_one_line(tmp_path: Path) -> None:
    package = package_copy(tmp_path)
    assert "--engine" not in run_copy(package, "-m", "egressaudit", "audit", "--help").stdout, "there is no choice yet"
    add(package, "an engine", FILE, (ABOVE, LINE))
    assert "--engine [duckdb|spoken]" in run_copy(package, "-m", "egressaudit", "audit", "--help").stdout
    spoken, known = (run_copy(package, *AUDIT, "--engine", name, ok=(10,)) for name in ("spoken", "duckdb"))
    assert "asked for flows" in spoken.stderr
    assert _same_run(spoken.stdout) == _same_run(known.stdout)


def _same_run(report: str) -> list[str]:
    """Without the line that says which run it was."""
    return [line for line in report.splitlines() if not line.startswith("  run ")]
