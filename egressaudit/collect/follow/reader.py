"""One log, read in its own thread until it is stopped; cut streams are resumed.

In: a log. Out: `deliver(LogLine(...))` for each line, once; and notes, e.g. "log stream of x was cut and resumed".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from egressaudit.cluster.foreign_text import shown
from egressaudit.collect.resume import Resume
from egressaudit.errors import ClusterError, Forbidden, Unauthorized
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.model import LogLine, LogSource, ObjectRef

_FAILURES = 6
"""Attempts in a row without a new line: together some three seconds."""
_BACKOFF = 0.1
_LASTING = 5.0
"""Seconds after which a stream counts as one that worked, even without a line."""


class LiveStream(Protocol):
    """An open log; `cluster.LogStream` is one."""

    too_long: int

    @property
    def asked(self) -> float | None:
        """When the request was sent, by `time.monotonic`."""

    def __iter__(self) -> Iterator[bytes]:
        """Stamped lines."""

    def close(self) -> None:
        """End it, from any thread."""


class LiveLogs(Protocol):
    """Where logs come from; `cluster.Cluster` is one."""

    def follow(
        self,
        source: LogSource,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        since_seconds: int | None = None,
    ) -> LiveStream:
        """A log from its last lines, or from a time on."""

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        """A pod, None if it is gone."""


class Reader:
    """Reads one log. `deliver` is called in its thread with each new line, `changed` when anything else is new."""

    def __init__(
        self,
        logs: LiveLogs,
        source: LogSource,
        *,
        tail: int,
        most_bytes: int,
        deliver: Callable[[LogLine], None],
        changed: Callable[[], None],
    ) -> None:
        self.source = source
        self.error: ClusterError | None = None
        """An error that the user must know of at once: no permission, no credentials."""
        self.failed = False
        """Whether lines of this log may be missing."""
        self.ended = False
        self.count = 0
        self._logs = logs
        self._tail = tail
        self._room = most_bytes
        self._deliver = deliver
        self._changed = changed
        self._resume = Resume()
        self._notes: dict[str, None] = {}
        self._unread = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._stream: LiveStream | None = None
        self._begun = 0.0
        self._instance: tuple[Any, ...] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=f"egressaudit-log-{source}", daemon=True)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report must know about this log."""
        unread = (f"{self._unread} lines of the log of {self.source} were not read",) if self._unread else ()
        return (*tuple(self._notes), *unread)

    @property
    def asked(self) -> float | None:
        """When the log was first asked for (`time.monotonic`); None while there is no connection."""
        stream = self._stream
        return None if stream is None else stream.asked

    def note(self, text: str) -> None:
        """Add a note, once."""
        self._notes[text] = None

    def start(self) -> None:
        """Begin to read."""
        self._begun = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        self._stopping.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def join(self, timeout: float) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001  a thread that dies in silence would look like a silent log
            self._give_up(f"a bug in egressaudit ({type(error).__name__})")
        finally:
            self.ended = True
            self._changed()

    def _read(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            before, opened = self.count, time.monotonic()
            problem = self._read_stream()
            if self._stopping.is_set() or self.error is not None:
                return
            if self.count > before or time.monotonic() - opened > _LASTING:
                failures = 0
            if self._is_over(problem):
                return
            if failures == 0 and (self.count or not problem) and not self._ended:
                self.note(f"log stream of {self.source} was cut and resumed")
            failures += 1
            if failures >= _FAILURES:
                self._give_up(problem or "its stream keeps ending")
                return
            self._stopping.wait(_BACKOFF * 2 ** (failures - 1))

    def _read_stream(self) -> str:
        """Read one stream to its end; what went wrong, '' if it ended in order."""
        stream = self._open()
        try:
            for raw in stream:
                self._take(raw)
        except (Forbidden, Unauthorized) as error:
            self.error = error
            self.failed = True
        except ClusterError as error:
            return error.message
        finally:
            stream.close()
            if stream.too_long:
                self._unread += stream.too_long
                self.failed = True
        return ""

    def _open(self) -> LiveStream:
        self._resume.begin()
        if self._resume.since is not None:
            stream = self._logs.follow(self.source, since=self._resume.since)
        elif self._stream is None:
            stream = self._logs.follow(self.source, tail=self._tail)
        else:
            # Nothing read yet: ask by elapsed seconds (`sinceSeconds`), which doesn't depend on the node's clock.
            ago = math.ceil(time.monotonic() - self._begun) + 1
            stream = self._logs.follow(self.source, since_seconds=ago)
        with self._lock:
            self._stream = stream
            if self._stopping.is_set():
                stream.close()
        return stream

    def _take(self, raw: bytes) -> None:
        try:
            line = self._resume.take(raw)
        except ValueError:
            # Not the container's: a kubelet puts its own troubles into the stream, without a stamp.
            said = shown(raw[:200].decode("utf-8", "replace"))
            self.note(f"the kubelet reported in the log of {self.source}: '{said}'")
            return
        if line is None:
            return
        if len(line) > self._room:
            if not self._unread:
                self.note(f"the log of {self.source} is too large to keep in memory")
            self._room = -1
            self._unread += 1
            self.failed = True
            return
        self._room -= len(line) + 1
        self.count += 1
        self._deliver(LogLine(self.source, self.count, line.decode("utf-8", "surrogateescape")))

    def _is_over(self, problem: str) -> bool:
        """Whether the container that was followed is gone; then a note says so."""
        try:
            pod = self._logs.pod(ObjectRef(self.source.namespace, self.source.pod))
        except ClusterError:
            return False  # the next attempt shows
        if pod is None:
            self._give_up("the pod is gone", problem)
            return True
        state = _container(pod, self.source.container)
        if state is None:
            if self.source.container not in _declared(pod):
                self._give_up("the pod has no such container", problem)
                return True
            return False
        instance = (state.get("containerID"), state.get("restartCount"))
        before, self._instance = self._instance, instance
        if (before is not None and before != instance) or self._started_since(state):
            self._give_up("its container restarted")
            return True
        if self._ended:
            # Its stream was opened once more after it ended, so everything has been read.
            self.note(f"the container of {self.source} has ended")
            return True
        self._ended = table(state.get("state")).get("terminated") is not None
        return False

    def _started_since(self, state: Mapping[str, Any]) -> bool:
        """Whether the container began after the last line that was read, both by the node's clock."""
        started = table(table(state.get("state")).get("running")).get("startedAt")
        if self._resume.last is None or not isinstance(started, str):
            return False
        try:
            return datetime.fromisoformat(started) > self._resume.last
        except (ValueError, TypeError):
            return False

    def _give_up(self, why: str, problem: str = "") -> None:
        self.failed = True
        also = f" ({problem})" if problem else ""
        self.note(f"the log of {self.source} could not be followed to the end: {why}{also}")


def _container(pod: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    status = table(pod.get("status"))
    statuses = (*rows(status.get("containerStatuses")), *rows(status.get("initContainerStatuses")))
    return next((each for each in statuses if each.get("name") == name), None)


def _declared(pod: Mapping[str, Any]) -> set[str]:
    spec = table(pod.get("spec"))
    return {text(each.get("name")) for each in (*rows(spec.get("containers")), *rows(spec.get("initContainers")))}
