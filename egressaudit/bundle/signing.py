"""The signature over a bundle's manifest: a DSSE envelope with an in-toto statement, signed with Ed25519.

`securesystemslib` makes and checks the envelope, so that tools which know DSSE can check it too. It is in the extra
`sign`; without a signature nothing here is imported.

In: the bytes of `manifest.json` and a key in PEM. Out: the bytes of `signature.json`, or whether one fits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from egressaudit.errors import BadLogs, UsageError, why_refused
from egressaudit.given_files import read_given

if TYPE_CHECKING:
    from securesystemslib.signer import Key

PAYLOAD = "application/vnd.in-toto+json"
_LARGEST = 64 * 1024
_NONE = "signature.json is not a DSSE envelope"
_EXTRA = "Install the extra: pip install 'egressaudit[sign]'."


def signer(file: File) -> Callable[[bytes], bytes]:
    """A function that signs with the private key in a file. UsageError if it has none that can be used."""
    dsse, library = _library()
    pem = _read(file, "private key")
    try:
        key = _load(pem, private=True)
    except (ValueError, TypeError) as error:
        why = "it has a password" if isinstance(error, TypeError) else "it is no private key in PEM"
        raise UsageError(
            f"the key {file} cannot be used: {why}", hint="Make one: openssl genpkey -algorithm ed25519 -out key.pem"
        ) from error
    _check_kind(key, file)
    crypto = library.CryptoSigner(key)

    def sign(manifest: bytes) -> bytes:
        envelope = dsse.Envelope(manifest, PAYLOAD, {})
        envelope.sign(crypto)
        return (json.dumps(envelope.to_dict(), indent=1) + "\n").encode()

    return sign


def public_key(file: File) -> Key:
    """The public key in a file. UsageError if it has none that can be used."""
    _, library = _library()
    pem = _read(file, "public key")
    try:
        key = _load(pem, private=False)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"the key {file} cannot be used: it is no public key in PEM",
            hint="Make it from the private key: openssl pkey -in key.pem -pubout -out key.pub",
        ) from error
    _check_kind(key, file)
    found: Key = library.SSlibKey.from_crypto(key)
    return found


def signed_by(signature: bytes, manifest: bytes, key: Key) -> bool:
    """Whether the key made this signature of this manifest. BadLogs if it isn't an envelope with one signature."""
    from securesystemslib.exceptions import VerificationError

    check_envelope(signature, manifest)
    dsse, _ = _library()
    try:
        envelope = dsse.Envelope.from_dict(json.loads(signature))
        envelope.verify([key], 1)
    except VerificationError:
        return False
    except Exception as error:  # The library may raise anything for a hostile envelope, which then isn't one.
        raise BadLogs(_NONE) from error
    return True


def check_envelope(signature: bytes, manifest: bytes) -> None:
    """BadLogs if it isn't an envelope of this manifest with one signature. Who signed isn't checked here."""
    try:
        found: Any = json.loads(signature)
        payload, signatures = base64.b64decode(found["payload"], validate=True), found["signatures"]
        kind = found["payloadType"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadLogs(_NONE) from error
    if not isinstance(signatures, list) or len(found) != 3:
        raise BadLogs(_NONE)
    if len(signatures) != 1:
        raise BadLogs(f"signature.json has {len(signatures)} signatures, and a bundle has one")
    if payload != manifest or kind != PAYLOAD:
        raise BadLogs("signature.json is of something else than manifest.json")


def _library() -> tuple[Any, Any]:
    try:
        import cryptography  # noqa: F401
        from securesystemslib import dsse, signer
    except ImportError as error:
        raise UsageError(
            "signing needs securesystemslib and cryptography, which are not installed", hint=_EXTRA
        ) from error
    return dsse, signer


def _load(pem: bytes, *, private: bool) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    try:
        return load_pem_private_key(pem, None) if private else load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError("of no kind that is known") from error


def _check_kind(key: object, file: File) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise UsageError(
            f"the key {file} is not an Ed25519 key", hint="Make one: openssl genpkey -algorithm ed25519 -out key.pem"
        )


def _read(file: File, what: str) -> bytes:
    try:
        return read_given(file, _LARGEST)
    except OSError as error:
        raise UsageError(f"cannot read the {what} {file}: {why_refused(error)}") from error
