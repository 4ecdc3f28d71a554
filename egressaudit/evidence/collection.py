"""`collection.json`, the one place where it is written and read: what each log of a window covers, and what it lacks.

In: a `Collection`. Out: the file beside the logs, and the same `Collection` again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Literal

from egressaudit.errors import BadLogs, why_refused
from egressaudit.evidence.saved_files import COLLECTION, has_names, log_path
from egressaudit.given_files import read_given
from egressaudit.model import LogSource
from egressaudit.whole_file import replace_file

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

SCHEMA_VERSION = 1


class State(StrEnum):
    """What became of one log."""

    COMPLETE = "complete"
    """Every line of the window that the container wrote, through all of its runs."""
    PARTIAL = "partial"
    """Lines of the window are missing; the reason says which."""
    VANISHED = "vanished"
    """The pod was gone before its log was read to the end."""
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    """Not read, or not to its end, after all attempts."""
    PENDING = "pending"
    """Not read to the end when the collection ended: it was interrupted or killed."""


@dataclass(frozen=True, slots=True)
class PreviousLog:
    """The log of the container's run before its last restart, if that run reached into the window."""

    state: Literal["fetched", "missing", "not-asked"]
    lines: int = 0
    bytes: int = 0
    first_time: datetime | None = None
    last_time: datetime | None = None
    sha256: str = ""
    """Of the file, in hex; '' if there is no file, and in collections of versions that did not write it."""


@dataclass(frozen=True, slots=True)
class CollectedLog:
    """One log. Times of lines are the node's stamps, in UTC; `lines`, `bytes` and `sha256` are of the file."""

    source: LogSource
    state: State = State.PENDING
    reason: str = ""
    """Why it is not complete, one sentence for each cause."""
    first_time: datetime | None = None
    last_time: datetime | None = None
    log_begins: datetime | None = None
    """The stamp of the first line that the node still had of this run, in the window or before."""
    covered_from: datetime | None = None
    """From here to `covered_to` no line is missing: silence in between is silence. None if nothing is proven."""
    covered_to: datetime | None = None
    lines: int = 0
    bytes: int = 0
    container_started_at: datetime | None = None
    restart_count: int = 0
    rotated: bool = False
    """The node had dropped lines of the window: of rotated logs only the newest file is served."""
    truncated: bool = False
    """Cut off at the most bytes that were to be kept, or lines left out that are too long."""
    previous: PreviousLog | None = None
    sha256: str = ""
    """Of the file, in hex; '' if there is no file, and in collections of versions that did not write it."""

    @property
    def path(self) -> str:
        """Where its lines are below the folder."""
        return log_path(self.source)

    @property
    def previous_path(self) -> str:
        """Where the lines of the run before are, if they were fetched."""
        return log_path(self.source, previous=True)


@dataclass(frozen=True, slots=True)
class Collection:
    """All logs of a window that were to be collected. `since` None is from the beginning of each log."""

    since: datetime | None
    until: datetime
    collected_at: datetime
    context: str
    logs: tuple[CollectedLog, ...]
    finished: datetime | None = None
    """When the last log was done; None if the collection was interrupted or killed."""
    notes: tuple[str, ...] = ()
    """What a reader must know about the snapshot, e.g. kinds that were not allowed to be read."""
    snapshot_sha256: str = ""
    """Of `mesh.json`, in hex; '' in collections of versions that did not write it."""
    schema_version: Literal[1] = 1


@cache
def _adapter() -> TypeAdapter[Collection]:
    # Import here: `verify` imports this package too, and needs no pydantic.
    from pydantic import TypeAdapter

    return TypeAdapter(Collection)


def save_collection(collection: Collection, folder: File) -> None:
    """Write `collection.json` in one step: a reader finds the old one or the new one, whole. OSError."""
    replace_file(folder / COLLECTION, collection_bytes(collection))


def collection_bytes(collection: Collection) -> bytes:
    """What `collection.json` has; the same for equal collections."""
    return _adapter().dump_json(collection, indent=1) + b"\n"


def load_collection(folder: File) -> Collection | None:
    """The collection in a folder, None if it holds none; BadLogs where `collection.json` is broken or not ours."""
    file = folder / COLLECTION
    try:
        data = read_given(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {why_refused(error)}") from error
    return parse_collection(data, str(file))


def parse_collection(data: bytes, file: str) -> Collection:
    """The collection in a file's bytes; BadLogs, with the file's name, where it is broken or not ours."""
    from pydantic import ValidationError

    try:
        collection = _adapter().validate_json(data)
    except ValidationError as error:
        raise BadLogs(
            f"{file} is not a collection that this version reads: {_why_not(error)}",
            hint="Collect the window again, or audit the folder with the version of egressaudit that wrote it.",
        ) from error
    if wrong := _wrong(collection):
        raise BadLogs(f"{file} is not a collection that this version can read: {wrong}")
    return collection


def _why_not(error: ValidationError) -> str:
    """The first thing that is wrong, in words of our own."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "it is not JSON"
    where = ".".join(str(each) for each in first["loc"]) or "it"
    return f"{where} is {'missing' if first['type'] == 'missing' else 'of the wrong type'}"


def _wrong(collection: Collection) -> str:
    """What types alone cannot say, '' if nothing is wrong."""
    names = [each.source for each in collection.logs]
    if len(set(names)) < len(names):
        return "it names a log twice"
    if not all(map(has_names, names)):
        return "the name of a log is not a Kubernetes name"
    times = [collection.since, collection.until, collection.collected_at]
    for log in collection.logs:
        times += [log.first_time, log.last_time, log.log_begins, log.covered_from, log.covered_to]
    if any(each is not None and each.tzinfo is None for each in times):
        return "a time has no time zone"
    return ""
