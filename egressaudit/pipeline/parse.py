"""Logs to rows: what `parse` composes.

sources ─▶ hops (rows or tables) ─▶ the format's writer
             └─▶ lines that were not parsed, and the account of each log

In: `Sources`, a writer of `report.output_formats`, e.g. that of `csv`. Out: the hops in a stream, and all else that
the logs hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TextIO, TypeVar

from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.rows import HopRow, LogEnd, NotParsed, rows
from egressaudit.report.output_formats import HopRows, HopTables
from egressaudit.sources import Sources

_Event = TypeVar("_Event")


class Watched(Protocol):
    """The events as they are, watched as they come: `many` of them say little of how far the reading is."""

    def __call__(self, events: Iterator[_Event], *, many: bool) -> Iterator[_Event]:
        """The same events in the same order."""


@dataclass(frozen=True, slots=True)
class ParseSettings:
    """Which columns (None for the format's own choice), and the access log formats, None for Istio's own."""

    columns: tuple[str, ...] | None
    formats: FormatSet | None


def parse_logs(
    sources: Sources, settings: ParseSettings, form: HopRows | HopTables, out: TextIO, watched: Watched
) -> Iterator[NotParsed | LogEnd]:
    """Write all hops to `out`, in the order of their lines; yields what is no hop as it comes.

    The writer holds some rows back: all are written when the iterator has ended, and not before.
    """
    if isinstance(form, HopTables):
        yield from _by_tables(sources, settings, form, out, watched)
    else:
        yield from _by_rows(sources, settings, form, out, watched)


def _by_rows(
    sources: Sources, settings: ParseSettings, form: HopRows, out: TextIO, watched: Watched
) -> Iterator[NotParsed | LogEnd]:
    more = () if settings.formats is None else tuple(settings.formats.columns)
    writer = form.open(out, settings.columns, more)
    for each in watched(rows(sources, settings.formats), many=True):
        if isinstance(each, HopRow):
            writer.write(each.values)
        else:
            yield each
    writer.close()


def _by_tables(
    sources: Sources, settings: ParseSettings, form: HopTables, out: TextIO, watched: Watched
) -> Iterator[NotParsed | LogEnd]:
    # Import here: rows need neither Arrow nor the compiled lane.
    from egressaudit.hops.tables import HopTable, hop_tables, table_schema

    events = hop_tables(sources, settings.columns, formats=settings.formats, in_order=True)
    writer = form.open(out.buffer, table_schema(settings.columns, settings.formats))
    for each in watched(events, many=False):
        if isinstance(each, HopTable):
            writer.write(each.table)
        else:
            yield each
    writer.close()
