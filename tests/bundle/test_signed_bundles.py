"""Signatures of bundles: keys, envelopes, and the extra that they need."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.bundles import SAMPLE, bundled, keys, said, verified

from egressaudit.cli import run


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
