"""Turn log lines into hops, and account for every line that is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import pandas as pd

from egressaudit.dialects import (
    STARTS_LIKE_ACCESS,
    Access,
    Broken,
    Other,
    Reading,
    cluster_columns,
    is_default_format,
    read_envoy,
    read_ztunnel,
)
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
    """Parses one line after the other, each log's in its order. Grammars are built when a line first needs them."""

    def __init__(self) -> None:
        self._broken_off: set[LogSource] = set()
        # A mesh has few clusters; the bound is for logs that are not of a mesh.
        self._cluster_columns: Callable[[str], dict[str, object]] = lru_cache(maxsize=4096)(cluster_columns)

    def parse(self, line: LogLine, reporter: Reporter) -> Hop | OtherLine | Unparsed:
        """The hop a line records; or that it is another line; or why and where it broke. Never raises."""
        reading = read_ztunnel(line.text) if reporter is Reporter.ZTUNNEL else read_envoy(line.text)
        return self._not_a_rest(self._parsed(line, reporter, reading), reporter)

    def _not_a_rest(self, parsed: Hop | OtherLine | Unparsed, reporter: Reporter) -> Hop | OtherLine | Unparsed:
        """The same, but Unparsed for an access line that may be the rest of a text line before it.

        The names in an upstream's refused certificate stand in the failure reason with their line ends (Envoy 1.40).
        What follows such a line end has no blanks, so it never begins as Envoy's text does; but it can be a whole JSON
        object. So after a text line that is not clean, nothing but text is believed until the next clean one.
        """
        line = parsed.line
        match parsed:
            case Hop() if not line.text.startswith("["):
                if line.source in self._broken_off:
                    return Unparsed(line, "perhaps the rest of a text line that is broken off", 1)
            case Hop(clean=True):
                self._broken_off.discard(line.source)
            case _ if reporter is not Reporter.ZTUNNEL and STARTS_LIKE_ACCESS.match(line.text):
                self._broken_off.add(line.source)
        return parsed

    def _parsed(self, line: LogLine, reporter: Reporter, reading: Reading) -> Hop | OtherLine | Unparsed:
        match reading:
            case Access(dialect, clean, fields):
                cluster = fields.get("upstream_cluster")
                if isinstance(cluster, str):
                    fields = {**fields, **self._cluster_columns(cluster)}
                return Hop(line=line, reporter=reporter, dialect=dialect, clean=clean, fields=fields)
            case Other(kind):
                return OtherLine(line=line, kind=kind)
            case Broken(reason, column):
                return Unparsed(line=line, reason=reason, column=column)


def prepare() -> None:
    """Build the grammars of today's formats now, so that the first line does not wait for them."""
    source = LogSource("", "", "")
    parser = LineParser()
    for text in ("-\tinfo\t-", _ACCESS_LINE):
        parser.parse(LogLine(source, 1, text), Reporter.SIDECAR)
    parser.parse(LogLine(source, 1, "-\tinfo\taccess\t-"), Reporter.ZTUNNEL)


_ACCESS_LINE = (
    '[2000-01-01T00:00:00.000Z] "- - -" 0 - - - "-" 0 0 0 - "-" "-" "-" "-" "-" outbound|80||example.com - - - - -'
)


def unreadable(custom_formats: Iterable[tuple[str, str]]) -> str:
    """Why Envoy's access lines cannot be trusted to mean what they seem to, '' where they can.

    A line of a custom format may look like one of a default and mean something else; that a line is clean is proven
    for the defaults alone.
    """
    odd = [where for where, format_string in custom_formats if not is_default_format(format_string)]
    return f"{odd[0]} is not one of Istio's default formats" if odd else ""


def parse(lines: Iterable[LogLine], reporters: Mapping[LogSource, Reporter], envoy_unreadable: str = "") -> Parsed:
    """Parse lines of any logs. `reporters` says what wrote each log; each of them is counted, silent ones too.

    With `envoy_unreadable` (see `unreadable`) Envoy's access lines are unparsed, for that reason.
    """
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
        if envoy_unreadable and isinstance(parsed, Hop) and reporter is not Reporter.ZTUNNEL:
            parsed = Unparsed(line, envoy_unreadable, 1)
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
