"""Broken or hostile saved folders and odd command lines: a clear error or a right verdict, never a stale report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.cli.output import errors_reported
from egressaudit.errors import BadLogs
from egressaudit.evidence.saved_run import load

# ---------------------------------------------------------------- redirects


def test_a_redirect_that_was_not_followed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path, "istio-apis")
    with_probes(folder, lambda probes: probes[0]["result"].update(http_code=200, redirect_url="https://evil.example/"))
    run(["verify", "--replay", str(folder)])
    assert "not followed" not in capsys.readouterr().out, "200 is no redirect"
    log = next(folder.glob("*/egress*/*.log"))
    for each in folder.glob("*/*/*.log"):
        each.write_bytes(each.read_bytes().replace(b'" 200 - via_upstream', b'" 302 - via_upstream'))
    assert log.is_file()
    with_probes(folder, lambda probes: probes[0]["result"].update(http_code=302))
    assert run(["verify", "--replay", str(folder)]) == 0
    assert "redirect to https://evil.example/ was not followed" in capsys.readouterr().out


# ---------------------------------------------------------------- saved folders


def saved(tmp_path: Path, scenario: str) -> Path:
    folder = Path(shutil.copytree(SAMPLES / scenario, tmp_path / "saved"))
    file = folder / "probes.json"
    file.write_text(json.dumps({"lines_before": {}, **json.loads(file.read_text())}))
    return folder


def with_probes(folder: Path, change: Any) -> None:
    file = folder / "probes.json"
    document = json.loads(file.read_text())
    change(document["probes"])
    file.write_text(json.dumps(document))


NOT_OURS = (None, [], {}, "", -1, 10**30, 1e400, True, ["a"], {"a": 1}, "\x1b[31m", 1.5)


@pytest.mark.parametrize("scenario", ["istio-apis", "ambient", "no-sidecar"])
def test_every_wrong_value_in_probes_json_is_a_clear_error_or_a_verdict(
    tmp_path: Path, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path, scenario)
    whole = (folder / "probes.json").read_text()
    first = json.loads(whole)["probes"][0]
    places = [(key,) for key in first] + [(part, key) for part in ("target", "result") for key in first[part]]
    for place in places:
        for value in NOT_OURS:

            def change(probes: list[dict[str, Any]], place: tuple[str, ...] = place, value: object = value) -> None:
                inner: Any = probes[0]
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = value

            (folder / "probes.json").write_text(whole)
            with_probes(folder, change)
            code = run(["verify", "--replay", str(folder)])
            said = capsys.readouterr()
            assert code in (0, 1, 3, 10), (place, value)
            assert "bug in egressaudit" not in said.err, (place, value, said.err)
            if code == 1:
                assert "probes.json" in said.err or "mesh.json" in said.err, (place, value, said.err)


def test_json_that_is_too_deep_is_a_clear_error(tmp_path: Path) -> None:
    folder = saved(tmp_path, "istio-apis")
    (folder / "mesh.json").write_text("[" * 100_000)
    with pytest.raises(BadLogs, match="cannot be read"):
        load(folder)


def test_two_probes_cannot_share_a_nonce(tmp_path: Path) -> None:
    folder = saved(tmp_path, "istio-apis")
    with_probes(folder, lambda probes: probes.append(dict(probes[0])))
    with pytest.raises(BadLogs, match="nonce"):
        load(folder)


@pytest.mark.parametrize("expect", ["gateways", "gateway=a", "gateway=no/where", "waypoint", 7, ""])
def test_an_expectation_that_cannot_be_is_the_folders_fault(
    tmp_path: Path, expect: object, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path, "istio-apis")
    document = json.loads((folder / "probes.json").read_text())
    (folder / "probes.json").write_text(json.dumps({**document, "expect": expect}))
    assert run(["verify", "--replay", str(folder)]) == 1
    assert "probes.json" in capsys.readouterr().err


def test_a_failed_audit_leaves_no_older_report_behind(tmp_path: Path) -> None:
    folder = saved(tmp_path, "istio-apis")
    report, junit = tmp_path / "report.json", tmp_path / "report.xml"
    asked = ["verify", "--replay", str(folder), "-o", f"json={report}", "-o", f"junit={junit}"]
    assert run(asked) == 0
    assert json.loads(report.read_text())["summary"]["PASS"] == 1
    (folder / "mesh.json").unlink()
    assert run(asked) == 1
    assert json.loads(report.read_text())["error"]["message"]
    assert "<error" in junit.read_text()


@pytest.mark.parametrize("ending", [KeyboardInterrupt, RuntimeError])
def test_nor_does_an_interrupted_one(tmp_path: Path, ending: type[BaseException]) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"summary": {"PASS": 1}}')
    with pytest.raises(ending), errors_reported("verify", [("json", report)]):
        raise ending
    assert json.loads(report.read_text())["summary"]["PASS"] == 0


def test_names_of_a_saved_folder_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path, "istio-apis")
    evil = "curl-\x1b[31m"
    old = next((folder / "curl").iterdir()).name
    (folder / "curl" / old).rename(folder / "curl" / evil)
    for name in ("mesh.json", "probes.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace(f'"{old}"', json.dumps(evil)).replace(f"/{old}", "/curl-\\u001b[31m"))
    assert run(["verify", "--replay", str(folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out


# ---------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("-o", "json=same", "-o", "junit=same"), 2, "same file"),
        (("-o", "json=."), 2, "is a folder"),
        (("-o", "json=no/where"), 2, "does not exist"),
        (("-o", "json", "-o", "junit"), 2, "standard output"),
        (("-o", "json=report", "-o", "junit"), 0, ""),
    ],
)
def test_reports_never_overwrite_each_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    folder = saved(tmp_path, "istio-apis")
    monkeypatch.chdir(tmp_path)
    assert run(["verify", "--replay", str(folder), *asked]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("--host", "a b"), 2, "invalid --host"),
        (("--host", "a", "--expect", "gateways"), 2, "invalid --expect"),
        (("--host", "a", "--timeout", "9" * 400 + "h"), 2, "longer than a day"),
        (("--host", "a", "--save-logs", "."), 1, "is not empty"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said_before_the_cluster_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert run(["verify", *asked, "--kubeconfig", str(tmp_path / "none")]) == code
    assert said in capsys.readouterr().err


def test_a_full_disk_behind_standard_output_is_no_bug(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code = subprocess.run(
            [sys.executable, "-m", "egressaudit", "verify", "--replay", str(saved(tmp_path, "istio-apis"))],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert code.returncode == 1
    assert b"bug in egressaudit" not in code.stderr
    assert b"standard output" in code.stderr
