"""The members of a bundle, from what an audit read and what it reported.

In: `Contents`. Out: the members in their order, first the manifest, e.g. `manifest.json`, `SHA256SUMS`,
`mesh.json`, `report.json`, `lines.jsonl`, `logs/000001/shop/cart-1/istio-proxy.log`, `leaves/000001`. The logs are read
again for it; one that is no longer what was judged ends it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from egressaudit.bundle.archive_format import NAME, Member, whole
from egressaudit.bundle.log_digests import DigestedLog, LogDigest, leaf_bytes
from egressaudit.bundle.manifest import (
    CHECKSUMS,
    LINES,
    MANIFEST,
    REPORT,
    SIGNATURE,
    BundledLines,
    BundledLog,
    BundleManifest,
    JudgedWith,
    Predicate,
)
from egressaudit.bundle.shown_proofs import numbers_of, proven, shown
from egressaudit.errors import OutputFailed
from egressaudit.evidence.saved_files import COLLECTION, MESH, POLICY
from egressaudit.model import AuditReport
from egressaudit.sources import Origin, Sources

_CHUNK = 1024 * 1024
_LONGEST = 100
"""Bytes of a name that a plain tar header has room for."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle."""

    version: str
    holds: BundledLines
    judged_with: JudgedWith
    logs: tuple[DigestedLog, ...]
    sources: Callable[[], Sources]
    """The same logs, to be read again."""
    report: AuditReport
    report_bytes: bytes
    """The report as JSON."""
    mesh: bytes | None
    policy: bytes | None = None
    collection: bytes | None = None
    sign: Callable[[bytes], bytes] | None = None
    """Makes of the manifest's bytes the signature's."""

    def without_names(self) -> Contents:
        """The same without what has names that the report replaces: digests, roots and the report are left."""
        asked = self.judged_with
        return replace(
            self,
            judged_with=JudgedWith(asked.start, asked.end, asked.fail_below, asked.engine),
            logs=tuple(replace(each, log=each.log.without_names()) for each in self.logs),
            mesh=None,
            policy=None,
            collection=None,
        )


def members(contents: Contents) -> Iterator[Member]:
    """All members. OutputFailed if a log is not what was judged."""
    logs = [each.log for each in contents.logs]
    rows = b"".join(_rows(contents, logs))
    files = {
        COLLECTION: contents.collection,
        LINES: rows,
        MESH: contents.mesh,
        POLICY: contents.policy,
        REPORT: contents.report_bytes,
    }
    plain = {name: data for name, data in files.items() if data is not None}
    listed = [(name, hashlib.sha256(data).hexdigest()) for name, data in plain.items()]
    for number, each in enumerate(contents.logs, start=1):
        listed += _of_log(contents.holds, number, each)
    coverage = contents.report.coverage
    manifest = BundleManifest(
        tuple(listed),
        Predicate(
            version=contents.version,
            holds=contents.holds,
            judged_with=contents.judged_with,
            logs=tuple(logs),
            skipped=dict(sorted(coverage.skipped.items())),
            broken=coverage.broken,
            run=contents.report.run,
        ),
    ).to_bytes()
    signature = contents.sign(manifest) if contents.sign else None
    yield whole(MANIFEST, manifest)
    if signature is not None:
        yield whole(SIGNATURE, signature)
    yield whole(CHECKSUMS, checksums(manifest, signature))
    for name, data in plain.items():
        yield whole(name, data)
    if contents.holds is not BundledLines.RELEVANT:
        yield from _logs(contents)


def checksums(manifest: bytes, signature: bytes | None) -> bytes:
    """What `SHA256SUMS` has: the digests of the two members that the manifest cannot list, for `sha256sum -c`."""
    found = [(MANIFEST, manifest), *([(SIGNATURE, signature)] if signature is not None else [])]
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in found).encode()


def log_member(number: int, origin: Origin) -> str:
    """What a log's member is called: with the path that every audit recognizes, where that fits and is known."""
    named = f"logs/{number:06}/{origin.source}.log"
    fits = origin.source is not None and len(named) <= _LONGEST and NAME.fullmatch(named)
    return named if fits else f"logs/{number:06}/log.log"


def leaves_member(number: int) -> str:
    """What the member with the hashes of a log's lines is called."""
    return f"leaves/{number:06}"


def _of_log(holds: BundledLines, number: int, each: DigestedLog) -> list[tuple[str, str]]:
    """The members of one log, with their digests."""
    hashes = [(leaves_member(number), each.leaves)] if leaf_bytes(holds) else []
    return [(log_member(number, each.origin), each.log.sha256), *hashes] if holds is BundledLines.ALL else hashes


def _rows(contents: Contents, logs: list[BundledLog]) -> Iterator[bytes]:
    if contents.holds is BundledLines.NONE:
        return
    evidence = ((each.source, each.line) for each in shown(contents.report))
    wanted = numbers_of(evidence, logs)
    for number, (_, stream) in enumerate(contents.sources().contents(), start=1):
        if number in wanted:
            for line in proven(number, wanted[number], stream):
                yield line.to_json()


def _logs(contents: Contents) -> Iterator[Member]:
    again = contents.sources().contents()
    for number, each in enumerate(contents.logs, start=1):
        there, stream = next(again, (None, None))
        if stream is None or there != each.origin:
            raise _changed(each.origin.path)
        size, hashes = leaf_bytes(contents.holds), bytearray()
        pieces = _read(stream, each, size, hashes)
        if contents.holds is BundledLines.ALL:
            yield Member(log_member(number, each.origin), each.log.bytes, pieces)
        else:
            for _ in pieces:
                pass
        yield whole(leaves_member(number), bytes(hashes))


def _read(stream: BinaryIO, log: DigestedLog, size: int, hashes: bytearray) -> Iterator[bytes]:
    """The pieces of a log, whose lines' hashes go into `hashes`; OutputFailed if it is not what was judged."""
    account = LogDigest(size)
    while piece := stream.read(_CHUNK):
        hashes += account.add(piece)
        yield piece
    hashes += account.end()
    if (account.content.hexdigest(), account.leaves.hexdigest()) != (log.log.sha256, log.leaves):
        raise _changed(log.origin.path)


def _changed(path: str) -> OutputFailed:
    return OutputFailed(
        f"{path} is not what was audited: it changed since", hint="Audit logs that nobody writes to, such as a copy."
    )
