"""To add a format takes one file and one line: done in a copy of the package, for every command at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.additions import add, package_copy, run_copy
from support.tools import ROOT

FILE = '''\
"""The brief format: a word for each report, a line for each hop."""

from egressaudit.report.output_formats import HopRows, ReportWriter


class _Hops:
    def __init__(self, out, columns, more):
        self._out = out

    def write(self, row):
        self._out.write(f"{row['source']}:{row['line']}\\n")

    def close(self):
        """Nothing waits."""


def _write(report, out, screen):
    out.write(f"{report.outcome}\\n".encode())


def _error(message, hint):
    return f"{message}\\n".encode()


REPORT = ReportWriter(_write, _error)
HOPS = HopRows(_Hops)
'''
LINE = '    Format("brief", "brief", "brief:REPORT", "brief:REPORT", "brief:REPORT", parse="brief:HOPS"),\n'

COMMANDS = """
import sys
from egressaudit.cli import run
samples, out = sys.argv[1:]
print(run(["verify", "--replay", f"{samples}/istio-apis", "-o", "brief"]))
print(run(["audit", f"{samples}/whole-mesh", "--policy", f"{samples}/whole-mesh/policy.yaml", "-o", f"brief={out}"]))
print(run(["verify", "--replay", "nowhere", "-o", "brief"]))
print(run(["parse", f"{samples}/istio-apis", "-o", "brief"]))
print("analyzed", run(["analyze", "--mesh", f"{samples}/istio-apis/mesh.json", "-o", "brief"]))
run(["verify", "--help"])
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the file and the line."""
    package = package_copy(tmp_path_factory.mktemp("copy"))
    add(
        package,
        "a report format",
        FILE,
        ('    Format("sarif", "sarif", audit="audit_sarif:AUDIT", analyze="sarif:ANALYZE"),\n', LINE),
    )
    return package


def ran(copied: Path, *command: str) -> str:
    return run_copy(copied, *command).stdout


def test_every_command_writes_it(copied: Path, tmp_path: Path) -> None:
    said = ran(copied, "-c", COMMANDS, str(ROOT / "sample_logs"), str(tmp_path / "audit.brief")).splitlines()
    assert said[:2] == ["PASS", "0"]
    assert "10" in said
    assert (tmp_path / "audit.brief").read_text() == "FAIL\n"
    assert "nowhere does not exist" in said
    assert any(line.startswith("curl/") and line.rpartition(":")[2].isdigit() for line in said)
    assert said[said.index("analyzed 0") - 1] == "PASS"
    assert "brief" in " ".join(said[-80:])


def test_the_page_of_formats_and_the_reports_of_the_repository_have_it(copied: Path) -> None:
    shutil.copytree(ROOT / "tools", copied.parent / "tools", dirs_exist_ok=True)
    page = ran(copied, "-c", "import sys; sys.path.insert(0, 'tools'); import formats_page; print(formats_page.page())")
    assert "| `brief` | `.brief` | yes | yes | yes | yes |  |  |" in page
    suffixes = ran(copied, "-c", "import sys; sys.path.insert(0, 'tools'); import reports; print(reports.SUFFIX)")
    assert "'brief': 'brief'" in suffixes
