"""Turn log lines into hops, and account for every line that is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import pandas as pd

from egressaudit.dialects import Access, Broken, Other, cluster_columns, read_envoy, read_ztunnel
from egressaudit.frames import hop_frame
from egressaudit.model import Hop, LineCount, LogLine, LogSource, OtherLine, Reporter, Unparsed


@dataclass(frozen=True)
class Parsed:
    """What became of the lines: the hops in their order, a count for each log, and what no grammar took."""

    hops: tuple[Hop, ...]
    lines: Mapping[LogSource, LineCount]
    unparsed: tuple[Unparsed, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The hops as a frame of `frames.HOP_COLUMNS`."""
        return hop_frame(self.hops)


class LineParser:
    """Parses one line after the other. Grammars are built when a line first needs them."""

    def __init__(self) -> None:
        # A mesh has few clusters; the bound is for logs that are not of a mesh.
        self._cluster_columns: Callable[[str], dict[str, object]] = lru_cache(maxsize=4096)(cluster_columns)

    def parse(self, line: LogLine, reporter: Reporter) -> Hop | OtherLine | Unparsed:
        """The hop a line records; or that it is another line; or why and where it broke. Never raises."""
        match read_ztunnel(line.text) if reporter is Reporter.ZTUNNEL else read_envoy(line.text):
            case Access(dialect, clean, fields):
                cluster = fields.get("upstream_cluster")
                if isinstance(cluster, str):
                    fields = {**fields, **self._cluster_columns(cluster)}
                return Hop(line=line, reporter=reporter, dialect=dialect, clean=clean, fields=fields)
            case Other(kind):
                return OtherLine(line=line, kind=kind)
            case Broken(reason, column):
                return Unparsed(line=line, reason=reason, column=column)


def parse(lines: Iterable[LogLine], reporters: Mapping[LogSource, Reporter]) -> Parsed:
    """Parse lines of any logs. `reporters` says what wrote each log; each of them is counted, silent ones too."""
    parser = LineParser()
    hops: list[Hop] = []
    unparsed: list[Unparsed] = []
    tallies: dict[LogSource, Counter[str]] = {source: Counter() for source in reporters}
    for line in lines:
        tally = tallies.setdefault(line.source, Counter())
        tally["read"] += 1
        reporter = reporters.get(line.source)
        if reporter is None:
            parsed: Hop | OtherLine | Unparsed = Unparsed(line, "no proxy is known to write this log", 1)
        else:
            parsed = parser.parse(line, reporter)
        match parsed:
            case Hop():
                hops.append(parsed)
                tally["access"] += 1
                tally["unclean"] += not parsed.clean
            case OtherLine():
                tally["other"] += 1
            case Unparsed():
                unparsed.append(parsed)
                tally["unparsed"] += 1
    counts = {source: LineCount(**tally) for source, tally in tallies.items()}
    return Parsed(hops=tuple(hops), lines=counts, unparsed=tuple(unparsed))
