"""`audit --bundle` and `bundle verify`, as a user runs them."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.bundles import SAMPLE, bundled, compressed, keys, members_of, packed, unpacked
from support.tools import ROOT, SAMPLES

from egressaudit.cli import run
from egressaudit.evidence.collection import load_collection, parse_collection

LOG = "logs/000004/shop/checkout-22n4d7wv9l-7wjg2/istio-proxy.log"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("bundle") / "audit.tar.zst")


def verified(file: Path, *options: object) -> int:
    """The exit code; what was checked is on standard output."""
    return run(["bundle", "verify", str(file), "-o", "json", *map(str, options)])


def said(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


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


def test_a_signature_is_checked_with_the_key_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bundle: Path
) -> None:
    ours, theirs = keys(tmp_path, "ours"), keys(tmp_path, "theirs")
    file = bundled(tmp_path / "b.tar.zst", "--sign-key", ours[0])
    for key, code, signature in [(ours[1], 0, "valid"), (theirs[1], 10, "wrong"), (None, 0, "not-checked")]:
        capsys.readouterr()
        assert verified(file, *(("--key", key) if key else ())) == code
        assert said(capsys)["signature"] == signature
    capsys.readouterr()
    assert verified(bundle, "--key", ours[1]) == 3
    assert said(capsys)["standing"] == "not-proven"


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
    assert "Nothing of this was checked" in text


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


def test_without_the_extra_nothing_is_signed_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bundle: Path
) -> None:
    private, public = keys(tmp_path, "ours")
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    wish = ["audit", str(SAMPLE), "--bundle", str(tmp_path / "b.tar.zst"), "--sign-key", str(private)]
    for command in (wish, ["bundle", "verify", str(bundle), "--key", str(public)]):
        capsys.readouterr()
        assert run(command) == 2
        assert "pip install 'egressaudit[sign]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (b"", "it is no private key in PEM"),
        (b"\xff\xfe", "it is no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "it is no private key in PEM"),
        ("rsa", "is not an Ed25519 key"),
        ("password", "it has a password"),
        ("public", "it is no private key in PEM"),
    ],
)
def test_keys_that_cannot_sign_are_refused_before_anything_is_audited(
    key: bytes | str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(key if isinstance(key, bytes) else odd_key(key))
    assert run(["audit", str(SAMPLE), "--bundle", str(tmp_path / "b.tar.zst"), "--sign-key", str(file)]) == 2
    assert words in capsys.readouterr().err


def odd_key(kind: str) -> bytes:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    key = generate_private_key(65537, 2048) if kind == "rsa" else Ed25519PrivateKey.generate()
    if kind == "public":
        return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    lock = form.BestAvailableEncryption(b"x") if kind == "password" else form.NoEncryption()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)


def test_a_bundle_that_cannot_be_written_is_said_in_the_reports_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "r.json"
    assert run(["audit", str(SAMPLE), "--bundle", "/dev/full", "-o", f"json={report}", "-q"]) == 1
    assert "cannot write /dev/full: No space left on device" in capsys.readouterr().err
    found = json.loads(report.read_text())
    assert (found["outcome"], found["error"]["message"][:22]) == ("NOT_PERFORMED", "cannot write /dev/full")


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
