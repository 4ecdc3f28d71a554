"""Which lines of a resumed log were already read. Pure.

In: stamped lines of any number of streams, e.g. `b"2026-11-23T08:04:44.258000000Z GET /"`. Out: each line once.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

_SLACK = 1
"""How many seconds before the last line a new stream starts.

A container's stdout and stderr are stamped separately, so lines may be slightly out of order.
"""


class Resume:
    """Takes the stamped lines of one log, over any number of cut streams, and lets each through once.

    A kubelet resumes only by whole seconds, so the last seconds' lines come again. They are recognised by stamp (in
    nanoseconds) and content, and counted: two equal lines are two lines.
    """

    def __init__(self) -> None:
        self._recent: dict[int, Counter[int]] = {}
        self._again: Counter[int] = Counter()
        self._newest = 0
        self._last: datetime | None = None
        self.stamp: datetime | None = None
        """The stamp of the line that was taken last."""

    @property
    def last(self) -> datetime | None:
        """The newest stamp so far, by the node's clock."""
        return self._last

    @property
    def since(self) -> datetime | None:
        """The time from which to request the next stream; None while nothing was read."""
        return None if self._last is None else datetime.fromtimestamp(self._newest - _SLACK, UTC)

    def begin(self) -> None:
        """A new stream, asked for from `since` on, begins."""
        self._again = sum(self._recent.values(), Counter())

    def take(self, raw: bytes) -> bytes | None:
        """The line without its stamp; None if it was read before. ValueError if it has no stamp."""
        stamp, _, line = raw.partition(b" ")
        when = datetime.fromisoformat(stamp.decode("ascii"))
        if when.tzinfo is None:
            raise ValueError("no time zone")
        self.stamp = when
        # Python's hash of bytes uses a secret of this process, so nobody can write a line that hides another.
        key = hash(raw)
        if self._again[key] > 0:
            self._again[key] -= 1
            return None
        second = int(when.timestamp())
        if self._last is None or when > self._last:
            self._last = when
            if second > self._newest:
                self._newest = second
                for old in [each for each in self._recent if each < second - _SLACK]:
                    del self._recent[old]
        if second >= self._newest - _SLACK:
            self._recent.setdefault(second, Counter())[key] += 1
        return line
