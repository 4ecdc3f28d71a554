"""Turn log lines into hops, and account for every line that is not a hop.

In: `LogLine`s of any logs, each log's in its order, and which proxy writes each log. Out: `Hop`, e.g. with
`{"response_code": 200, "upstream_host": "192.0.2.7:443"}`; `OtherLine`, e.g. of the agent; or `Unparsed` with why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from egressaudit.hops.columns import hop_frame
from egressaudit.hops.dialects import (
    STARTS_LIKE_ACCESS,
    AccessFields,
    Blocks,
    Broken,
    FormatError,
    FormatSet,
    LineResult,
    Other,
    Unreadable,
    cluster_columns,
    format_of,
    is_default_format,
    lacking,
    read_envoy,
    read_other,
    read_ztunnel,
)
from egressaudit.model import Hop, LineCount, LogFormat, LogLine, LogSource, OtherLine, Reporter, Unparsed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Parsed:
    """What became of the lines: the hops in their order, counts for each log, and what no grammar accepts."""

    hops: tuple[Hop, ...]
    lines: Mapping[LogSource, LineCount]
    unparsed: tuple[Unparsed, ...]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The hops as a frame of `columns.HOP_COLUMNS`."""
        return hop_frame(self.hops)


class LineParser:
    """Parses one line after the other, each log's in its order. Grammars are built when a line first needs them.

    With `formats`, only these are tried for Envoy's access lines; without, all of the default formats.
    """

    def __init__(self, formats: FormatSet | None = None) -> None:
        self._formats = formats
        self._broken_off: set[LogSource] = set()
        self._unclean: set[LogSource] = set()
        self._blocks = Blocks()
        self._seen_others: dict[LogSource, tuple[LogLine, Reporter]] = {}
        # A mesh has few clusters. The bound protects against logs with endless different names.
        self._cluster_columns: Callable[[str], dict[str, object]] = lru_cache(maxsize=4096)(cluster_columns)

    def parse(self, line: LogLine, reporter: Reporter) -> Hop | OtherLine | Unparsed:
        """The hop that a line records; or which other line it is; or why and where reading failed. Never raises."""
        if reporter is Reporter.ZTUNNEL:
            reading = read_ztunnel(line.text)
        else:
            reading = read_envoy(line.text) if self._formats is None else self._formats.read(line.text)
        return self._not_a_rest(self._parsed(line, reporter, self._in_block(line, reporter, reading)), reporter)

    def saw_text(self, source: LogSource, *, clean: bool) -> None:
        """Note a text line of Envoy that another lane read: what follows a clean one cannot be its tail."""
        for each in (self._broken_off, self._unclean):
            if clean:
                each.discard(source)
            else:
                each.add(source)

    def saw_other(self, line: LogLine, reporter: Reporter) -> None:
        """Note an application log line that another lane read: the next line may belong to it."""
        # Read it only if the next line needs to know: usually none does, and building a grammar takes long.
        self._seen_others[line.source] = line, reporter

    def believes_all(self, source: LogSource) -> bool:
        """Whether no text line of the log is torn: after a torn one, the next line may be its tail."""
        return source not in self._broken_off

    def _in_block(self, line: LogLine, reporter: Reporter, reading: LineResult) -> LineResult:
        """The same reading, but `Other` for a line that belongs to output of several lines.

        After a text line that is not clean, no line counts as such until the next clean one: it may be a piece of that
        line, which an upstream wrote (see `_not_a_rest`). Nor does any if the format's own lines could begin that way.
        """
        if seen := self._seen_others.pop(line.source, None):
            before, writer = seen
            if (known := read_other(before.text, _writer(writer))) is not None:
                self._in_block(before, writer, known)
        if line.source in self._unclean or (self._formats is not None and not self._formats.begins_apart):
            self._blocks.close(line.source)
            return reading
        return self._blocks.read(line.source, line.number, line.text, reading, _writer(reporter))

    def _not_a_rest(self, parsed: Hop | OtherLine | Unparsed, reporter: Reporter) -> Hop | OtherLine | Unparsed:
        """The same, but `Unparsed` for an access line that may be the tail of a text line before it.

        Envoy 1.40 logs the names in a refused upstream certificate with their newlines. What follows such a newline has
        no spaces, so it never begins like Envoy's text; but it can be a whole JSON object. So after a text line that is
        not clean, only text lines are believed until the next clean one.
        """
        line = parsed.line
        match parsed:
            case Hop() if reporter is Reporter.ZTUNNEL or parsed.dialect.endswith("json"):
                if line.source in self._broken_off:
                    return Unparsed(line, "perhaps the rest of a text line that is broken off", 1)
            case Hop(clean=True):
                self.saw_text(line.source, clean=True)
            case _ if reporter is not Reporter.ZTUNNEL and self._may_be_torn(line.text):
                self._broken_off.add(line.source)
                # Where any line may be a piece, JSON is not believed even after an application log line. That opens
                # a block all the same: it has blanks where no upstream can write one, so it is no piece.
                if not isinstance(parsed, OtherLine):
                    self._unclean.add(line.source)
        return parsed

    def _may_be_torn(self, text: str) -> bool:
        return STARTS_LIKE_ACCESS.match(text) is not None or (self._formats is not None and self._formats.tears_lines)

    def _parsed(self, line: LogLine, reporter: Reporter, reading: LineResult) -> Hop | OtherLine | Unparsed:
        match reading:
            case AccessFields(dialect, clean, fields):
                cluster = fields.get("upstream_cluster")
                if isinstance(cluster, str):
                    fields = {**fields, **self._cluster_columns(cluster)}
                return Hop(line=line, reporter=reporter, dialect=dialect, clean=clean, fields=fields)
            case Other(kind):
                return OtherLine(line=line, kind=kind)
            case Broken(reason, column):
                return Unparsed(line=line, reason=reason, column=column)


