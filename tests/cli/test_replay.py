"""`verify --replay DIR`: a saved run judged again, and an error that helps for everything that is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.runs import without_its_name, without_run
from support.tools import SAMPLES

from egressaudit.cli import run

SAVED = SAMPLES / "istio-apis"
NOTE = "note: use `egressaudit verify --replay DIR` to judge a saved run of verify"

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("scenario", "code"), [("istio-apis", 0), ("redirect-escapes", 10), ("logging-off", 3)])
def test_the_old_spelling_gives_the_same_reports_and_one_line_on_the_new_one(
    scenario: str, code: int, tmp_path: Path, capsys: Captured
) -> None:
    said = {}
    for name, command in {"new": ["verify", "--replay"], "old": ["audit"]}.items():
        files = {each: tmp_path / f"{name}.{each}" for each in ("json", "junit")}
        outputs = [word for each, file in files.items() for word in ("-o", f"{each}={file}")]
        assert run([*command, str(SAMPLES / scenario), "-q", *outputs]) == code
        captured = capsys.readouterr()
        said[name] = (
            *(without_its_name(each) for each in (captured.out, files["junit"].read_text("utf-8"))),
            without_run(files["json"].read_bytes()),
        )
        notes = captured.err.splitlines()
        assert [each.startswith(NOTE) for each in notes] == ([] if name == "new" else [True])
    assert said["old"] == said["new"]


def test_an_audit_of_a_saved_run_as_a_window_has_no_note(capsys: Captured) -> None:
    run(["audit", str(SAVED), "--since", "2026-11-23T00:00:00Z", "-o", "json", "-q"])
    captured = capsys.readouterr()
    assert NOTE not in captured.err
    assert "flows" in json.loads(captured.out)


@pytest.mark.parametrize(
    ("expect", "code"), [("gateway", 0), ("gateway=egress-gateway/egressgateway", 0), ("direct", 10), ("blocked", 10)]
)
def test_another_expectation_counts_instead_of_the_saved_one(expect: str, code: int, capsys: Captured) -> None:
    assert run(["verify", "--replay", str(SAVED), "--expect", expect, "-o", "json"]) == code
    [verdict] = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["path_seen"] == "via-gateway"


@pytest.mark.parametrize("expect", ["gateways", "gateway=no/where"])
def test_an_expectation_that_cannot_be_is_the_command_lines_fault(expect: str, capsys: Captured) -> None:
    assert run(["verify", "--replay", str(SAVED), "--expect", expect]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_another_trust_counts_instead_of_the_saved_one(capsys: Captured) -> None:
    assert run(["verify", "--replay", str(SAVED), "--trust", "gateway=no/where"]) == 3
    assert "PASS" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--host", "a.example"], "--host does not go with --replay"),
        (["--from", "deploy/curl"], "--from does not"),
        (["-l", "app=curl"], "--selector does not"),
        (["--save-logs", "again"], "--save-logs does not"),
        (["--kubeconfig", "file"], "--kubeconfig does not"),
        (["-n", "curl", "--timeout", "30s", "--as", "me"], "--timeout, --namespace and --as do not"),
    ],
)
def test_options_of_a_live_run_are_refused(more: list[str], said: str, capsys: Captured) -> None:
    assert run(["verify", "--replay", str(SAVED), *more]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_what_the_environment_says_for_live_runs_is_no_fault(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("EGRESSAUDIT_VERIFY_TIMEOUT", "10s")
    assert run(["verify", "--replay", str(SAVED)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "what", "reader"),
    [
        ("sample_logs/whole-mesh", "the collected logs of a window", "`egressaudit audit sample_logs/whole-mesh`"),
        ("sample_logs/istio-apis/curl", "neither probes.json nor mesh.json", "--mesh mesh.json` audits them"),
        ("sample_logs/istio-apis/mesh.json", "it is a mesh snapshot", "`egressaudit audit LOGS --mesh"),
        ("sample_logs/istio-apis/probes.json", "a file of a saved run", "--replay sample_logs/istio-apis"),
        ("sample_logs", "20 saved runs", "Name one: --replay sample_logs/ambient"),
        ("README.md", "it is a file", "`egressaudit audit README.md"),
        ("docs", "neither probes.json nor logs", "`verify --save-logs` wrote"),
        ("nowhere", "does not exist", "`verify --save-logs` wrote"),
    ],
)
def test_what_is_no_saved_run_is_named_with_the_command_that_reads_it(
    path: str, what: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(SAMPLES.parent)
    report = tmp_path / "report.json"
    assert run(["verify", "--replay", path, "-o", f"json={report}"]) == 2
    captured = capsys.readouterr()
    assert what in captured.err
    assert reader in captured.err
    assert json.loads(report.read_text())["error"]["message"]


def test_a_snapshot_with_logs_is_for_audit(tmp_path: Path, capsys: Captured) -> None:
    folder = Path(shutil.copytree(SAVED, tmp_path / "logs"))
    (folder / "probes.json").unlink()
    assert run(["verify", "--replay", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "a snapshot and logs, but no probes.json" in said
    assert f"`egressaudit audit {folder}`" in said
