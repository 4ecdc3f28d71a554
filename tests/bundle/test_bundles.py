"""`audit --bundle` and `bundle verify`, as a user runs them."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support.bundles import SAMPLE, bundled, compressed, members_of, packed, said, unpacked, verified

from egressaudit.cli import run
from egressaudit.evidence.collection import load_collection, parse_collection

LOG = "logs/000004/shop/checkout-22n4d7wv9l-7wjg2/istio-proxy.log"


def test_a_bundle_is_judged_again_to_the_same_report(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert verified(bundle) == 0
    found = said(capsys)
    assert (found["standing"], found["judged_again"], found["report_outcome"]) == ("proven", "same", "FAIL")
    assert (found["logs"], found["lines"], found["altered"]) == (6, 250, [])
    assert found["signature"] == "missing"
    assert found["shown_lines_proven"] > 10


def test_a_bundle_has_what_was_read_and_reported_and_nobody_else_may_read_it(bundle: Path) -> None:
    members = dict(members_of(bundle))
    assert members["report.json"] == Path(f"{bundle}.json").read_bytes()
    assert members["policy.yaml"] == (SAMPLE / "policy.yaml").read_bytes()
    assert members["mesh.json"] == (SAMPLE / "mesh.json").read_bytes()
    assert parse_collection(members["collection.json"], "") == load_collection(SAMPLE)
    logs = {"/".join(name.split("/")[2:]): data for name, data in members.items() if name.startswith("logs/")}
    assert logs == {each.relative_to(SAMPLE).as_posix(): each.read_bytes() for each in SAMPLE.rglob("*.log")}
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def test_the_same_evidence_gives_the_same_bytes_but_for_the_run(bundle: Path, tmp_path: Path) -> None:
    again = bundled(tmp_path / "again.tar.zst")
    differing = {
        name for (name, one), (_, two) in zip(members_of(bundle), members_of(again), strict=True) if one != two
    }
    assert differing == {"manifest.json", "SHA256SUMS", "report.json"}
    one, other = (json.loads(dict(members_of(each))["report.json"]) for each in (bundle, again))
    assert one.pop("run") != other.pop("run")
    assert one == other


def test_other_programs_read_it(bundle: Path, tmp_path: Path) -> None:
    """tar, zstd and sha256sum as they come with a system; and what is unpacked can be audited."""
    if not shutil.which("zstd"):
        pytest.skip("there is no zstd")
    subprocess.run(["tar", "--zstd", "-xf", bundle, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for each in manifest["subject"]:
        assert hashlib.sha256((tmp_path / each["name"]).read_bytes()).hexdigest() == each["digest"]["sha256"]
    report = tmp_path / "again.json"
    code = run(["audit", str(tmp_path / "logs"), "--mesh", str(tmp_path / "mesh.json"), "-o", f"json={report}"])
    assert code in (3, 10)
    assert len(json.loads(report.read_text())["flows"]) > 3


@pytest.mark.parametrize("holds", ["relevant", "none"])
def test_without_all_lines_nothing_is_judged_again_and_that_is_said(
    holds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bundled(tmp_path / "b.tar.zst", "--bundle-logs", holds)
    capsys.readouterr()
    assert verified(file) == 3
    found = said(capsys)
    assert (found["standing"], found["judged_again"], found["altered"]) == ("not-proven", "not-possible", [])
    assert not [name for name, _ in members_of(file) if name.startswith("logs/")]
    assert (found["shown_lines_proven"] > 10) is (holds == "relevant")


def test_a_bundle_without_lines_has_no_line_but_those_of_the_report(tmp_path: Path) -> None:
    file = bundled(tmp_path / "b.tar.zst", "--bundle-logs", "none")
    members = dict(members_of(file))
    assert members["lines.jsonl"] == b""
    assert len(members["leaves/000004"]) == 32 * len((SAMPLE / LOG[12:]).read_bytes().splitlines())


def test_a_changed_line_is_named(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = [
        (name, data.replace(b'"GET /noise/1 ', b'"GET /noise/2 ', 1) if name == LOG else data)
        for name, data in members_of(bundle)
    ]
    capsys.readouterr()
    assert verified(packed(tmp_path / "b.tar.zst", members)) == 10
    found = said(capsys)
    assert found["altered"] == [f"{LOG} is not what was audited: line 2 was changed"]
    assert (found["standing"], found["judged_again"]) == ("altered", "not-done")


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            lambda log: b"".join(log.splitlines(keepends=True)[:-1]),
            "it has 55 lines for 56, the first that differs is 56",
        ),
        (lambda log: b"more\n" + log, "it has 57 lines for 56, the first that differs is 1"),
    ],
)
def test_lines_that_are_gone_or_were_added_are_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change, lines: str
) -> None:
    members = [(name, change(data) if name == LOG else data) for name, data in members_of(bundle)]
    capsys.readouterr()
    assert verified(packed(tmp_path / "b.tar.zst", members)) == 10
    assert said(capsys)["altered"] == [f"{LOG} is not what was audited: {lines}"]


def test_evidence_that_gives_another_report_is_found(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever changes the report and everything that is over it still has lines that say otherwise."""
    members = dict(members_of(bundle))
    old = members["report.json"]
    members["report.json"] = old.replace(b'"violations": ', b'"violations": 1', 1)
    assert members["report.json"] != old
    manifest = members["manifest.json"].replace(digest(old), digest(members["report.json"]))
    members["manifest.json"] = manifest
    members["SHA256SUMS"] = digest(manifest) + b"  manifest.json\n"
    capsys.readouterr()
    assert verified(packed(tmp_path / "b.tar.zst", list(members.items()))) == 10
    found = said(capsys)
    assert (found["standing"], found["judged_again"], found["altered"]) == ("altered", "different", [])


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def test_one_line_is_proven(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["bundle", "prove", str(bundle), f"{LOG[12:-4]}:56"]) == 0
    found = said(capsys)
    log = dict(members_of(bundle))[LOG]
    assert found["text"].encode("latin-1") == log.splitlines(keepends=True)[55]
    at, last, leaf = 55, 55, bytes.fromhex(found["leaf"])
    assert leaf == hashlib.sha256(b"\x00" + (56).to_bytes(8, "big") + found["text"].encode("latin-1")).digest()
    for each in map(bytes.fromhex, found["proof"]):
        if at == last and at % 2 == 0:
            while at % 2 == 0:
                at, last = at // 2, last // 2
        pair = each + leaf if at % 2 else leaf + each
        leaf, at, last = hashlib.sha256(b"\x01" + pair).digest(), at // 2, last // 2
    assert leaf.hex() == found["root"]
    manifest = json.loads(dict(members_of(bundle))["manifest.json"])
    assert manifest["predicate"]["logs"][3]["root"] == found["root"]


