"""Everything that is checked of a bundle.

members ─▶ log trees ─▶ shown lines ─▶ signature ─▶ judged again

In: a file, and perhaps a public key. Out: a `BundleVerdict`. Whatever cannot be checked is said, and no PASS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.bundle.bundle_verdict import BundleVerdict, Rejudged, RejudgedBundle, Signed
from egressaudit.bundle.checking import CheckedBundle, checked_bundle
from egressaudit.bundle.manifest import BundledLines
from egressaudit.bundle.proven_lines import unproven_lines
from egressaudit.bundle.signing import check_envelope, public_key, signed_by
from egressaudit.errors import BadLogs
from egressaudit.pipeline.rejudging import rejudged

if TYPE_CHECKING:
    from securesystemslib.signer import Key


def bundle_verdict(file: File, key_file: File | None, say: Callable[[str], None] = lambda _: None) -> BundleVerdict:
    """Check a bundle. BadLogs for what cannot be read as one, UsageError for a key that cannot be used."""
    say("checking the bundle")
    key = public_key(key_file) if key_file is not None else None
    bundle = checked_bundle(file)
    try:
        signed = _signed(bundle, key)
    except BadLogs as error:
        raise BadLogs(f"{file}: {error.message}", hint=error.hint) from error
    altered = list(bundle.altered)
    if not altered and bundle.holds is BundledLines.RELEVANT:
        altered += unproven_lines(bundle)
    judged = RejudgedBundle(Rejudged.NOT_DONE) if altered else rejudged(bundle, say)
    return BundleVerdict(bundle, signed, key is not None, judged, tuple(altered))


def _signed(bundle: CheckedBundle, key: Key | None) -> Signed:
    if bundle.signature is None:
        return Signed.MISSING
    if bundle.manifest is None:
        return Signed.OF_ALTERED
    if key is None:
        check_envelope(bundle.signature, bundle.manifest_bytes)
        return Signed.NOT_CHECKED
    return Signed.VALID if signed_by(bundle.signature, bundle.manifest_bytes, key) else Signed.WRONG
