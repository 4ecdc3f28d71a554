"""Bundles that somebody made to do harm, or that broke: each is refused in words that name the member."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
import zstandard
from support.bundles import SAMPLE, Members, bundled, compressed, keys, members_of, packed, refused, unpacked

from egressaudit.cli import run

LOG = "logs/000004/shop/checkout-22n4d7wv9l-7wjg2/istio-proxy.log"


def entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"x", **more: object) -> bytes:
    """A member as tarfile writes it, header and content."""
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, len(data) if kind == tarfile.REGTYPE else 0
    for key, value in more.items():
        setattr(header, key, value)
    content = data + bytes(-len(data) % 512) if kind == tarfile.REGTYPE else b""
    return header.tobuf(tarfile.GNU_FORMAT) + content


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (entry("../../etc/passwd"), "no member of one is called '../../etc/passwd'"),
        (entry("/etc/passwd"), "no member of one is called '/etc/passwd'"),
        (entry("logs/000001/../../x.log"), "no member of one is called"),
        (entry("a\x1b[2Jb"), r"no member of one is called 'a\x1b[2Jb'"),
        (entry("mesh.json", tarfile.SYMTYPE, linkname="/etc/passwd"), "mesh.json is a link"),
        (entry("report.json", tarfile.LNKTYPE, linkname="mesh.json"), "report.json is a link"),
        (entry("policy.yaml", tarfile.CHRTYPE), "policy.yaml is a device or a pipe"),
        (entry("policy.yaml", tarfile.FIFOTYPE), "policy.yaml is a device or a pipe"),
        (entry("logs", tarfile.DIRTYPE), "logs is a folder"),
        (entry("x" * 200), "is not an evidence bundle"),
        (entry("manifest.json", mode=0o4755), "the header of manifest.json is not as egressaudit writes it"),
        (entry("manifest.json", uname="root"), "the header of manifest.json is not as egressaudit writes it"),
        (entry("manifest.json", mtime=1), "the header of manifest.json is not as egressaudit writes it"),
        (entry("manifest.json", mode=0o600, size=-1), "the header of manifest.json is not as egressaudit writes it"),
        (entry("manifest.json", tarfile.GNUTYPE_SPARSE), "no member of one is called 'manifest.json'"),
        (entry("mesh.json", mode=0o600), "manifest.json is missing, mesh.json is in its place"),
        (b"", "is not an evidence bundle: manifest.json is missing"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each[:30],
)
def test_members_that_no_bundle_has_are_refused(
    first: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = compressed(tmp_path / "b.tar.zst", first + bytes(1024))
    assert words in refused(file, capsys)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.tar.zst"]


def named(members: Members, name: str) -> int:
    return [each for each, _ in members].index(name)


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: [each for each in members if each[0] != name]


def twice(name: str) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        at = named(members, name)
        return [*members[: at + 1], members[at], *members[at + 1 :]]

    return change


def more(name: str) -> Callable[[Members], Members]:
    return lambda members: [*members, (name, b"x")]


def swapped(members: Members) -> Members:
    at = named(members, "mesh.json")
    return [*members[:at], members[at + 1], members[at], *members[at + 2 :]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("manifest.json"), "manifest.json is missing, signature.json is in its place"),
        (without("SHA256SUMS"), "SHA256SUMS is missing, collection.json is in its place"),
        (without("report.json"), "report.json is missing"),
        (without(LOG), f"{LOG} is missing, leaves/000004 is in its place"),
        (without("leaves/000006"), "leaves/000006 is missing"),
        (twice("signature.json"), "SHA256SUMS is missing, signature.json is in its place"),
        (twice("mesh.json"), "mesh.json is in it twice"),
        (twice(LOG), f"{LOG} is in it twice"),
        (more("logs/000007/log.log"), "logs/000007/log.log is not one of the members that manifest.json lists"),
        (more("leaves/000006"), "leaves/000006 is in it twice"),
        (swapped, "mesh.json is missing, policy.yaml is in its place"),
    ],
)
def test_missing_and_further_members_are_named(
    signed_bundle: Path,
    change: Callable[[Members], Members],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert words in refused(packed(tmp_path / "b.tar.zst", change(members_of(signed_bundle))), capsys)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_truncated_bundle_says_where_it_ends(
    signed_bundle: Path, part: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, archive = signed_bundle.read_bytes(), unpacked(signed_bundle)
    for name, data in (("b.tar.zst", whole), ("b.tar", archive)):
        file = tmp_path / name
        file.write_bytes(data[: int(len(data) * part)])
        err = refused(file, capsys)
        assert "is broken" in err or "is not an evidence bundle" in err


def resigned(members: Members, change: Callable[[dict], object]) -> Members:
    """With another envelope, whose digest fits."""
    found = dict(members)
    envelope = json.loads(found["signature.json"])
    made = change(envelope)
    found["signature.json"] = made if isinstance(made, bytes) else json.dumps(envelope).encode()
    sums = (f"{sha256(found[name]).hexdigest()}  {name}\n" for name in ("manifest.json", "signature.json"))
    found["SHA256SUMS"] = "".join(sums).encode()
    return list(found.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda envelope: envelope["signatures"].append(envelope["signatures"][0]), "has 2 signatures"),
        (lambda envelope: envelope["signatures"].clear(), "has 0 signatures"),
        (lambda envelope: envelope.update(payload="e30="), "is of something else than manifest.json"),
        (lambda envelope: envelope.update(payloadType="text/plain"), "is of something else than manifest.json"),
        (lambda envelope: envelope.update(more=1), "is not a DSSE envelope"),
        (lambda envelope: envelope.update(signatures=5), "is not a DSSE envelope"),
        (lambda _: b"[]", "is not a DSSE envelope"),
        (lambda _: b"[" * 100_000, "is not a DSSE envelope"),
        (lambda _: b"", "is not a DSSE envelope"),
    ],
)
def test_signatures_that_are_none_are_refused_with_and_without_a_key(
    signed_bundle: Path,
    change: Callable[[dict], object],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = packed(tmp_path / "b.tar.zst", resigned(members_of(signed_bundle), change))
    assert words in refused(file, capsys)
    assert run(["bundle", "verify", str(file), "--key", str(keys(tmp_path, "k")[1])]) == 1


@pytest.mark.parametrize(
    "signature", [{}, {"keyid": 1, "sig": 2}, {"keyid": "a", "sig": "!"}, {"sig": "AAAA"}, None, "x"]
)
def test_a_signature_of_any_shape_is_none_of_the_key(
    signed_bundle: Path, signature: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = resigned(members_of(signed_bundle), lambda envelope: envelope.update(signatures=[signature]))
    file = packed(tmp_path / "b.tar.zst", members)
    assert run(["bundle", "verify", str(file), "--key", str(keys(tmp_path, "k")[1])]) in (1, 10)
    assert "bug" not in capsys.readouterr().err


def test_a_bundle_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, size = tmp_path / "b.tar.zst", 400 * 1024 * 1024
    header = tarfile.TarInfo("manifest.json")
    header.size, header.mode = size, 0o600
    packer = zstandard.ZstdCompressor(level=1)
    with file.open("wb") as out, packer.stream_writer(out) as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(400):
            stream.write(bytes(1024 * 1024))
        stream.write(bytes(1024))
    assert file.stat().st_size < 100_000
    assert "manifest.json is larger than" in refused(file, capsys)


@pytest.mark.parametrize("kind", ["none", "folder", "pipe", "log"])
def test_what_is_no_file_of_ours_is_said(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.tar.zst"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "log":
        file.write_bytes(next(SAMPLE.rglob("*.log")).read_bytes())
    words = {
        "none": "No such file",
        "folder": "it is a folder",
        "pipe": "is a pipe",
        "log": "is not an evidence bundle",
    }
    assert words[kind] in refused(file, capsys)


def test_a_hostile_name_of_a_log_is_not_the_name_of_a_member(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    log = next((SAMPLE / "shop").rglob("*.log")).read_bytes()
    for name in ("a\x1b[31m.log", "b\n.log", "'; rm -rf.log", "\u202e.log"):
        (folder / name).write_bytes(log)
    with tarfile.open(folder / "x.tar", "w") as archive:
        for name in ("shop/../../up/istio-proxy.log", "/abs/pod/istio-proxy.log", "ns/pod/istio-proxy.log"):
            header = tarfile.TarInfo(name)
            header.size = len(log)
            archive.addfile(header, BytesIO(log))
    paths = (folder, folder / "x.tar", SAMPLE)
    file = bundled(tmp_path / "b.tar.zst", "--mesh", SAMPLE / "mesh.json", paths=paths)
    names = [name for name, _ in members_of(file) if name.startswith("logs/")]
    assert [name for name in names if not name.endswith("/log.log")][:2] == [
        "logs/000005/abs/pod/istio-proxy.log",
        "logs/000006/ns/pod/istio-proxy.log",
    ]
    capsys.readouterr()
    assert run(["bundle", "verify", str(file)]) == 0
    assert run(["bundle", "show", str(file)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
