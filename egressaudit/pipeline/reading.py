"""The logs of a window into the store, and what is learned of them on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.columnar import HopNames, NamedLog
from egressaudit.dialects import FormatSet
from egressaudit.errors import BadLogs
from egressaudit.flows import HOP_NEEDS, HopStore
from egressaudit.flows.store import LINE_BITS
from egressaudit.model import LogSource
from egressaudit.pipeline.bulk import Counted, HopTable, hop_tables
from egressaudit.pipeline.coverage import ReadLog
from egressaudit.pipeline.forgeable import Suspicions
from egressaudit.pipeline.hops import NotParsed
from egressaudit.sources import Origin, Sources
from egressaudit.window import Evidence

_SHOWN = 3
"""Lines that are shown of those that prove nothing, for each log."""


class Reading:
    """What is learned of the logs while their hops go into the store."""

    def __init__(self, store: HopStore, suspicions: Suspicions) -> None:
        self.store = store
        self.suspicions = suspicions
        self.logs: list[ReadLog] = []
        self.unclean: defaultdict[str, list[int]] = defaultdict(list)
        self.unparsed: defaultdict[str, list[Evidence]] = defaultdict(list)
        self.judged: set[str] = set()
        """The logs of proxies that the snapshot knows, by path."""
        self.skipped: dict[str, int] = {}
        self.broken: tuple[str, ...] = ()
        self.text: set[LogSource] = set()
        """Of a mesh with old proxies, the logs with an access line that is not JSON, or one that is not understood."""
        self.forgeable: dict[LogSource, str] = {}
        """Why whole lines of a log may be forged, by log; their hops are not in the store any more."""
        self._of: defaultdict[LogSource, list[int]] = defaultdict(list)

    def read(self, sources: Sources, formats: FormatSet | None, say: Callable[[str], None]) -> None:
        """Read all logs to their ends; `formats` are those of Envoy's lines, None for the defaults."""
        names = HopNames()

        def begin(origin: Origin) -> NamedLog | None:
            say(f"reading {origin.path}")
            role = self.store.add_log(len(self.logs), origin.source)
            if role is None:
                return None
            self.judged.add(origin.path)
            return names.log(len(self.logs), role)

        # A column more takes time that only few meshes need.
        columns = (*HOP_NEEDS, "dialect") if self.suspicions.old else HOP_NEEDS
        for each in hop_tables(sources, columns=columns, formats=formats, named=begin):
            number, path = len(self.logs), each.origin.path
            match each:
                case HopTable(_, table):
                    self.store.learn(names.new_kinds(), names.new_senders())
                    self.store.add(number, table)
                    self._note_text(each.origin.source, table)
                    if len(seen := self.unclean[path]) < _SHOWN:
                        lines = table.filter(pc.invert(table["clean"]))["line"].slice(0, _SHOWN - len(seen)).to_pylist()
                        seen += [line for line in lines if line is not None]
                case NotParsed():
                    self._not_parsed(each)
                case Counted():
                    self._end(number, each)
        self.skipped, self.broken = dict(sources.skipped), tuple(sources.broken)
        if not self.logs:
            raise BadLogs(
                "no log was found at these paths", hint="Name the folder that holds namespace/pod/container.log."
            )

    def forget_forgeable(self) -> None:
        """Take the hops of logs that may be forged out of the store: what is proven must be proven without them."""
        self.store.flush()
        for source, numbers in self._of.items():
            why = self.suspicions.why(source, has_text=source in self.text)
            count = sum(self.logs[number].count.access for number in numbers)
            if why and count:
                self.forgeable[source] = why
                for number in numbers:
                    self.store.db.execute("DELETE FROM hops WHERE hop >> ? = ?", [LINE_BITS, number])

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

    def _end(self, number: int, end: Counted) -> None:
        source, copies, changed = end.origin.source, 0, 0
        if source is not None:
            if self._of[source]:
                changed = self.store.contradicting(self._of[source], number)
                copies = self.store.remove_copies(self._of[source], number)
            self._of[source].append(number)
        self.logs.append(
            ReadLog(end.origin.name, end.origin.path, source, end.count, end.first, end.last, copies, changed)
        )
