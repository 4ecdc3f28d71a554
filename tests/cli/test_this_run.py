"""Two runs on the same input give the same report but for `run`, from wherever they are started."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.runs import without_run
from support.tools import SAMPLES

from egressaudit.cli import run

Captured = pytest.CaptureFixture[str]
PLACES = {"parent": "evidence", "inside": ".", "elsewhere": "{folder}", "beside": "../evidence", "link": "link"}
"""Where a run is started, and how it names the folder."""


@pytest.fixture
def places(evidence: Path) -> dict[str, Path]:
    """The folders from which the runs start; `elsewhere` is deep, so that no relative path is the same."""
    elsewhere = evidence.parent / "a" / "b"
    elsewhere.mkdir(parents=True)
    (evidence.parent / "beside").mkdir()
    (evidence.parent / "link").symlink_to(evidence)
    there = {"parent": "", "inside": "evidence", "elsewhere": "a/b", "beside": "beside", "link": ""}
    return {name: evidence.parent / path for name, path in there.items()}


def report(capsys: Captured, *command: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*command, "-o", "json", "-q"]) in (0, 3, 10)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_audits_from_different_folders_differ_only_in_their_run(
    evidence: Path, places: dict[str, Path], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(evidence)
    found = {}
    for place, path in PLACES.items():
        monkeypatch.chdir(places[place])
        named = path.format(folder=evidence)
        found[place] = report(capsys, "audit", named, "--policy", str(evidence / "policy.yaml"), "--digest-logs")
        assert found[place]["run"]["paths"] == [named]
        assert found[place]["run"]["runner"] == "files"
    assert len({each["run"]["id"] for each in found.values()}) == len(PLACES)
    assert len({json.dumps(without_run(each)) for each in found.values()}) == 1
    codes = {each["code"] for each in found["parent"]["findings"]}
    # The files with something wrong are named, and not by where the folder lies.
    assert codes >= {"EA312", "EA320", "EA321"}
    assert str(evidence) not in json.dumps(without_run(found["elsewhere"]))


def spoil(evidence: Path) -> None:
    """Damage the folder so that the report has to name files."""
    log = next(evidence.glob("egress-gateway/*/istio-proxy.log"))
    log.write_bytes(log.read_bytes()[:-200])
    shutil.copy(log, f"{log}.1")
    (evidence / "cut.log.gz").write_bytes(gzip.compress(log.read_bytes())[:-20])
    with tarfile.open(evidence / "more.log", "w") as archive:
        archive.add(log, "x/y/istio-proxy.log")


@pytest.mark.parametrize("command", [["verify", "--replay", "{sample}"], ["analyze", "--mesh", "{sample}/mesh.json"]])
def test_every_command_that_judges_says_its_run_apart(
    command: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = [each.format(sample=SAMPLES / "istio-apis") for each in command]
    before = datetime.now(UTC)
    first = report(capsys, *named)
    monkeypatch.chdir(tmp_path)
    second = report(capsys, *named)
    assert without_run(first) == without_run(second)
    assert first["run"]["id"] != second["run"]["id"] == str(uuid.UUID(second["run"]["id"]))
    assert before <= datetime.fromisoformat(first["run"]["created"]) <= datetime.now(UTC)
    assert first["run"]["paths"] == [named[-1]]


def test_a_report_that_could_not_be_made_has_no_run(tmp_path: Path, capsys: Captured) -> None:
    assert run(["audit", str(tmp_path), "-o", "json"]) != 0
    said = json.loads(capsys.readouterr().out)["run"]
    assert said.items() >= {"id": None, "created": None, "paths": [], "runner": None}.items()


# ------------------------------------------------------------ what anybody can check


def sha256sum(folder: Path) -> str:
    """The digest of the logs in a folder, by the command that the documentation shows."""
    command = "find . -name '*.log' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.split()[0]


def test_the_digests_are_those_of_sha256sum(evidence: Path, capsys: Captured) -> None:
    made = report(capsys, "audit", str(evidence), "--policy", str(evidence / "policy.yaml"), "--digest-logs")[
        "made_from"
    ]
    assert made["snapshot_sha256"] == hashlib.sha256((evidence / "mesh.json").read_bytes()).hexdigest()
    assert made["policy_sha256"] == hashlib.sha256((evidence / "policy.yaml").read_bytes()).hexdigest()
    assert made["logs_sha256"] == sha256sum(evidence)


def test_packed_logs_have_the_digest_of_the_logs_in_them(evidence: Path, tmp_path: Path, capsys: Captured) -> None:
    wanted = sha256sum(evidence)
    mesh = shutil.copy(evidence / "mesh.json", tmp_path / "mesh.json")
    archive = tmp_path / "logs.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(evidence, ".")
    for log in evidence.glob("*/*/*.log"):
        log.with_name(f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    for named in (evidence, archive):
        made = report(capsys, "audit", str(named), "--mesh", str(mesh), "--digest-logs")["made_from"]
        assert made["logs_sha256"] == wanted


def test_logs_are_not_digested_where_nobody_needs_it(evidence: Path, capsys: Captured) -> None:
    assert report(capsys, "audit", str(evidence))["made_from"]["logs_sha256"] is None


def test_a_change_of_one_byte_changes_the_digest_and_so_does_a_name(evidence: Path, capsys: Captured) -> None:
    def digest() -> str:
        return str(report(capsys, "audit", str(evidence), "--digest-logs")["made_from"]["logs_sha256"])

    seen = {digest()}
    log = next(evidence.glob("curl/*/istio-proxy.log"))
    data = bytearray(log.read_bytes())
    data[100] ^= 1
    log.write_bytes(data)
    seen.add(digest())
    os.rename(log, log.with_name("istio-proxy.log.1"))  # noqa: PTH104
    assert len({*seen, digest()}) == 3