@pytest.mark.parametrize(
    ("line", "code"), [("shop/none/istio-proxy:1", 2), (f"{LOG[12:-4]}:57", 2), ("4:0", 2), ("4", 2)]
)
def test_a_line_that_is_not_there_is_not_proven(bundle: Path, line: str, code: int) -> None:
    assert run(["bundle", "prove", str(bundle), line]) == code


def test_what_a_bundle_holds_is_listed(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["bundle", "show", str(bundle)]) == 0
    text = capsys.readouterr().out
    assert "log 4  shop/checkout-22n4d7wv9l-7wjg2/istio-proxy, 56 lines" in text
    assert "None of this was checked" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bundle-logs", "all"], "--bundle-logs needs --bundle"),
        (["--sign-key", "k.pem"], "--sign-key needs --bundle"),
        (["--bundle", "no/such/b.tar.zst"], "does not exist"),
        (["--bundle", "b.tar.zst", "--sign-key", "none.pem"], "cannot read the private key"),
        (["--bundle", "b.json", "-o", "json=b.json"], "would go to the same file"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit", str(SAMPLE), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_log_that_changes_after_it_was_judged_ends_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from egressaudit.pipeline.bundling import BundleMaker

    folder, file = tmp_path / "logs", tmp_path / "b.tar.zst"
    shutil.copytree(SAMPLE, folder)
    write = BundleMaker.write

    def later(maker: BundleMaker, report: object) -> None:
        log = next((folder / "shop").rglob("*.log"))
        log.write_bytes(log.read_bytes() + b"one more\n")
        write(maker, report)

    monkeypatch.setattr(BundleMaker, "write", later)
    assert run(["audit", str(folder), "--bundle", str(file), "-q"]) == 1
    assert "is not what was audited: it changed since" in capsys.readouterr().err
    assert list(tmp_path.glob("*.zst")) == []


def test_a_run_that_fails_leaves_no_older_bundle(tmp_path: Path) -> None:
    file = tmp_path / "b.tar.zst"
    file.write_bytes(b"an older one")
    assert run(["audit", str(tmp_path), "--bundle", str(file), "--mesh", str(SAMPLE / "mesh.json")]) == 1
    assert not file.exists()


def test_a_bundle_without_compression_is_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    plain = tmp_path / "b.tar"
    plain.write_bytes(unpacked(bundle))
    assert verified(plain) == 0
    assert verified(compressed(tmp_path / "b.tar.zst", unpacked(bundle))) == 0


def test_a_bundle_that_cannot_be_written_is_said_after_the_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "r.json"
    assert run(["audit", str(SAMPLE), "--bundle", "/dev/full", "-o", f"json={report}", "-q"]) == 1
    assert "cannot write /dev/full: No space left on device" in capsys.readouterr().err
    assert json.loads(report.read_text())["error"] is None
