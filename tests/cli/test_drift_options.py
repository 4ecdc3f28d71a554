"""`audit --baseline`: what changed, and `--fail-on new`: which exit code it gives. On the window of the samples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.whole_mesh import POLICY, SAMPLE, allowing_policy

from egressaudit.cli import run

Captured = pytest.CaptureFixture[str]


def audit(folder: Path, policy: Path, out: Path, *more: object) -> tuple[int, dict[str, Any]]:
    code = run(["audit", *map(str, (folder, "--policy", policy, "-q", "-o", f"json={out}", *more))])
    return code, json.loads(out.read_text("utf-8"))


@pytest.fixture
def allowing(tmp_path: Path) -> Path:
    return allowing_policy(tmp_path)


def rows(report: dict[str, Any]) -> list[str]:
    return [f"{each['of']} {each['change']} {each['code']}".strip() for each in report["drift"]["rows"]]


def test_the_same_again_is_no_change_and_its_violation_is_known(tmp_path: Path, capsys: Captured) -> None:
    """Also where the new report takes the place of the one that it is compared with."""
    out = tmp_path / "audit.json"
    assert audit(SAMPLE, POLICY, out)[0] == 10
    code, report = audit(SAMPLE, POLICY, out, "--baseline", out)
    assert (code, rows(report)) == (10, [])
    code, report = audit(SAMPLE, POLICY, out, "--baseline", out, "--fail-on", "new")
    assert (code, report["outcome"], report["drift"]["baseline"]) == (0, "FAIL", "audit.json")
    assert "CHANGES SINCE audit.json (none)" in capsys.readouterr().out


def test_a_violation_that_the_baseline_does_not_have_is_new(tmp_path: Path, allowing: Path) -> None:
    before, now = tmp_path / "before.json", tmp_path / "now.json"
    assert audit(SAMPLE, allowing, before)[0] == 0
    code, report = audit(SAMPLE, POLICY, now, "--baseline", before, "--fail-on", "new")
    assert code == 10
    assert rows(report) == ["finding new EA104", "flow changed", "finding gone EA202"]
    assert report["drift"]["new_violations"] == 1
    code, report = audit(SAMPLE, allowing, now, "--baseline", now, "--fail-on", "new")
    assert (code, rows(report)) == (0, ["finding new EA202", "flow changed", "finding gone EA104"])


def test_what_is_not_proven_is_never_forgiven(tmp_path: Path) -> None:
    """Known violations, and a log that is not there: 3, as if the violations were not there."""
    out, folder = tmp_path / "audit.json", tmp_path / "evidence"
    audit(SAMPLE, POLICY, out)
    shutil.copytree(SAMPLE, folder)
    for log in (folder / "curl").rglob("*.log"):
        log.unlink()
    code, report = audit(folder, POLICY, out, "--baseline", out, "--fail-on", "new")
    assert (code, report["outcome"]) == (3, "FAIL")
    assert "flow not-seen" in rows(report)
    gone = [each for each in report["drift"]["rows"] if each["change"] == "gone"]
    assert gone == []


def test_without_a_baseline_there_is_nothing_to_be_new(tmp_path: Path, capsys: Captured) -> None:
    assert run(["audit", str(SAMPLE), "--fail-on", "new"]) == 2
    assert "--fail-on new needs --baseline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 2, "no such file"),
        (b"{}", 1, "is not a report of egressaudit"),
        (b"PK\x03\x04\xff", 1, "it is not text"),
    ],
)
def test_a_baseline_that_is_none_is_an_error_in_every_report(
    tmp_path: Path, capsys: Captured, content: bytes | None, code: int, words: str
) -> None:
    baseline, out = tmp_path / "baseline.json", tmp_path / "audit.json"
    out.write_text("an earlier report", "utf-8")
    if content is not None:
        baseline.write_bytes(content)
    found, report = audit(SAMPLE, POLICY, out, "--baseline", baseline)
    assert (found, report["outcome"]) == (code, "NOT_PERFORMED")
    assert words in capsys.readouterr().err
    assert words in report["error"]["message"]
