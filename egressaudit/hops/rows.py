"""Logs to rows of hops, streaming: each line becomes a row, or is some other line, or is not parsed.

In: `Sources`. Out: line by line `HopRow({"start_time": ..., "upstream_host": "192.0.2.7:443", ...})`, `NotParsed` for
a line not understood, and a `LogEnd` with the counts after each log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING

from egressaudit.errors import BadLogs
from egressaudit.hops.columns import hop_row, row_frame
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LineCount, OtherLine, Reporter, Unparsed
from egressaudit.sources import Origin, SourceLine, Sources

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 20_000
"""Rows that become one piece of a frame: as plain Python objects they take ten times the memory."""


@dataclass(frozen=True, slots=True)
class HopRow:
    """One hop's values by column of `columns.HOP_COLUMNS`."""

    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class NotParsed:
    """A line that is counted but not understood."""

    origin: Origin
    unparsed: Unparsed


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of one log: what became of its lines."""

    origin: Origin
    count: LineCount


def rows(sources: Sources, formats: FormatSet | None = None) -> Iterator[HopRow | NotParsed | LogEnd]:
    """Everything that the logs hold, in their order; after each log its count, access + other + unparsed = read.

    With `formats` Envoy's access lines are in these alone.
    """
    parser = LineParser(formats)
    for origin, lines in sources:
        tally: Counter[str] = Counter()
        for line in lines:
            tally["read"] += 1
            parsed = parsed_line(parser, line, formats)
            match parsed:
                case Hop():
                    tally["access"] += 1
                    tally["unclean"] += not parsed.clean
                    yield HopRow(row_values(parsed, line))
                case OtherLine():
                    tally["other"] += 1
                case Unparsed():
                    tally["unparsed"] += 1
                    yield NotParsed(origin, parsed)
        yield LogEnd(origin, LineCount(**tally))


def read_hops(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]], *, reporter: Reporter | str | None = None
) -> pd.DataFrame:
    """The hops of the logs at `paths` as a frame of `columns.HOP_COLUMNS` (docs/hops.md), one row for each access line.

    `paths` are files, folders or archives, one or several, as `egressaudit parse` takes them; `-` is standard input.
    `reporter` (`sidecar`, `egress-gateway`, `waypoint`, `ztunnel`) says what wrote them all; without it each log's
    path or the lines themselves do. `frame.attrs["lines"]` has for each log how many lines were `read`, and how many
    of those are `access` (`unclean` among them), `other` and `unparsed`; `frame.attrs["skipped"]` how many files
    were passed over, by reason.

    Raises BadLogs if a log cannot be read to its end, for a frame does not show what it lacks; NotFound if a
    path is not there; ValueError for a reporter that does not exist.
    """
    import pandas as pd

    named = [paths] if isinstance(paths, str | PathLike) else paths
    sources = Sources([fspath(path) for path in named], reporter=None if reporter is None else Reporter(reporter))
    lines: dict[str, dict[str, int]] = {}
    pieces: list[pd.DataFrame] = []
    waiting: list[dict[str, object]] = []
    for each in rows(sources):
        match each:
            case HopRow(values):
                waiting.append(values)
            case LogEnd(origin, count):
                lines[origin.path] = {key: getattr(count, key) for key in COUNTS}
        if len(waiting) == _CHUNK:
            pieces.append(row_frame(waiting))
            waiting = []
    check(sources)
    frame = pd.concat([*pieces, row_frame(waiting)], ignore_index=True) if pieces else row_frame(waiting)
    frame.attrs.update(lines=lines, skipped=dict(sources.skipped))
    return frame


COUNTS = ("read", "access", "unclean", "other", "unparsed")
"""What is counted of each log, the fields of LineCount."""


def check(sources: Sources) -> None:
    """Nothing where the logs were read whole; BadLogs if one broke, or where there was none at all."""
    if sources.broken:
        raise BadLogs(
            "; ".join(sources.broken),
            hint="What stands before the break was read; of a damaged file that may be damaged too.",
        )
    if not sources.origins:
        hint = f"Passed over: {skipped(sources)}. A file that is named itself is always read."
        raise BadLogs("no log was found at these paths", hint=hint if sources.skipped else "")


def skipped(sources: Sources) -> str:
    """The files that were passed over, in words, '' if none were."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(sources.skipped.items()))


def parsed_line(parser: LineParser, line: SourceLine, formats: FormatSet | None = None) -> Hop | OtherLine | Unparsed:
    """What a line is, by everything that is known of who wrote it."""
    if line.fault:
        return Unparsed(line.line, line.fault, len(line.line.text) + 1)
    if line.foreign:
        # An application can write anything into its own log, even a perfect access line.
        return OtherLine(line.line, "another container")
    # A custom format has no marker that only Envoy writes, so trust `--format`: it is an Envoy line.
    shown = _by_shape(line.line.text) if formats is None else Reporter.SIDECAR
    return parser.parse(line.line, line.reporter or shown)


def _by_shape(text: str) -> Reporter:
    """Whether Envoy (as SIDECAR) or a ztunnel wrote a line, by its first characters: a sender cannot control those."""
    if text.startswith("["):
        return Reporter.SIDECAR
    if text.startswith("{"):
        # JSON escapes quotes within a value, so this can only be a key with its value.
        ours = '"scope":"access"' in text or '"scope": "access"' in text
    else:
        ours = text.split(maxsplit=3)[2:3] == ["access"]
    return Reporter.ZTUNNEL if ours else Reporter.SIDECAR


def row_values(hop: Hop, line: SourceLine) -> dict[str, object]:
    """The hop's values by column; `source` is its log's name, `reporter` None if nothing tells which Envoy it is."""
    known = line.reporter or (Reporter.ZTUNNEL if hop.reporter is Reporter.ZTUNNEL else None)
    row = hop_row(hop)
    row["source"], row["reporter"] = line.name, None if known is None else known.value
    return row