def _writer(reporter: Reporter) -> str:
    """Whose application log lines stand in a log, beside Envoy's own."""
    return "ztunnel" if reporter is Reporter.ZTUNNEL else "istio-agent"


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


def unreadable(configured: Iterable[LogFormat]) -> str:
    """Why Envoy's access lines cannot be read, or say too little for any verdict; '' if they do."""
    for each in configured:
        try:
            missing = [column for part in format_of(each) for column in lacking(part)]
        except FormatError as error:
            return f"{each.where} cannot be read: {error}"
        if missing:
            return f"{each.where} leaves out what a verdict needs: {', '.join(missing)}"
    return ""


def format_set(configured: Iterable[LogFormat]) -> FormatSet | None:
    """The formats that a mesh's configuration asks for; None if all are defaults.

    Where one of them is `unreadable`, no access line of Envoy's is read, for that reason: which of them wrote a line
    would not be known.
    """
    known = tuple(configured)
    if why := unreadable(known):
        return FormatSet((Unreadable(why),))
    if all(_is_default(each) for each in known):
        return None
    return FormatSet(tuple(part for each in known for part in format_of(each)), wary=True)


def _is_default(each: LogFormat) -> bool:
    if each.labels is not None:
        return each.labels in ("", {})
    return not each.omit_empty and (not each.text or is_default_format(each.text))


def unproven(configured: Iterable[LogFormat]) -> tuple[str, ...]:
    """Why lines of the configured formats are never clean, one sentence for each trouble; none where they can be."""
    known = tuple(configured)
    formats = None if unreadable(known) else format_set(known)
    where = ", ".join(dict.fromkeys(each.where for each in known if not _is_default(each)))
    return () if formats is None else tuple(f"{where}: {problem}" for problem in formats.problems)


def parse(
    lines: Iterable[LogLine],
    reporters: Mapping[LogSource, Reporter],
    formats: FormatSet | None = None,
) -> Parsed:
    """Parse lines of any logs. `reporters` says what wrote each log; each of them is counted, silent ones too.

    `formats` are those of Envoy's lines, None for the defaults (see `format_set`).
    """
    parser = LineParser(formats)
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
