"""The logs as files: their length, their checksum, and when their first and last lines were written.

In: the bytes of each log, as its reader takes them. Out: a `LogFile`, e.g. `shop/cart-1/istio-proxy.log`, 500 lines,
90000 bytes, from 14:00:02 to 14:59:58.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from egressaudit.compiled_module import missing
from egressaudit.evidence.digests import digest_of_files
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.lanes import lane
from egressaudit.hops.line_parser import LineParser
from egressaudit.hops.rows import parsed_line
from egressaudit.mesh.untyped import moment
from egressaudit.model import Hop, LogLine, LogSource, Reporter
from egressaudit.sources import Origin, SourceLine
from egressaudit.sources.blocks import PADDING
from egressaudit.sources.streams import Watch
from egressaudit.sources.unwrapping import told_wrapper
from egressaudit.sources.wrappers import Wrapper, unwrap

_AHEAD = 8
"""How many pieces of a file may wait to be counted. Each has a few MiB (`sources.blocks`), so this bounds memory."""
_EDGE = 64 * 1024
"""How many bytes at a file's start and at its end are searched for a line with a time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The timestamp that a container runtime, kubectl, pilot-agent or ztunnel puts in front of a line as it is written.
_STAMP = re.compile(
    r"(?:\[pod/[^\] ]+\] |(?:[a-z0-9.-]+ ){2,3})?"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})[ \t]"
)
_DOCKERS = re.compile(r'"time": ?"([^"\\]{20,40})"\}?')
"""The Docker driver's own key. Quotes in the log's text are escaped, so text cannot imitate it."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a log, without its compression: `lines` counts newlines.

    `begins` and `ends` are when its first and its last line were written, as far as a write stamp or the line's own
    time and duration tell; None if no line at that end has them. A request's START_TIME alone is neither: its line
    is written when it has ended.
    """

    path: str
    source: LogSource | None
    lines: int
    bytes: int
    sha256: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    unpacked: str = ""
    """What the file is called once it is unpacked: in an archive by its name there, and without `.gz`."""


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
        """A function that takes the bytes of this log as they are read."""
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
    """What was seen of one file: its size, checksum, first and last bytes."""

    def __init__(self, origin: Origin, *, hashed: bool) -> None:
        self._origin = origin
        self._digest = hashlib.sha256() if hashed else None
        self._lines = self._size = 0
        self._head = bytearray()
        self._tail = b""

    def add(self, data: memoryview) -> None:
        """Take the next bytes."""
        self._lines += _line_ends(data)
        self._size += len(data)
        if self._digest is not None:
            self._digest.update(data)
        if len(self._head) < _EDGE:
            self._head += data[: _EDGE - len(self._head)]
        self._tail = bytes(data[-_EDGE:]) if len(data) >= _EDGE else (self._tail + bytes(data))[-_EDGE:]

    def file(self, formats: FormatSet | None) -> LogFile:
        """What these bytes are as a file."""
        # Drop what may be half a line: the last piece of the head, and the first piece of the tail.
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
            unpacked=re.sub(r"\.(gz|zst)$", "", origin.member.removeprefix("./") or origin.path),
        )


def _written(lines: Iterable[bytes], origin: Origin, wrapper: Wrapper, formats: FormatSet | None) -> Iterator[datetime]:
    """When each line was written; lines that don't say are left out."""
    texts = [_text(raw) for raw in lines]
    stamps = [_stamp(text, wrapper) for text in texts]
    own = [unwrap(text, wrapper).text for text, stamp in zip(texts, stamps, strict=True) if stamp is None]
    ended = _ended(own, origin, formats)
    for stamp in stamps:
        at = next(ended) if stamp is None else moment(stamp)
        if at is not None:
            yield at


def _stamp(text: str, wrapper: Wrapper) -> str | None:
    """What was put around a line when it was written, to the microsecond; None where only the line itself can tell."""
    if wrapper is Wrapper.DOCKER:
        key = _DOCKERS.search(text[-80:])
        return key[1][:26].rstrip("Z") + "Z" if key else ""
    found = _STAMP.match(text)
    return f"{found[1]}{(found[2] or '')[:7]}{found[3]}" if found else None


def _ended(texts: list[str], origin: Origin, formats: FormatSet | None) -> Iterator[datetime | None]:
    """When the request or connection of each access line ended. The line was written then, or just after."""
    if formats is None and (taken := _ended_by_lane(texts, origin)) is not None:
        yield from taken
        return
    parser = LineParser(formats)
    for text in texts:
        line = LogLine(origin.source or LogSource("", "", ""), 1, text)
        parsed = parsed_line(parser, SourceLine(origin, origin.name, line, origin.reporter), formats)
        if not isinstance(parsed, Hop) or not parsed.clean:
            yield None
        else:
            # ztunnel's time is when it wrote the line.
            is_end = parsed.reporter is Reporter.ZTUNNEL
            yield _end(parsed.get("start_time"), 0 if is_end else parsed.get("duration"))


def _ended_by_lane(texts: list[str], origin: Origin) -> list[datetime | None] | None:
    """The same of Envoy's lines, without a grammar, which takes long to build; None where the lane leaves a line."""
    data = b"".join(text.encode() + b"\n" for text in texts)
    reporter = origin.reporter or Reporter.SIDECAR
    block = lane().read_block(data + bytes(PADDING), len(data), (), reporter, frozenset({"duration"}))
    left = len(texts) - texts.count("") - sum(len(each.lines) for each in block.taken)
    if left or reporter is Reporter.ZTUNNEL:
        return None
    ended: list[datetime | None] = [None] * len(texts)
    for each in (each for each in block.taken if each.clean):
        durations = each.columns["duration"].to_pylist()
        for n, micros, duration in zip(each.lines.tolist(), each.micros.tolist(), durations, strict=True):
            ended[n] = _end(_EPOCH + timedelta(microseconds=micros), duration)
    return ended


def _end(start: object, duration: object) -> datetime | None:
    """So many milliseconds later; None where either is not known."""
    if not isinstance(start, datetime) or not isinstance(duration, int | float):
        return None
    try:
        return start + timedelta(milliseconds=duration)
    except OverflowError:
        return None


def _line_ends(data: memoryview) -> int:
    if missing():
        # Four times as quick as bytes.count.
        return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")))
    from egressaudit._lanes import line_ends

    return line_ends(data)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def digest_of(files: Iterable[LogFile]) -> str:
    """The SHA-256 of all logs together (`evidence.digests`); '' if they were not hashed."""
    hashed = [(each.unpacked, each.sha256) for each in files]
    return digest_of_files(hashed) if all(digest for _, digest in hashed) else ""


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
