"""`manifest.json`: what a bundle holds, as an in-toto statement, so that tools for those can read and sign it.

The subjects are the members with their digests. The predicate says what was audited and how, and has each log's root.

In: a `BundleManifest`. Out: the bytes of `manifest.json`, and the same `BundleManifest` again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from egressaudit.errors import BadLogs
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.model import LogSource, Run

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

STATEMENT = "https://in-toto.io/Statement/v1"
"""in-toto/attestation spec/v1/statement.md."""
PREDICATE = "urn:egressaudit:bundle:1"
MANIFEST, CHECKSUMS, SIGNATURE = "manifest.json", "SHA256SUMS", "signature.json"
REPORT, LINES = "report.json", "lines.jsonl"


class BundledLines(StrEnum):
    """Which lines of the logs a bundle holds."""

    ALL = "all"
    """Every log as it was read: the bundle can be judged again."""
    RELEVANT = "relevant"
    """The lines that the report shows."""
    NONE = "none"
    """The hashes of all lines, and no line."""


@dataclass(frozen=True, slots=True)
class BundledLog:
    """One log, without compression. `root` is that of the tree over its lines; hashes are in hex.

    `path` is what its file is called in reports, `name` what its lines are; `source` is whose it is, where the path
    told; `member` is its name in an archive.
    """

    path: str
    name: str
    source: LogSource | None
    member: str
    lines: int
    bytes: int
    sha256: str
    root: str

    def without_names(self) -> BundledLog:
        """The same, without anything that says which container it is from."""
        return replace(self, path="", name="", source=None, member="")


@dataclass(frozen=True, slots=True)
class JudgedWith:
    """What an outcome may depend on beside the evidence: of `AuditSettings`, and who was trusted (`Trust.to_json`)."""

    start: datetime | None
    end: datetime | None
    fail_below: float
    engine: str
    containers: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None
    trust: Mapping[str, Any] = field(default_factory=dict)
    snapshot_sha256: str = ""
    """Of `mesh.json` as it was read; the bundle's own is trimmed, and without trust."""
    account: FileAccount | None = None
    """What the account of the files says about them."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """What was audited, and how."""

    version: str
    """The version of egressaudit that judged."""
    holds: BundledLines
    judged_with: JudgedWith
    logs: tuple[BundledLog, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Files that were not read, by the reason."""
    broken: tuple[str, ...] = ()
    """A sentence for each that broke while it was read."""
    run: Run = field(default_factory=Run)
    """The run that judged: all of the report that is not the same when it is judged again."""


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """The statement."""

    members: tuple[tuple[str, str], ...]
    """The name of each member besides the manifest and what is about it, with its SHA-256 in hex, in their order."""
    predicate: Predicate

    def to_bytes(self) -> bytes:
        """What `manifest.json` has; the same for equal manifests."""
        statement = {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in self.members],
            "predicateType": PREDICATE,
            "predicate": _adapter().dump_python(self.predicate, mode="json"),
        }
        return (json.dumps(statement, indent=1) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> BundleManifest:
        """The manifest in these bytes; BadLogs, with what is wrong, if we didn't write it."""
        from pydantic import ValidationError

        try:
            statement = json.loads(data)
            members = _subjects(statement)
            predicate = _adapter().validate_python(statement["predicate"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            where = _where(error) if isinstance(error, ValidationError) else ""
            raise BadLogs(f"manifest.json cannot be read{where}") from error
        found = cls(members, predicate)
        if found.to_bytes() != data:
            raise BadLogs("manifest.json is not as egressaudit writes it")
        return found


def _subjects(statement: Any) -> tuple[tuple[str, str], ...]:
    """Name and digest of each subject. KeyError, TypeError or ValueError for any other shape."""
    if (statement["_type"], statement["predicateType"]) != (STATEMENT, PREDICATE):
        raise BadLogs(
            f"manifest.json is no statement of the type {PREDICATE}",
            hint="Verify the bundle with the version of egressaudit that wrote it.",
        )
    return tuple((str(each["name"]), str(each["digest"]["sha256"])) for each in statement["subject"])


def _where(error: ValidationError) -> str:
    """The first place that is wrong, in words of our own."""
    return f": {'.'.join(map(str, error.errors(include_url=False, include_input=False)[0]['loc']))} is wrong"


@cache
def _adapter() -> TypeAdapter[Predicate]:
    from pydantic import TypeAdapter

    return TypeAdapter(Predicate)
