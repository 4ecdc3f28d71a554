"""A bundle judged again, from what it holds and nothing else.

In: a `CheckedBundle` with all lines. Out: the report that its evidence gives today, to be compared byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from egressaudit import __version__
from egressaudit.bundle.bundle_verdict import Rejudged, RejudgedBundle
from egressaudit.bundle.bundled_logs import BundledLogs
from egressaudit.bundle.checking import CheckedBundle
from egressaudit.bundle.manifest import MANIFEST, REPORT, BundledLines, BundleManifest
from egressaudit.errors import BadLogs
from egressaudit.evidence.collection import parse_collection
from egressaudit.evidence.saved_files import COLLECTION, MESH, POLICY
from egressaudit.join.engines import ENGINES
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.bundling import report_bytes
from egressaudit.pipeline.joined_logs import AuditSettings, KeptEvidence
from egressaudit.policy.loading import parse_policy
from egressaudit.report.redaction import Level, Redaction, redacted


def rejudged(bundle: CheckedBundle, say: Callable[[str], None] = lambda _: None) -> RejudgedBundle:
    """Judge a bundle again. BadLogs or UsageError if what it holds cannot be judged at all."""
    manifest = bundle.manifest
    if bundle.altered or manifest is None:
        return RejudgedBundle(Rejudged.NOT_DONE)
    if bundle.holds is not BundledLines.ALL:
        return RejudgedBundle(Rejudged.NOT_POSSIBLE)
    wanted, found = bundle.files[REPORT], report_bytes(judged_again(bundle, manifest, say))
    if wanted == found:
        return RejudgedBundle(Rejudged.SAME)
    said, now = _first_difference(wanted, found)
    made_here = manifest.predicate.version == __version__
    return RejudgedBundle(Rejudged.DIFFERENT if made_here else Rejudged.OTHER_VERSION, said, now)


def judged_again(bundle: CheckedBundle, manifest: BundleManifest, say: Callable[[str], None]) -> AuditReport:
    """The report on the logs of a bundle, as it was shown. Raises as `rejudged`."""
    asked, policy = manifest.predicate.judged_with, bundle.files.get(POLICY)
    try:
        trust = Trust.from_json(asked.trust)
    except ValueError as error:
        raise BadLogs(f"{bundle.file}: the trust in {MANIFEST} cannot be read") from error
    mesh = Mesh.from_json(_object(bundle.files[MESH], f"{bundle.file}: {MESH}"), trust)
    mesh = replace(mesh, digest=asked.snapshot_sha256)
    held = bundle.files.get(COLLECTION)
    collection = None if held is None else parse_collection(held, f"{bundle.file}: {COLLECTION}")
    levels = frozenset(each for each in Level if each in manifest.predicate.run.redacted)
    if asked.engine not in ENGINES:
        raise BadLogs(f"{bundle.file} was judged with the engine {asked.engine!r}, which is not known here")
    settings = AuditSettings(
        policy=None if policy is None else parse_policy(policy, f"{bundle.file}: {POLICY}"),
        start=asked.start,
        end=asked.end,
        fail_below=asked.fail_below,
        containers=frozenset(asked.containers),
        namespaces=None if asked.namespaces is None else frozenset(asked.namespaces),
        trust=trust,
        engine=asked.engine,
        digest_logs=True,
        kept=KeptEvidence(BundledLogs(bundle.file, manifest.predicate), asked.account),
    )
    report = audit_window((str(bundle.file),), mesh, settings, collection, say)
    run = manifest.predicate.run
    return redacted(replace(report, run=run), Redaction(levels))


def _object(data: bytes, name: str) -> dict[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadLogs(f"{name} is not JSON") from error
    if not isinstance(found, dict):
        raise BadLogs(f"{name} does not hold a JSON object")
    return found


def _first_difference(wanted: bytes, found: bytes) -> tuple[str, str]:
    ours, theirs = found.split(b"\n"), wanted.split(b"\n")
    at = next((n for n, (one, two) in enumerate(zip(theirs, ours, strict=False)) if one != two), 0)
    return theirs[at].decode("utf-8", "replace"), ours[at].decode("utf-8", "replace")
