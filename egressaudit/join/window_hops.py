"""Read the logs of a window into an engine, and note what is learned about each log on the way.

In: logs (`sources.Sources`). Out: hops in the engine; for each log a `ReadLog`, and where its unclean lines stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.errors import BadLogs
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.forgeable_logs import Suspicions
from egressaudit.hops.lanes import FingerprintedLog, HopFingerprints
from egressaudit.hops.rows import NotParsed
from egressaudit.hops.tables import HopTable, TimedLogEnd, hop_tables
from egressaudit.join.engines import HOP_NEEDS, Engine
from egressaudit.model import Evidence, LineCount, LogSource, Window
from egressaudit.run_step import RunStep
from egressaudit.sources import Origin, Sources

_SHOWN = 3
"""How many lines that prove nothing are shown for each log."""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """One log as it was found: its name, whose it is, what became of its lines, and its first and last time."""

    name: str
    path: str
    source: LogSource | None
    count: LineCount
    first: datetime | None
    last: datetime | None
    copies: int = 0
    """Hops in it that an older log of the same container has too."""
    changed: int = 0
    """Hops in it that contradict an older log of the same container."""


class WindowHops:
    """What is learned of the logs while their hops go into the engine."""

    def __init__(self, engine: Engine, suspicions: Suspicions) -> None:
        self.engine = engine
        self.suspicions = suspicions
        self.logs: list[ReadLog] = []
        self.unclean: defaultdict[str, list[int]] = defaultdict(list)
        self.unparsed: defaultdict[str, list[Evidence]] = defaultdict(list)
        self.judged: set[str] = set()
        """The logs of proxies that the snapshot knows, by path."""
        self.skipped: dict[str, int] = {}
        self.broken: tuple[str, ...] = ()
        self.text: set[LogSource] = set()
        """In a mesh with old proxies: the logs that have an access line that is not JSON, or a line not understood."""
        self.forgeable: dict[LogSource, str] = {}
        """Why whole lines of a log may be forged, by log; their hops are not in the engine any more."""
        self._of: defaultdict[LogSource, list[int]] = defaultdict(list)

    def read(self, sources: Sources, formats: FormatSet | None, say: Callable[[str], None]) -> None:
        """Read all logs to their ends; `formats` are those of Envoy's lines, None for the defaults."""
        fingerprints = HopFingerprints()

        def begin(origin: Origin) -> FingerprintedLog | None:
            role = self.engine.add_log(len(self.logs), origin.source)
            if role is None:
                return None
            self.judged.add(origin.path)
            return fingerprints.log(len(self.logs), role)

        # Reading `dialect` costs time, and only meshes with old proxies need it.
        columns = (*HOP_NEEDS, "dialect") if self.suspicions.old else HOP_NEEDS
        for each in hop_tables(sources, columns=columns, formats=formats, fingerprinted=begin):
            say(RunStep("reading logs", sources.bytes_read, sources.bytes_total, size=True, logs=len(self.logs)))
            number, path = len(self.logs), each.origin.path
            match each:
                case HopTable(_, table):
                    self.engine.learn(fingerprints.new_signatures(), fingerprints.new_senders())
                    self.engine.add(number, table)
                    self._note_text(each.origin.source, table)
                    if len(seen := self.unclean[path]) < _SHOWN:
                        lines = table.filter(pc.invert(table["clean"]))["line"].slice(0, _SHOWN - len(seen)).to_pylist()
                        seen += [line for line in lines if line is not None]
                case NotParsed():
                    self._not_parsed(each)
                case TimedLogEnd():
                    self._end(number, each)
        self.skipped, self.broken = dict(sources.skipped), tuple(sources.broken)
        if not self.logs:
            more = f"; {len(self.broken) - 1} more cannot be read either" if len(self.broken) > 1 else ""
            why = f"{self.broken[0]}{more}" if self.broken else "no log was found at these paths"
            raise BadLogs(why, hint="Name the folder that holds namespace/pod/container.log.")

    def forget_forgeable(self) -> None:
        """Take the hops of logs that may be forged out of the engine: what is proven must be proven without them."""
        for source, numbers in self._of.items():
            why = self.suspicions.why(source, has_text=source in self.text)
            count = sum(self.logs[number].count.access for number in numbers)
            if why and count:
                self.forgeable[source] = why
                self.engine.forget(numbers)

    def _not_parsed(self, each: NotParsed) -> None:
        origin, line = each.origin, each.unparsed.line
        if origin.source is not None:
            self.text.add(origin.source)
        if len(shown := self.unparsed[origin.path]) < _SHOWN:
            shown.append(Evidence(origin.name, line.number, line.text, "unparsed"))

    def _note_text(self, source: LogSource | None, table: pa.Table) -> None:
        if source is not None and source in self.suspicions.old and source not in self.text:
            json = pc.ends_with(table["dialect"], "json")
            if not pc.all(json, min_count=0).as_py():
                self.text.add(source)

    def _end(self, number: int, end: TimedLogEnd) -> None:
        source, copies, changed = end.origin.source, 0, 0
        if source is not None:
            if self._of[source]:
                changed = self.engine.contradicting(self._of[source], number)
                copies = self.engine.remove_copies(self._of[source], number)
            self._of[source].append(number)
        self.logs.append(
            ReadLog(end.origin.name, end.origin.path, source, end.count, end.first, end.last, copies, changed)
        )


def window_of(engine: Engine, start: datetime | None, end: datetime | None) -> Window:
    """The window that was asked for; where an end of it was not, what the hops span. BadLogs if that is empty."""
    found = engine.span()
    start = start or (found.start if found else None)
    end = end or (found.end if found else None)
    if start is None or end is None:
        raise BadLogs(
            "the logs hold no line about traffic that left, or was to leave, the mesh",
            hint="Say which time was to be audited: --since and --until. Are these the logs of the snapshot's proxies?",
        )
    if start >= end:
        raise BadLogs(
            f"the window is empty: it would begin at {start:%Y-%m-%dT%H:%M:%SZ} and end at {end:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Window(start, end)
