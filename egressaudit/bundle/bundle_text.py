"""What was checked of a bundle, for a person and for a program; and what a bundle says it holds.

In: a `BundleVerdict`. Out: text, e.g. `PROVEN  audit.tar.zst` and a line for each check; or a JSON document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from egressaudit.bundle.bundle_verdict import BundleStanding, BundleVerdict, Rejudged, Signed
from egressaudit.bundle.checking import CheckedBundle
from egressaudit.bundle.manifest import REPORT, BundledLines, BundleManifest
from egressaudit.evidence.saved_files import MESH
from egressaudit.mesh.untyped import table, text
from egressaudit.report.safe import printable
from egressaudit.times import rfc3339

_SHOWN = 20
_CELL = 200
_HEADS = {BundleStanding.PROVEN: "PROVEN", BundleStanding.NOT_PROVEN: "NOT PROVEN", BundleStanding.ALTERED: "ALTERED"}
_SIGNED = {
    Signed.VALID: "valid: signed with the key that you named",
    Signed.WRONG: "WRONG: the key that you named did not sign this manifest",
    Signed.NOT_CHECKED: "not checked: name the public key with --key",
    Signed.OF_ALTERED: "not checked: it was altered, or the manifest was",
    Signed.MISSING: "none: nothing proves who made this bundle",
}
_REJUDGED = {
    Rejudged.SAME: "the same report, byte for byte",
    Rejudged.DIFFERENT: "ANOTHER report: this evidence does not give the report in the bundle",
    Rejudged.OTHER_VERSION: "another report, but another version of egressaudit made the bundle: use that version",
    Rejudged.NOT_POSSIBLE: "not possible: the bundle does not have all lines",
    Rejudged.NOT_DONE: "not done: what was altered is not judged",
}
_LINES = {
    BundledLines.ALL: "all lines of each log lead to its root",
    BundledLines.RELEVANT: "the bundle has the lines that the report shows, and no others",
    BundledLines.NONE: "the bundle has no lines; the hashes of all lines lead to the roots",
}


def verdict_text(verdict: BundleVerdict) -> str:
    """The verdict, and a line for each thing that was checked."""
    return "".join(f"{each}\n" for each in _text(verdict))


def _text(verdict: BundleVerdict) -> Iterator[str]:
    bundle = verdict.bundle
    yield f"{_HEADS[verdict.standing]}  {printable(str(bundle.file))}"
    if bundle.manifest is not None:
        yield f"  made         by egressaudit {printable(bundle.manifest.predicate.version)}{_when(bundle.manifest)}"
        yield f"  report       says {reported_outcome(bundle) or 'nothing readable'}"
        yield f"  members      {len(bundle.manifest.members)}, {_intact(verdict)}"
        yield f"  logs         {len(bundle.logs)} with {bundle.lines} lines: {_LINES[bundle.holds]}"
        yield f"  shown lines  {len(bundle.proven)} proven to be lines of these logs"
    if (manifest := bundle.manifest) is not None and (note := _rewritten(bundle, manifest)):
        yield note
    yield f"  signature    {_SIGNED[verdict.signed]}"
    yield f"  judged again {_REJUDGED[verdict.judged.result]}"
    for each in verdict.altered[:_SHOWN]:
        yield f"  ALTERED      {printable(each)}"
    if len(verdict.altered) > _SHOWN:
        yield f"  ALTERED      ... and {len(verdict.altered) - _SHOWN} more"
    if verdict.judged.said != verdict.judged.found:
        yield f"    in the bundle: {printable(verdict.judged.said, _CELL)}"
        yield f"    judged again:  {printable(verdict.judged.found, _CELL)}"


def reported_outcome(bundle: CheckedBundle) -> str:
    """The outcome that the report in a bundle states, '' if it states none."""
    try:
        return printable(text(table(json.loads(bundle.files.get(REPORT, b""))).get("outcome")), _CELL)
    except (ValueError, RecursionError):
        return ""


def _rewritten(bundle: CheckedBundle, manifest: BundleManifest) -> str:
    """What to say where the snapshot in the bundle is not byte for byte the file that was audited with."""
    said, mesh = manifest.predicate.judged_with.snapshot_sha256, bundle.files.get(MESH)
    if not said or mesh is None or hashlib.sha256(mesh).hexdigest() == said:
        return ""
    return "  snapshot     trimmed for the bundle; the digest in the report is that of the original file"


def _intact(verdict: BundleVerdict) -> str:
    return "all as in the manifest" if not verdict.altered else "not all as in the manifest"


def _when(manifest: BundleManifest) -> str:
    created = manifest.predicate.run.created
    return f", {rfc3339(created, 'seconds')}" if created else ""


def verdict_document(verdict: BundleVerdict) -> dict[str, Any]:
    """The same for a program."""
    bundle = verdict.bundle
    return {
        "file": printable(str(bundle.file)),
        "standing": verdict.standing,
        "report_outcome": reported_outcome(bundle),
        "altered": [printable(each) for each in verdict.altered],
        "holds": bundle.holds if bundle.manifest else None,
        "logs": len(bundle.logs),
        "lines": bundle.lines,
        "shown_lines_proven": len(bundle.proven),
        "signature": verdict.signed,
        "judged_again": verdict.judged.result,
    }


def shown_bundle(bundle: CheckedBundle) -> dict[str, Any]:
    """What a bundle says it holds, for a program."""
    manifest = bundle.manifest
    if manifest is None:
        return {"file": printable(str(bundle.file)), "altered": [printable(each) for each in bundle.altered]}
    return {
        "file": printable(str(bundle.file)),
        "version": printable(manifest.predicate.version),
        "holds": manifest.predicate.holds,
        "signed": bundle.signature is not None,
        "members": [{"name": name, "sha256": printable(digest)} for name, digest in manifest.members],
        "logs": [
            {
                "number": number,
                "name": printable(log.name),
                "path": printable(log.path),
                "lines": log.lines,
                "bytes": log.bytes,
                "root": printable(log.root),
            }
            for number, log in enumerate(bundle.logs, start=1)
        ],
    }


def listing(bundle: CheckedBundle) -> str:
    """The same for a person: a line for each log."""
    shown = shown_bundle(bundle)
    if bundle.manifest is None:
        return "".join(f"ALTERED  {each}\n" for each in shown["altered"])
    signed = "signed" if shown["signed"] else "not signed"
    rows = [f"{shown['file']}: {len(shown['members'])} members, {signed}, made by egressaudit {shown['version']}"]
    rows += [f"  {name}" for name, _ in bundle.manifest.members if not name.startswith(("logs/", "leaves/"))]
    rows += [
        f"  log {number}  {printable(log.name) or '(name replaced)'}, {log.lines} lines, {log.bytes} bytes, "
        f"root {printable(log.root)}"
        for number, log in enumerate(bundle.logs, start=1)
    ]
    rows.append("None of this was checked; `egressaudit bundle verify` checks it.")
    return "".join(f"{each}\n" for each in rows)
