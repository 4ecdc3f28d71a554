"""What files say of themselves: their length, their check sum, and when their first and last lines were written."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path as File

import numpy as np

from egressaudit.collect import Collection
from egressaudit.evidence.collection import State
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.line_parser import LineParser
from egressaudit.hops.rows import parsed_line
from egressaudit.mesh.untyped import moment
from egressaudit.model import Hop, LogLine, LogSource, Reporter
from egressaudit.sources import Origin, SourceLine
from egressaudit.sources.streams import Watch
from egressaudit.sources.unwrapping import told_wrapper
from egressaudit.sources.wrappers import Wrapper, unwrap

_AHEAD = 8
"""Pieces of a file that wait to be counted: a few MiB each (`sources.blocks`), which bounds the memory."""
_EDGE = 64 * 1024
"""Bytes of a file's beginning and of its end in which a line with a time is looked for."""
_PACKED = (".gz", ".zst")

# The stamp that a container runtime, kubectl, pilot-agent or ztunnel puts before a line when it is written.
_STAMP = re.compile(
    r"(?:\[pod/[^\] ]+\] |(?:[a-z0-9.-]+ ){2,3})?"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})[ \t]"
)
_DOCKERS = re.compile(r'"time": ?"([^"\\]{20,40})"\}?')
"""The driver's own key; a quote in the log's text is escaped, so it cannot be this one."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a log, without its compression: `lines` counts line ends.

    `begins` and `ends` are when its first and its last line were written, as far as a write stamp or the line's own
    time and duration tell; None where no line at that end has them. A request's START_TIME alone is neither: its line
    is written when it has ended.
    """

    path: str
    source: LogSource | None
    lines: int
    bytes: int
    sha256: str = ""
    begins: datetime | None = None
    ends: datetime | None = None


class LogFiles:
    """Every log as a file, from the bytes that its reader takes: `watch` is for `Sources`, `found` for afterwards.

    A thread of its own counts them, and sums them up if `hashed`, so that the reader does not wait for that.
    """

    def __init__(self, formats: FormatSet | None, *, hashed: bool) -> None:
        self._formats = formats
        self._hashed = hashed
        self._seen: list[_Bytes] = []
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._waiting: deque[Future[None]] = deque()

    def watch(self, origin: Origin) -> Watch:
        """What is to be shown the bytes of this log."""
        seen = _Bytes(origin, hashed=self._hashed)
        self._seen.append(seen)

        def show(data: memoryview) -> None:
            self._waiting.append(self._worker.submit(seen.add, data))
            if len(self._waiting) > _AHEAD:
                self._waiting.popleft().result()

        return show

    def found(self) -> tuple[LogFile, ...]:
        """The files, as far as they were read, in the order in which they were read."""
        while self._waiting:
            self._waiting.popleft().result()
        return tuple(each.file(self._formats) for each in self._seen)

    def close(self) -> None:
        """End the thread."""
        self._worker.shutdown(cancel_futures=True)


class _Bytes:
    """What was seen of one file: how much, its check sum, its beginning and its end."""

    def __init__(self, origin: Origin, *, hashed: bool) -> None:
        self._origin = origin
        self._digest = hashlib.sha256() if hashed else None
        self._lines = self._size = 0
        self._head = bytearray()
        self._tail = b""

    def add(self, data: memoryview) -> None:
        """Take the next bytes."""
        # Four times as quick as bytes.count.
        self._lines += int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")))
        self._size += len(data)
        if self._digest is not None:
            self._digest.update(data)
        if len(self._head) < _EDGE:
            self._head += data[: _EDGE - len(self._head)]
        self._tail = bytes(data[-_EDGE:]) if len(data) >= _EDGE else (self._tail + bytes(data))[-_EDGE:]

    def file(self, formats: FormatSet | None) -> LogFile:
        """What these bytes are as a file."""
        # A piece that does not end, or does not begin, with a line is no line.
        first = bytes(self._head).split(b"\n")[: None if self._size <= _EDGE else -1]
        last = self._tail.split(b"\n")[0 if self._size <= _EDGE else 1 :]
        _, wrapper = told_wrapper((_text(each), "") for each in first)
        origin = self._origin
        return LogFile(
            path=origin.path,
            source=origin.source,
            lines=self._lines,
            bytes=self._size,
            sha256="" if self._digest is None else self._digest.hexdigest(),
            begins=next(_written(first, origin, wrapper, formats), None),
            ends=max(_written(last, origin, wrapper, formats), default=None),
        )


