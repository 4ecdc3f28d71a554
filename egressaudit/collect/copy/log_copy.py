"""One log, copied into a file as it streams: each line once and whole, however often the stream is cut or refused.

In: a log and a window. Out: the file, and on `Copy` what was read: lines, first and last time, whether it is `whole`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import Any, Protocol

from egressaudit.attempts import Backoff
from egressaudit.cluster.foreign_text import shown
from egressaudit.collect.copy.line_file import LineFile
from egressaudit.collect.resume import Resume
from egressaudit.errors import ClusterError, Forbidden, LogRefused, Unauthorized
from egressaudit.model import LogSource, ObjectRef

AFTER = timedelta(seconds=60)
"""How far past the window's end lines are kept.

A proxy writes a line when the request has ended, and buffers it, so a window's last lines come after its end.
"""
_ORDER = timedelta(seconds=1)
"""How far lines may be out of order: a container's stdout and stderr are stamped separately."""
_MOST_ASKS = 8
"""Give up after so many streams that ended normally and still brought new lines: the node's clock is behind ours."""


class WindowStream(Protocol):
    """A log to its present end; `cluster.LogStream` is one."""

    too_long: int

    def __iter__(self) -> Iterator[bytes]:
        """Stamped lines."""

    def close(self) -> None:
        """End it, from any thread."""


class WindowLogs(Protocol):
    """Where logs come from; `cluster.Cluster` is one. May be used by several threads."""

    @property
    def context(self) -> str:
        """What the cluster is called."""

    def logs(self, source: LogSource, *, since: datetime | None = None, previous: bool = False) -> WindowStream:
        """A log from a time on, to its present end."""

    def log_head(self, source: LogSource, *, previous: bool = False) -> bytes:
        """The first bytes of a log, as far back as it is kept."""

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        """A pod, None if it is gone."""


class Copy:
    """Copies the lines of a window. `run` once, in any thread; `close` ends it from another.

    `run` raises Forbidden and Unauthorized, and OSError if the file cannot be written. Other trouble is in `problem`,
    after `patience` seconds of attempts without progress. Whatever happens, the file ends with a newline.
    """

    def __init__(
        self,
        logs: WindowLogs,
        source: LogSource,
        file: File,
        *,
        since: datetime | None,
        until: datetime,
        previous: bool = False,
        max_bytes: int,
        patience: float,
        stopping: threading.Event,
    ) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.lines = 0
        self.bytes = 0
        self.whole = False
        """Whether all lines up to `until` that the node had were read."""
        self.asked_at = until
        """When the stream that reached the end was requested."""
        self.problem = ""
        self.gone = False
        self.full = False
        self.too_long = 0
        self.node_message = ""
        """A message that the node itself put into the stream, without a time stamp."""
        self._logs, self._source, self._out = logs, source, LineFile(file)
        self._since, self._until, self._previous = since, until, previous
        self._room, self._patience, self._stopping = max_bytes, patience, stopping
        self._resume = Resume()
        self._inside = 0
        self._unkept = 0
        self._past = False
        self._final = False
        self._lock = threading.Lock()
        self._stream: WindowStream | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hex, once `run` has returned; '' if there is none."""
        return self._out.sha256

    def close(self) -> None:
        """End it; `run` returns soon, with what it has in the file."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def run(self) -> None:
        """Copy until the window is read completely, or until there is no more hope of that."""
        backoff = Backoff(self._patience, self._stopping)
        orderly = 0
        try:
            while not self._stopping.is_set():
                before = self._inside
                retry_after = self._attempt()
                if self._stopping.is_set() or self._final or self.full:
                    return
                grew = self._inside > before
                if self.problem:
                    if not backoff.wait(retry_after, progress=grew):
                        return
                # One stream is not enough: if the kubelet's stream is cut, the API server still ends its own normally.
                elif self._past or (orderly and not grew):
                    self.whole = True
                    return
                else:
                    orderly += 1
                    if orderly == _MOST_ASKS:
                        return
        finally:
            self._out.close()

    def _attempt(self) -> float:
        """Copy one stream; trouble is then in `problem`. Returns the seconds that the server asks to wait."""
        self.problem = ""
        try:
            for line in self._stream_once():
                self._out.write(line)
            self._out.open()
        except (Forbidden, Unauthorized):
            raise
        except LogRefused as error:
            self.problem, self.gone, self._final = error.message, error.gone, not error.passing
            return error.retry_after
        except ClusterError as error:
            self.problem = error.message
        return 0.0

    def _stream_once(self) -> Iterator[bytes]:
        """The new lines of the window from one stream."""
        asked_at = datetime.now(UTC)
        self._resume.begin()
        since = self._resume.since or self._since
        stream = self._logs.logs(self._source, since=since, previous=self._previous)
        with self._lock:
            self._stream = stream
            if self._stopping.is_set():
                stream.close()
        try:
            for raw in stream:
                line = self._taken(raw)
                if self._final or self.full:
                    return
                if line is not None:
                    yield line
            self.asked_at = asked_at
        finally:
            self.too_long += stream.too_long
            stream.close()

    def _taken(self, raw: bytes) -> bytes | None:
        """The line without its stamp; None if it was read before or is outside the window."""
        try:
            line = self._resume.take(raw)
        except ValueError:
            self.node_message = self.node_message or f"'{shown(raw[:200].decode('utf-8', 'replace'))}'"
            self._skip(raw)
            return None
        stamp = self._resume.stamp
        if line is None or stamp is None or (self._since is not None and stamp < self._since):
            self._skip(raw)
            return None
        if stamp > self._until + _ORDER:
            self._past = True
        if stamp > self._until + AFTER:
            # Lines are in time order, so we're past the window: stop.
            self.whole = self._final = stamp > self._until + AFTER + _ORDER
            return None
        if self.bytes + len(line) + 1 > self._room:
            self.full = True
            return None
        self.lines += 1
        self.bytes += len(line) + 1
        self.first = stamp if self.first is None or stamp < self.first else self.first
        self.last = stamp if self.last is None or stamp > self.last else self.last
        self._inside += stamp <= self._until
        return line

    def _skip(self, raw: bytes) -> None:
        """A line that is not kept: also of these there may not be any number."""
        self._unkept += len(raw) + 1
        self.full = self._unkept > self._room
