"""What became of the lines of one log: each is counted once, whoever read it.

In: what a lane took of a block, and single lines that the line parser read. Out: `TimedLogEnd`, at the log's end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from egressaudit.hops.lanes import FingerprintedLog, Taken
from egressaudit.hops.rows import LogEnd
from egressaudit.model import Hop, LineCount, OtherLine, Unparsed
from egressaudit.sources import Origin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimedLogEnd(LogEnd):
    """The end of one log with the first and last time in it; None if no line has a time."""

    first: datetime | None
    last: datetime | None


class LogAccount:
    """What became of the lines of one log so far."""

    def __init__(self, origin: Origin, fingerprinted: FingerprintedLog | None) -> None:
        self.origin = origin
        self.fingerprinted = fingerprinted
        self._tally: Counter[str] = Counter()
        self._first: datetime | None = None
        self._last: datetime | None = None

    @property
    def read(self) -> int:
        """How many lines were counted."""
        return self._tally["read"]

    def parsed(self, parsed: Hop | OtherLine | Unparsed) -> None:
        """Count a line that the line parser read."""
        self._tally["read"] += 1
        match parsed:
            case Hop():
                self._tally["access"] += 1
                self._tally["unclean"] += not parsed.clean
                moment = parsed.get("start_time")
                if isinstance(moment, datetime):
                    self._saw(moment, moment)
            case OtherLine():
                self._tally["other"] += 1
            case Unparsed():
                self._tally["unparsed"] += 1

    def took(self, taken: Sequence[Taken], others: int) -> None:
        """Count the lines that the lane took, and those that it found to be no access lines."""
        access = sum(len(each.lines) for each in taken)
        self._tally.update(read=access + others, access=access, other=others)
        for each in taken:
            self._tally["unclean"] += 0 if each.clean else len(each.lines)
            first, last = int(each.micros.min()), int(each.micros.max())
            self._saw(_EPOCH + timedelta(microseconds=first), _EPOCH + timedelta(microseconds=last))

    def counted(self) -> TimedLogEnd:
        """The account at the log's end."""
        return TimedLogEnd(self.origin, LineCount(**self._tally), self._first, self._last)

    def _saw(self, first: datetime, last: datetime) -> None:
        self._first = first if self._first is None else min(self._first, first)
        self._last = last if self._last is None else max(self._last, last)
