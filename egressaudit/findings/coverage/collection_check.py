"""The files in a folder against what its `collection.json` lists.

In: a collection, its folder, and the files that were read. Out: a `CollectionCheck`. Example: collection.json says 500
lines, the file has 2, so `mismatched` names the log with both counts (EA320).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as File

from egressaudit.evidence.collection import Collection, State
from egressaudit.findings.coverage.log_files import LogFile

_PACKED = (".gz", ".zst")
"""A file may have been compressed after it was collected."""


@dataclass(frozen=True, slots=True)
class CollectionCheck:
    """How the files in a folder differ from what its `collection.json` lists."""

    mismatched: tuple[tuple[str, str], ...] = ()
    """Log, and a sentence with both counts, for each file that is not what was collected."""
    unlisted: tuple[str, ...] = ()
    """Files that it does not name, by their path in the folder."""


def check_collection(collection: Collection, folder: File, files: Iterable[LogFile]) -> CollectionCheck:
    """Compare each listed file by lines, bytes and SHA-256 (where there is one), and find files that are not listed.

    A log that was still being copied when the collection ended has no counts: nothing of it is proven anyway.
    """
    by_path = {each.path: each for each in files}
    mismatched: list[tuple[str, str]] = []
    listed: set[str] = set()
    for path, name, wanted in _listed_files(collection):
        place = (folder / path).as_posix()
        found = next((by_path[place + packed] for packed in ("", *_PACKED) if place + packed in by_path), None)
        if found is not None:
            listed.add(found.path)
        if wanted is not None and (sentence := _difference(wanted, found, path)):
            mismatched.append((name, sentence))
    return CollectionCheck(
        tuple(mismatched), tuple(sorted(path.removeprefix(f"{folder.as_posix()}/") for path in by_path.keys() - listed))
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """What `collection.json` says about one file."""

    lines: int
    bytes: int
    sha256: str


def _listed_files(collection: Collection) -> Iterator[tuple[str, str, _Counts | None]]:
    for log in collection.logs:
        counts = None if log.state is State.PENDING else _Counts(log.lines, log.bytes, log.sha256)
        yield log.path, str(log.source), counts
        before = log.previous
        if before is not None and before.state == "fetched":
            yield log.previous_path, str(log.source), _Counts(before.lines, before.bytes, before.sha256)
        else:
            # A copy that was not finished may have left a file.
            yield log.previous_path, str(log.source), None


def _difference(wanted: _Counts, found: LogFile | None, path: str) -> str:
    """How a file differs from what was collected, '' if it does not."""
    if found is None:
        missing = f"{path} is missing: collection.json says that it has {wanted.lines} lines and {wanted.bytes} bytes"
        return missing if wanted.lines or wanted.bytes else ""
    if (wanted.lines, wanted.bytes) != (found.lines, found.bytes):
        return (
            f"{path} has {found.lines} lines and {found.bytes} bytes, collection.json says {wanted.lines} lines and "
            f"{wanted.bytes} bytes"
        )
    if wanted.sha256 and wanted.sha256.lower() != found.sha256:
        return f"{path} has SHA-256 {found.sha256}, collection.json says {wanted.sha256[:64]}"
    return ""


def hashes(collection: Collection | None) -> bool:
    """Whether a collection has the checksum of any file."""
    logs = collection.logs if collection else ()
    return any(log.sha256 or (log.previous is not None and log.previous.sha256) for log in logs)
