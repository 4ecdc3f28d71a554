"""When a proxy ran, when its log covers that time, and the gaps between the two.

In: the runs of a container, its files, its entry in `collection.json`. Out: spans and sentences, e.g. `it begins 41 min
0 s after the window does (... is not covered)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from egressaudit.collect.copy.proven import START
from egressaudit.evidence.collection import CollectedLog, State
from egressaudit.findings.coverage.log_files import LogFile
from egressaudit.findings.coverage.spans import SLACK, in_words, present, rhythm, uncovered
from egressaudit.model import ContainerRun, Window
from egressaudit.times import rfc3339

_SILENT_OR_CUT = ", and no collection.json says whether it was silent or is cut"


@dataclass(frozen=True, slots=True)
class LogTime:
    """What is known about the time of one log: the runs of its container, its files, its `collection.json` entry."""

    run: ContainerRun
    window: Window
    files: tuple[LogFile, ...]
    collected: CollectedLog | None

    @property
    def running(self) -> tuple[Window, ...]:
        """When the proxy ran."""
        return present(self.run, self.window)

    @property
    def covered(self) -> tuple[Window, ...]:
        """When no line is missing: as the collection says, else from the first line of each file to its last."""
        if self.collected is not None:
            begin, end = self.collected.covered_from, self.collected.covered_to
            return (Window(begin, end),) if begin and end and begin < end else ()
        return tuple(self._of_file(each.begins, each.ends) for each in self.files if each.begins and each.ends)

    def _of_file(self, begin: datetime, end: datetime) -> Window:
        # A proxy logs as soon as it starts, so a file that begins at that time has the run's first line.
        starts = (self.run.started, self.run.previous_started)
        own = [each for each in starts if each is not None and each <= begin <= each + START]
        return Window(max(own, default=begin), max(begin, end))

    def gaps(self) -> Iterator[str]:
        """The time in which the proxy ran and its log proves nothing, one sentence each with the reason."""
        running, covered = self.running, self.covered
        known = self.collected is not None
        slack = SLACK if known else rhythm(covered, sum(each.lines for each in self.files))
        # If the log covers nothing at all, a missing part counts however short it is.
        found = [each for each in uncovered(running, covered) if each.end - each.start > slack or not covered]
        reason = self.collected.reason if self.collected is not None else ""
        if self.collected is not None and self.collected.state is not State.COMPLETE:
            reason = reason or f"its collection is {self.collected.state}"
            if not found:
                yield reason
        doubt = f": {reason}" if reason else "" if known else _SILENT_OR_CUT
        if found and not covered:
            yield f"it has no line with a time{doubt}" if not known else f"nothing of the window is proven{doubt}"
            return
        for each in found:
            yield f"{self._place(each, running)} ({rfc3339(each.start)} to {rfc3339(each.end)} is not covered){doubt}"

    def _place(self, gap: Window, running: Sequence[Window]) -> str:
        length = in_words(gap.end - gap.start)
        if gap.start == self.window.start:
            return f"it starts {length} after the window does"
        if gap.end == self.window.end:
            return f"it ends {length} before the window does"
        if any(gap.start == each.start for each in running):
            return f"it starts {length} after its container did"
        if any(gap.end == each.end for each in running):
            return f"it ends {length} before its container did"
        return f"there is a hole of {length} between two of its files"
