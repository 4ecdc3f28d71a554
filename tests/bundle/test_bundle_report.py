"""`bundle report`: the report of `audit` from a bundle alone, in any format; none from one that was altered."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from support.bundles import SAMPLE, bundled, members_of, packed
from support.oscal_reading import read, states

from egressaudit.cli import run
from egressaudit.report.output_formats import names_of


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("bundle") / "audit.tar.zst")


def reported(file: Path, *options: object) -> int:
    return run(["bundle", "report", str(file), "-q", *map(str, options)])


def test_json_is_the_report_in_the_bundle(bundle: Path, tmp_path: Path) -> None:
    assert reported(bundle, "-o", f"json={tmp_path / 'a.json'}") == 10
    assert (tmp_path / "a.json").read_bytes() == dict(members_of(bundle))["report.json"]


def test_it_has_every_format_of_audit(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(bundle, *(part for name in names_of("audit") for part in ("-o", f"{name}={tmp_path / name}"))) == 10
    assert {each.name for each in tmp_path.iterdir()} == set(names_of("audit"))
    assert states(read((tmp_path / "oscal").read_bytes()))["egressaudit-sc-7"] == ("not-satisfied", "fail")


def test_nothing_but_the_bundle_is_read(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = shutil.copy(bundle, tmp_path / "it.tar.zst")
    monkeypatch.chdir(tmp_path)
    assert reported(Path(copied)) == 10


def test_it_is_compared_with_an_earlier_report(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "earlier.json"
    assert reported(bundle, "-o", f"json={earlier}") == 10
    assert reported(bundle, "--baseline", earlier, "--fail-on", "new", "-o", f"json={tmp_path / 'now.json'}") == 0
    assert json.loads((tmp_path / "now.json").read_text())["drift"]["rows"] == []


def test_a_bundle_that_was_altered_gives_no_report(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [(name, data.replace(b"PassthroughCluster", b"PassthroughClusteR")) for name, data in members_of(bundle)]
    altered = packed(tmp_path / "altered.tar.zst", members)
    assert reported(altered, "-o", f"json={tmp_path / 'a.json'}") == 1
    assert "was altered, so it is not judged" in capsys.readouterr().err
    assert json.loads((tmp_path / "a.json").read_text())["outcome"] == "NOT_PERFORMED"


def test_a_bundle_without_all_lines_is_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    relevant = bundled(tmp_path / "audit.tar.zst", "--bundle-logs", "relevant")
    assert reported(relevant) == 2
    assert "does not hold all lines" in capsys.readouterr().err


def test_a_report_that_the_evidence_does_not_give_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever makes a bundle without a signature can write any report into it."""
    forged = with_report(bundle, tmp_path / "forged.tar.zst", b'"outcome": "FAIL"', b'"outcome": "PASS"')
    assert reported(forged) == 10
    assert "this is not the report in the bundle" in capsys.readouterr().err


ALLOWING = """  rules:
  - {name: updates, from: {namespaces: [shop]}, to: {hosts: [127.86.199.182], ports: [10080]}, via: direct}
"""


def test_a_pass_that_the_report_in_the_bundle_does_not_have_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever can replace the report can also replace the evidence, and leave the report as it was."""
    policy = tmp_path / "policy.yaml"
    policy.write_text((SAMPLE / "policy.yaml").read_text("utf-8").replace("  rules:\n", ALLOWING), "utf-8")
    honest = bundled(tmp_path / "audit.tar.zst", "--policy", policy)
    assert reported(honest) == 0
    forged = with_report(honest, tmp_path / "forged.tar.zst", b'"outcome": "PASS"', b'"outcome": "FAIL"')
    capsys.readouterr()
    assert reported(forged, "-o", f"json={tmp_path / 'a.json'}") == 1
    assert "says FAIL, and its evidence gives PASS" in capsys.readouterr().err
    assert json.loads((tmp_path / "a.json").read_text())["outcome"] == "NOT_PERFORMED"


def with_report(bundle: Path, file: Path, old: bytes, new: bytes) -> Path:
    """The bundle with something else in its report, and with all digests made to fit."""
    members = dict(members_of(bundle))
    honest = members["report.json"]
    forged = honest.replace(old, new, 1)
    manifest = members["manifest.json"].replace(digest(honest), digest(forged))
    sums = members["SHA256SUMS"].replace(digest(members["manifest.json"]), digest(manifest))
    members |= {"report.json": forged, "manifest.json": manifest, "SHA256SUMS": sums}
    return packed(file, list(members.items()))


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
