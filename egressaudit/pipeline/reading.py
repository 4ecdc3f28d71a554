"""The logs of a window into the store, and what is learned of them on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pyarrow.compute as pc

from egressaudit.dialects import FormatSet
from egressaudit.errors import BadLogs
from egressaudit.flows import HOP_NEEDS, HopStore
from egressaudit.model import LogSource
from egressaudit.pipeline.bulk import Counted, HopTable, hop_tables
from egressaudit.pipeline.coverage import ReadLog
from egressaudit.pipeline.hops import NotParsed
from egressaudit.sources import Sources
from egressaudit.window import Evidence

_SHOWN = 3
"""Lines that are shown of those that prove nothing, for each log."""


class Reading:
    """What is learned of the logs while their hops go into the store."""

    def __init__(self, store: HopStore) -> None:
        self.store = store
        self.logs: list[ReadLog] = []
        self.unclean: defaultdict[str, list[int]] = defaultdict(list)
        self.unparsed: defaultdict[str, list[Evidence]] = defaultdict(list)
        self.judged: set[str] = set()
        """The logs of proxies that the snapshot knows, by path."""
        self.skipped: dict[str, int] = {}
        self.broken: tuple[str, ...] = ()
        self._of: defaultdict[LogSource, list[int]] = defaultdict(list)

    def read(self, sources: Sources, formats: FormatSet | None, say: Callable[[str], None]) -> None:
        """Read all logs to their ends; `formats` are those of Envoy's lines, None for the defaults."""
        begun: set[str] = set()
        for each in hop_tables(sources, columns=HOP_NEEDS, formats=formats):
            number, path = len(self.logs), each.origin.path
            if path not in begun:
                say(f"reading {path}")
                begun.add(path)
                if self.store.add_log(number, each.origin.name, each.origin.source):
                    self.judged.add(path)
            match each:
                case HopTable(_, table):
                    self.store.add(number, table)
                    if len(seen := self.unclean[path]) < _SHOWN:
                        lines = table.filter(pc.invert(table["clean"]))["line"].slice(0, _SHOWN - len(seen)).to_pylist()
                        seen += [line for line in lines if line is not None]
                case NotParsed(_, unparsed):
                    if len(shown := self.unparsed[path]) < _SHOWN:
                        shown.append(Evidence(each.origin.name, unparsed.line.number, unparsed.line.text, "unparsed"))
                case Counted():
                    self._end(number, each)
        self.skipped, self.broken = dict(sources.skipped), tuple(sources.broken)
        if not self.logs:
            raise BadLogs(
                "no log was found at these paths", hint="Name the folder that holds namespace/pod/container.log."
            )

    def _end(self, number: int, end: Counted) -> None:
        source, copies = end.origin.source, 0
        if source is not None:
            if self._of[source]:
                copies = self.store.remove_copies(self._of[source], number)
            self._of[source].append(number)
        self.logs.append(ReadLog(end.origin.name, end.origin.path, source, end.count, end.first, end.last, copies))
