"""The files in a folder against the account of them: `collection.json`, or `probes.json` of a saved run.

In: an account, and the files that were read. Out: a `CollectionCheck`. Example: collection.json says 500 lines, the
file has 2, so `mismatched` names the log with both counts (EA320).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egressaudit.evidence.collection import Collection, State
from egressaudit.evidence.saved_files import COLLECTION, MESH, PROBES
from egressaudit.findings.coverage.log_files import LogFile

_PACKED = (".gz", ".zst")
"""A file may have been compressed after it was collected."""


@dataclass(frozen=True, slots=True)
class CollectionCheck:
    """How the files in a folder differ from what their account lists."""

    mismatched: tuple[tuple[str, str], ...] = ()
    """Log, and a sentence with both counts, for each file that is not what was collected."""
    unlisted: tuple[str, ...] = ()
    """Files that it does not name, by their path in the folder."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """What an account says about one file; None or '' for what it does not say."""

    path: str
    """Below the folder."""
    name: str
    """What findings call it: `namespace/pod/container`."""
    known: bool = True
    """Whether it says anything: a log that was still being copied has no figures, and nothing of it is proven."""
    lines: int | None = None
    bytes: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class FileAccount:
    """The account of a folder's files."""

    written: str
    """The file that has it: `collection.json`."""
    files: tuple[ListedFile, ...]
    beside: tuple[LogFile, ...] = ()
    """The files that it names and that aren't logs: the snapshot."""

    @classmethod
    def of_collection(cls, collection: Collection) -> FileAccount:
        """That of a window."""
        return cls(COLLECTION, tuple(_collected(collection)))

    @classmethod
    def of_saved_run(cls, digests: Mapping[str, str]) -> FileAccount:
        """That of a run of `verify`, by the SHA-256 of each file."""
        files = {name: digest for name, digest in digests.items() if name == MESH or name.endswith(".log")}
        return cls(PROBES, tuple(ListedFile(name, name.removesuffix(".log"), sha256=files[name]) for name in files))

    @property
    def hashed(self) -> bool:
        """Whether it has the checksum of any file."""
        return any(each.sha256 for each in self.files)


def check_files(account: FileAccount, logs: Iterable[LogFile]) -> CollectionCheck:
    """Compare each listed file by lines, bytes and SHA-256, as far as they are known, and find files not listed.

    `logs` have their paths below the folder.
    """
    by_path = {each.path: each for each in (*logs, *account.beside)}
    mismatched: list[tuple[str, str]] = []
    listed: set[str] = set()
    for wanted in account.files:
        names = (wanted.path + packed for packed in ("", *_PACKED))
        found = next((by_path[name] for name in names if name in by_path), None)
        if found is not None:
            listed.add(found.path)
        if wanted.known and (sentence := _difference(wanted, found, account.written)):
            mismatched.append((wanted.name, sentence))
    return CollectionCheck(tuple(mismatched), tuple(sorted(by_path.keys() - listed)))


def _collected(collection: Collection) -> Iterator[ListedFile]:
    if collection.snapshot_sha256:
        yield ListedFile(MESH, MESH, sha256=collection.snapshot_sha256)
    for log in collection.logs:
        name, known = str(log.source), log.state is not State.PENDING
        yield ListedFile(log.path, name, known, log.lines, log.bytes, log.sha256)
        before = log.previous
        if before is not None and before.state == "fetched":
            yield ListedFile(log.previous_path, name, True, before.lines, before.bytes, before.sha256)
        elif log.state is State.PENDING or (before is not None and before.state == "missing"):
            # A copy that was not finished may have left a file; where none was begun, nobody wrote one.
            yield ListedFile(log.previous_path, name, known=False)


def _difference(wanted: ListedFile, found: LogFile | None, written: str) -> str:
    """How a file differs from what its account says, '' if it does not."""
    path, figures = wanted.path, wanted.lines is not None
    if found is None:
        if not figures:
            return f"{path} is missing: {written} names it"
        missing = f"{path} is missing: {written} says that it has {wanted.lines} lines and {wanted.bytes} bytes"
        return missing if wanted.lines or wanted.bytes else ""
    if figures and (wanted.lines, wanted.bytes) != (found.lines, found.bytes):
        return (
            f"{path} has {found.lines} lines and {found.bytes} bytes, {written} says {wanted.lines} lines and "
            f"{wanted.bytes} bytes"
        )
    if wanted.sha256 and wanted.sha256.lower() != found.sha256:
        return f"{path} has SHA-256 {found.sha256}, {written} says {wanted.sha256[:64]}"
    return ""