def _written(lines: Iterable[bytes], origin: Origin, wrapper: Wrapper, formats: FormatSet | None) -> Iterator[datetime]:
    """When each of the lines was written, where it tells."""
    parser = LineParser(formats)
    for raw in lines:
        line = _text(raw)
        if wrapper is Wrapper.DOCKER:
            stamp = _DOCKERS.search(line[-80:])
            at = moment(stamp[1][:26].rstrip("Z") + "Z") if stamp else None
        elif stamp := _STAMP.match(line):
            at = moment(f"{stamp[1]}{(stamp[2] or '')[:7]}{stamp[3]}")
        else:
            at = _ended(unwrap(line, wrapper).text, origin, parser, formats)
        if at is not None:
            yield at


def _ended(text: str, origin: Origin, parser: LineParser, formats: FormatSet | None) -> datetime | None:
    """When the request or connection of an access line had ended: its line was written then, or just after."""
    line = LogLine(origin.source or LogSource("", "", ""), 1, text)
    parsed = parsed_line(parser, SourceLine(origin, origin.name, line, origin.reporter), formats)
    if not isinstance(parsed, Hop) or not parsed.clean:
        return None
    start, duration = parsed.get("start_time"), parsed.get("duration")
    if not isinstance(start, datetime):
        return None
    if parsed.reporter is Reporter.ZTUNNEL:
        # Its time is that of the line.
        return start
    if not isinstance(duration, int | float):
        return None
    try:
        return start + timedelta(milliseconds=duration)
    except OverflowError:
        return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


# ---------------------------------------------------------------- held against the manifest


@dataclass(frozen=True, slots=True)
class Held:
    """What `collection.json` says of files, held against the files."""

    wrong: tuple[tuple[str, str], ...] = ()
    """Log, and a sentence with both figures, for each file that is not what was collected."""
    unlisted: tuple[str, ...] = ()
    """Files that it does not name, by their path in the folder."""


def held_against(collection: Collection, folder: File, files: Iterable[LogFile]) -> Held:
    """Every file that a collection names, by its lines, bytes and SHA-256 (where it has one); and those it does not.

    A log that was not done when the collection ended has no figures: nothing of it is proven anyway.
    """
    by_path = {each.path: each for each in files}
    wrong: list[tuple[str, str]] = []
    listed: set[str] = set()
    for path, name, said in _said(collection):
        place = (folder / path).as_posix()
        found = next((by_path[place + packed] for packed in ("", *_PACKED) if place + packed in by_path), None)
        if found is not None:
            listed.add(found.path)
        if said is not None and (sentence := _differs(said, found, path)):
            wrong.append((name, sentence))
    return Held(
        tuple(wrong), tuple(sorted(path.removeprefix(f"{folder.as_posix()}/") for path in by_path.keys() - listed))
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    lines: int
    bytes: int
    sha256: str


def _said(collection: Collection) -> Iterator[tuple[str, str, _Figures | None]]:
    for log in collection.logs:
        figures = None if log.state is State.PENDING else _Figures(log.lines, log.bytes, log.sha256)
        yield log.path, str(log.source), figures
        before = log.previous
        if before is not None and before.state == "fetched":
            yield log.previous_path, str(log.source), _Figures(before.lines, before.bytes, before.sha256)
        else:
            # One that was not done may have left a file.
            yield log.previous_path, str(log.source), None


def _differs(said: _Figures, found: LogFile | None, path: str) -> str:
    """How a file is not what was collected, '' where it is."""
    if found is None:
        missing = f"{path} is not there: collection.json says that it has {said.lines} lines and {said.bytes} bytes"
        return missing if said.lines or said.bytes else ""
    if (said.lines, said.bytes) != (found.lines, found.bytes):
        return (
            f"{path} has {found.lines} lines and {found.bytes} bytes, collection.json says {said.lines} lines and "
            f"{said.bytes} bytes"
        )
    if said.sha256 and said.sha256.lower() != found.sha256:
        return f"{path} has SHA-256 {found.sha256}, collection.json says {said.sha256[:64]}"
    return ""


def hashes(collection: Collection | None) -> bool:
    """Whether a collection says the check sum of some file."""
    logs = collection.logs if collection else ()
    return any(log.sha256 or (log.previous is not None and log.previous.sha256) for log in logs)


def by_source(files: Iterable[LogFile]) -> Mapping[LogSource, tuple[LogFile, ...]]:
    """The files of each log, the oldest first."""
    found: dict[LogSource, list[LogFile]] = {}
    for each in files:
        if each.source is not None:
            found.setdefault(each.source, []).append(each)
    return {
        source: tuple(sorted(logs, key=lambda log: (log.begins is None, log.begins, log.path)))
        for source, logs in found.items()
    }
