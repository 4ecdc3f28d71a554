"""All logs of a run, followed at the same time.

In: a cluster and logs. Out: `take()` gives the new lines as they come; `lines` has all of them, in a fixed order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from egressaudit.collect.follow.reader import LiveLogs, Reader
from egressaudit.errors import UsageError
from egressaudit.model import LogLine, LogSource

MOST_SOURCES = 64
"""Logs at most: each needs a thread and a connection."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes kept of one log."""
_GRACE = 0.5
"""Seconds after which a log that was requested and sent nothing counts as empty.

For an empty log that is followed, a kubelet does not even send headers before there is a line. A line written before
the kubelet opened the file is among the last lines, which are requested too.
"""


class Follower:
    """Follows logs from when it is entered until it is left; leaving does not wait for a next line.

    Lines arrive in order within one log. An error that the user must know of (Forbidden, Unauthorized) is raised by
    `wait_ready` and `take`; other trouble is in `notes`, and its log in `failed`: lines of it may be missing.
    """

    def __init__(
        self, logs: LiveLogs, sources: Sequence[LogSource], *, tail: int = 10, most_bytes: int = MOST_BYTES
    ) -> None:
        unique = tuple(dict.fromkeys(sources))
        if len(unique) > MOST_SOURCES:
            raise UsageError(
                f"{len(unique)} logs to follow at once, but at most {MOST_SOURCES} are possible",
                hint="Name fewer sources, or one gateway or waypoint with --expect, or scale it down for the audit.",
            )
        self._condition = threading.Condition()
        self._fresh: list[LogLine] = []
        self._lines: dict[LogSource, list[LogLine]] = {source: [] for source in unique}
        self._readers = tuple(
            Reader(logs, source, tail=tail, most_bytes=most_bytes, deliver=self._deliver, changed=self._changed)
            for source in unique
        )

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.stop()
        until = time.monotonic() + 2
        for reader in self._readers:
            # A reader that is still connecting ends by itself; its thread is a daemon.
            reader.join(max(0.0, until - time.monotonic()))

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """All lines so far: log by log in the order of the sources, so that the same lines are the same tuple."""
        with self._condition:
            return tuple(line for lines in self._lines.values() for line in lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report must know, one sentence each."""
        with self._condition:
            return tuple(note for reader in self._readers for note in reader.notes)

    @property
    def failed(self) -> frozenset[LogSource]:
        """The logs that may lack lines."""
        return frozenset(reader.source for reader in self._readers if reader.failed)

    def wait_ready(self, timeout: float) -> bool:
        """Wait until every log is followed: it gave a line, or has none. False where `timeout` seconds were not enough.

        Logs that are empty, or are not followed yet, are named in `notes`.
        """
        until = time.monotonic() + timeout
        with self._condition:
            while True:
                self._raise_error()
                waiting = [reader for reader in self._readers if not reader.count and not reader.ended]
                now = time.monotonic()
                pending = [r for r in waiting if r.asked is None or now - r.asked < _GRACE]
                if not pending or now >= until:
                    break
                wake = min(until, *(now + 0.05 if r.asked is None else r.asked + _GRACE for r in pending))
                self._condition.wait(max(0.0, wake - now))
            for reader in waiting:
                late = reader.asked is None
                reader.note(
                    f"the log of {reader.source} "
                    + ("was not being followed yet when the probe was sent" if late else "was empty before the probe")
                )
            return not pending

    def take(self, timeout: float) -> list[LogLine]:
        """The lines that are new since the last call. Waits up to `timeout` seconds for the first one."""
        with self._condition:
            self._condition.wait_for(lambda: self._fresh or any(r.error for r in self._readers), timeout)
            self._raise_error()
            fresh, self._fresh = self._fresh, []
            return fresh

    def _raise_error(self) -> None:
        for reader in self._readers:
            if reader.error is not None:
                raise reader.error

    def _deliver(self, line: LogLine) -> None:
        with self._condition:
            self._fresh.append(line)
            self._lines[line.source].append(line)
            self._condition.notify_all()

    def _changed(self) -> None:
        with self._condition:
            self._condition.notify_all()
