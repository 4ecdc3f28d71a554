"""One log copied into a file as it streams: each line once and whole, whatever is cut or refused on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import Any, Protocol

from egressaudit.collect.copy.attempts import Backoff
from egressaudit.collect.copy.line_file import LineFile
from egressaudit.collect.resume import Resume
from egressaudit.errors import ClusterError, Forbidden, LogRefused, Unauthorized
from egressaudit.model import LogSource, ObjectRef

AFTER = timedelta(seconds=60)
"""How much longer than the window a log is kept.

A proxy writes a request's line when it has ended, and into a buffer first, so the last of a window come after it.
"""
_ORDER = timedelta(seconds=1)
"""How far lines may be out of order: stdout and stderr of a container are stamped apart."""
_MOST_ASKS = 8
"""Streams that ended in order and still brought new lines: the node's clock is then behind ours."""


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
        """How a log begins, as far back as it is kept."""

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        """A pod, None where it is gone."""


class Copy:
    """Copies the lines of a window. `run` once, in any thread; `close` ends it from another.

    `run` raises Forbidden and Unauthorized, and OSError where the file cannot be written; other trouble is in
    `problem`, after attempts without progress for `patience` seconds. Whatever happens, the file ends with a line end.
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
        """Whether all lines up to `until` were read that the node had."""
        self.asked_at = until
        """When the stream that read to the end was asked for."""
        self.problem = ""
        self.gone = False
        self.full = False
        self.too_long = 0
        self.said = ""
        """What the node itself put into the stream, without a stamp."""
        self._logs, self._source, self._out = logs, source, LineFile(file)
        self._since, self._until, self._previous = since, until, previous
        self._room, self._patience, self._stopping = max_bytes, patience, stopping
        self._resume = Resume()
        self._inside = 0
        self._past = False
        self._final = False
        self._lock = threading.Lock()
        self._stream: WindowStream | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hex, once `run` has returned; '' where there is none."""
        return self._out.sha256

    def close(self) -> None:
        """End it; `run` returns soon, with what it has in the file."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def run(self) -> None:
        """Copy until the window is read whole, or until there is no hope of it."""
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
                # One stream is not enough: an API server ends its own in order where a kubelet's was cut.
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
        """Copy one stream; what went wrong is then in `problem`. The seconds that the server asks to wait."""
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
        """A line that is to be kept, without its stamp; None for one that was read before or is of another time."""
        try:
            line = self._resume.take(raw)
        except ValueError:
            self.said = self.said or ascii(raw[:200].decode("utf-8", "replace"))
            return None
        stamp = self._resume.stamp
        if line is None or stamp is None or (self._since is not None and stamp < self._since):
            return None
        if stamp > self._until + _ORDER:
            self._past = True
        if stamp > self._until + AFTER:
            # All that follows is later still.
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
