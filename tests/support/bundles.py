"""Bundles to be damaged: made of a sample by the command line, taken apart, and put together again.

In: a folder of evidence. Out: a bundle's members, e.g. `[("manifest.json", b"{...")]`, and a bundle of such members.
"""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zstandard

from egressaudit.bundle.archive_format import whole, write_archive
from egressaudit.cli import run
from support.whole_mesh import SAMPLE

Members = list[tuple[str, bytes]]


def bundled(file: Path, *options: object, paths: tuple[object, ...] = (SAMPLE,)) -> Path:
    """A bundle of the sample, or of other paths."""
    policy = ("--policy", SAMPLE / "policy.yaml")
    code = run([*map(str, ("audit", *paths, *policy, "--bundle", file, "-o", f"json={file}.json", "-q", *options))])
    assert code in (0, 3, 10), code
    return file


def members_of(file: Path) -> Members:
    """The members, as another program reads them."""
    data = unpacked(file)
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        return [(each.name, archive.extractfile(each).read()) for each in archive.getmembers()]  # type: ignore[union-attr]


def unpacked(file: Path) -> bytes:
    """The archive without its compression."""
    with file.open("rb") as stream:
        return zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read()


def packed(file: Path, members: Members) -> Path:
    """A bundle of these members, whatever they are."""
    with file.open("wb") as out:
        write_archive(out, (whole(name, data) for name, data in members))
    return file


def compressed(file: Path, archive: bytes) -> Path:
    """An archive as a file."""
    file.write_bytes(zstandard.ZstdCompressor(level=1, write_checksum=True).compress(archive))
    return file


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A private and its public key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def verified(file: Path, *options: object) -> int:
    """The exit code; what was checked is on standard output."""
    return run(["bundle", "verify", str(file), "-o", "json", *map(str, options)])


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a command wrote as JSON."""
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Why a file is refused: exit code 1, on standard error."""
    capsys.readouterr()
    assert run(["bundle", "verify", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "\x1b" not in err
    return err
