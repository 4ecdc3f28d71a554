"""Evidence of every kind goes into a bundle, and is judged again to the same report."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from dataclasses import fields
from pathlib import Path

import pytest
from support.bundles import SAMPLE, bundled, members_of, said, verified
from support.tools import ROOT, SAMPLES

from egressaudit.bundle.manifest import JudgedWith
from egressaudit.cli import run
from egressaudit.pipeline.joined_logs import AuditSettings


def test_logs_of_archives_rotated_logs_and_logs_of_nobody_are_judged_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths are in reports: of an archive, of compressed and broken files, of a log whose name says nothing."""
    log = next((SAMPLE / "shop").rglob("*.log"))
    folder = tmp_path / "given"
    (folder / "shop" / "cart-1").mkdir(parents=True)
    with tarfile.open(folder / "must-gather.log.tar.gz", "w:gz") as archive:
        for each in SAMPLE.rglob("*.log"):
            archive.add(each, f"must-gather/{each.relative_to(SAMPLE).as_posix()}")
        archive.add(SAMPLE / "policy.yaml", "must-gather/notes.txt")
    (folder / "shop" / "cart-1" / "istio-proxy.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    (folder / "other.log").write_bytes(log.read_bytes()[:-20])
    (folder / "broken.log.gz").write_bytes(gzip.compress(log.read_bytes())[:-40])
    (folder / "wrapped.log").write_bytes(gzip.compress(gzip.compress(b"twice\n")))
    given = (folder / "must-gather.log.tar.gz", folder, "--mesh", SAMPLE / "mesh.json")
    file = bundled(tmp_path / "b.tar.zst", paths=given)
    capsys.readouterr()
    assert verified(file) == 0, capsys.readouterr()
    report = json.loads(Path(f"{file}.json").read_text())
    assert len(report["coverage"]["broken"]) == 1
    assert report["coverage"]["skipped"]


def test_a_query_is_redacted_in_the_report_and_the_evidence_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report of a bundle is redacted as `-o json` is; judged again it is redacted the same way."""
    folder = tmp_path / "given"
    shutil.copytree(SAMPLE, folder)
    (folder / "collection.json").unlink()
    for log in folder.rglob("*.log"):
        log.write_bytes(
            log.read_bytes().replace(b'"GET / ', b'"GET /?token=s3cret ').replace(b"/noise/1 ", b"/n?t=s3cret ")
        )
    for holds, code in (("all", 0), ("relevant", 3)):
        file = bundled(tmp_path / f"{holds}.tar.zst", "--bundle-logs", holds, paths=(folder,))
        members = dict(members_of(file))
        assert b"s3cret" not in members["report.json"]
        assert b"REDACTED" in members["report.json"]
        assert b"s3cret" in members["lines.jsonl"]
        capsys.readouterr()
        assert verified(file) == code
        assert said(capsys)["altered"] == []
        shown = bundled(tmp_path / f"{holds}-none.tar.zst", "--bundle-logs", holds, "--redact", "none", paths=(folder,))
        assert b"s3cret" in dict(members_of(shown))["report.json"]
        assert verified(shown) == code


def test_with_pseudonyms_a_bundle_has_hashes_and_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = bundled(tmp_path / "b.tar.zst", "--redact", "identities,hosts,addresses")
    members = members_of(file)
    assert [name for name, _ in members][:4] == ["manifest.json", "SHA256SUMS", "lines.jsonl", "report.json"]
    assert {name.partition("/")[0] for name, _ in members[4:]} == {"leaves"}
    for name, data in members:
        for word in (b"checkout", b"egressgateway", b"docs.redhat", b"240.240.0.1", b"whole-mesh/"):
            assert word not in data, (name, word)
    capsys.readouterr()
    assert verified(file) == 3
    found = said(capsys)
    assert (found["standing"], found["judged_again"]) == ("not-proven", "not-possible")
    for holds in ("all", "relevant"):
        wish = ["--bundle", str(file), "--bundle-logs", holds, "--redact", "hosts"]
        assert run(["audit", str(SAMPLE), *wish]) == 2
        assert f"--bundle-logs {holds} holds what --redact takes out" in capsys.readouterr().err


def test_the_policy_and_the_trust_of_the_audit_judge_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trusted = ("--trust", "ztunnel=ztunnel", "--since", "2026-11-23T08:05:00Z", "--fail-coverage-below", "10%")
    file = bundled(tmp_path / "b.tar.zst", *trusted)
    capsys.readouterr()
    assert verified(file) == 0
    manifest = json.loads(dict(members_of(file))["manifest.json"])
    assert manifest["predicate"]["judged_with"]["trust"]["ztunnels"] == [{"namespace": "ztunnel"}]


def test_what_changed_since_an_earlier_report_is_not_in_the_bundle(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bundled(tmp_path / "b.tar.zst", "--baseline", f"{bundle}.json")
    assert json.loads(Path(f"{file}.json").read_text())["drift"] is not None
    assert json.loads(dict(members_of(file))["report.json"])["drift"] is None
    capsys.readouterr()
    assert verified(file) == 0


def test_a_snapshot_with_more_than_is_kept_is_trimmed_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever puts objects into mesh.json by hand does not put their secrets into the bundle."""
    saved = json.loads((SAMPLE / "mesh.json").read_bytes())
    pod = next(each for each in saved["objects"] if each["kind"] == "Pod")
    pod["metadata"].setdefault("annotations", {})["token"] = "s3cret"
    pod["spec"]["hostAliases"] = [{"ip": "s3cret"}]
    mesh = tmp_path / "mesh.json"
    mesh.write_text(json.dumps(saved))
    file = bundled(tmp_path / "b.tar.zst", "--mesh", mesh)
    members = dict(members_of(file))
    assert b"s3cret" not in members["mesh.json"]
    capsys.readouterr()
    assert run(["bundle", "verify", str(file)]) == 0
    assert "trimmed for the bundle" in capsys.readouterr().out
    digest = json.loads(members["report.json"])["made_from"]["snapshot_sha256"]
    assert digest == hashlib.sha256(mesh.read_bytes()).hexdigest()


def cri(line: bytes) -> bytes:
    """As containerd writes a long line: in two parts."""
    at = b"2026-11-23T08:05:21.535000000Z stdout "
    return at + b"P " + line[:90] + b"\n" + at + b"F " + line[90:] + b"\n"


def docker(line: bytes) -> bytes:
    row = {"log": line.decode() + "\n", "stream": "stdout", "time": "2026-11-23T08:05:21.535000000Z"}
    return json.dumps(row).encode() + b"\n"


WRAPPED = {
    "cri": cri,
    "docker": docker,
    "timestamps": lambda line: b"2026-11-23T08:05:21.535000000Z " + line + b"\n",
    "prefix": lambda line: b"[pod/checkout-22n4d7wv9l-7wjg2/istio-proxy] " + line + b"\n",
    "windows": lambda line: line + b"\r\n",
    "bytes": lambda line: line.replace(b"noise/1.0", b"noise\xff\xfe\x1b[31m") + b"\n",
}


@pytest.mark.parametrize("how", WRAPPED)
def test_logs_as_pipelines_write_them_are_judged_again_and_their_lines_proven(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "given"
    shutil.copytree(SAMPLE, folder)
    (folder / "collection.json").unlink()
    for log in folder.rglob("*.log"):
        log.write_bytes(b"".join(map(WRAPPED[how], log.read_bytes().splitlines())))
    (folder / "shop" / "none-1").mkdir()
    (folder / "shop" / "none-1" / "istio-proxy.log").write_bytes(b"")
    log = next((folder / "shop" / "checkout-22n4d7wv9l-7wjg2").rglob("*.log"))
    log.write_bytes(log.read_bytes()[:-9])
    for holds, code in (("all", 0), ("relevant", 3)):
        file = bundled(tmp_path / f"{holds}.tar.zst", "--bundle-logs", holds, paths=(folder,))
        capsys.readouterr()
        assert verified(file) == code
        found = said(capsys)
        assert (found["altered"], found["logs"]) == ([], 7)
        assert found["shown_lines_proven"] > 5
        checker = [sys.executable, str(ROOT / "checker" / "check_bundle.py"), str(file)]
        done = subprocess.run(checker, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_saved_run_of_verify_is_audited_as_a_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.tar.zst"
    assert run(["audit", str(SAMPLES / "istio-apis"), "--bundle", str(file), "-q"]) in (0, 3, 10)
    capsys.readouterr()
    assert verified(file) == 0


@pytest.mark.e2e
def test_a_live_audit_gives_a_bundle_that_is_judged_again(tmp_path: Path) -> None:
    tool, file = Path(sys.executable).parent / "egressaudit", tmp_path / "b.tar.zst"
    audit = f"{tool} audit -A --since 1m --policy {SAMPLE / 'policy.yaml'} --bundle {file} -q"
    command = [tool, "lab", "run", "--scenario", "whole-mesh", "--", "sh", "-c", f"sleep 2; {audit}"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=120).returncode == 10
    assert verified(file) == 0
    members = dict(members_of(file))
    assert "collection.json" in members
    assert json.loads(members["report.json"])["made_from"]["server"]


def test_every_setting_of_an_audit_is_in_the_bundle_or_changes_no_report() -> None:
    settings = {each.name for each in fields(AuditSettings)}
    kept = {each.name for each in fields(JudgedWith)} - {"snapshot_sha256", "account"}
    without_effect = {"memory_limit", "digest_logs", "parts", "kept", "keep"}
    assert settings == kept | {"policy"} | without_effect


def test_a_report_that_counts_by_time_is_the_same_in_the_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "h.duckdb"
    file = bundled(tmp_path / "b.tar.zst", "-o", f"html={tmp_path / 'r.html'}", "--history", history)
    capsys.readouterr()
    assert verified(file) == 0
