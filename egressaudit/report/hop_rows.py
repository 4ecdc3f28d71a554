"""Rows of hops for a person, a program or a spreadsheet, written as they come: none holds more than a screenful."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TextIO

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.report.safe import printable
from egressaudit.times import rfc3339

Row = Mapping[str, object]

TABLE_COLUMNS = (
    "source",
    "line",
    "start_time",
    "clean",
    "response_code",
    "response_flags",
    "upstream_cluster",
    "upstream_host",
    "dst_service",
    "dst_addr",
)
"""What a screen has room for: whose line, what it says of the way out. A column that has no value is left out."""

_SCREENFUL = 500
_CELL = 200
"""Characters of a cell on a screen; the rest is said to be left out. CSV and JSON have every one."""


class RowWriter(Protocol):
    """Writes rows one by one; `close` writes what still waits."""

    def write(self, row: Row) -> None:
        """Write one row."""

    def close(self) -> None:
        """Write what still waits."""


def row_writer(row_format: str, out: TextIO, columns: Sequence[str] | None, more: Sequence[str] = ()) -> RowWriter:
    """The writer of `table`, `jsonl` or `csv`; without columns a table has the telling ones, the others have all.

    `more` are columns beyond `columns.HOP_COLUMNS` that a custom format has: without `columns` they come last.
    """
    match row_format:
        case "table":
            return _Table(out, columns or (*TABLE_COLUMNS, *more), empty=columns is not None)
        case "csv":
            return _Csv(out, columns or (*HOP_COLUMNS, *more))
        case _:
            return _JsonLines(out, columns or (*HOP_COLUMNS, *more))


class _JsonLines:
    """One JSON object a line, typed; absent is null, times are RFC 3339. All but ASCII is escaped."""

    def __init__(self, out: TextIO, columns: Sequence[str]) -> None:
        self._out = out
        self._columns = columns

    def write(self, row: Row) -> None:
        self._out.write(json_line({column: _plain(row.get(column)) for column in self._columns}))

    def close(self) -> None:
        """Nothing waits."""


class _Csv:
    """RFC 4180 with a head line; absent is empty. No cell is a formula, none holds a control character."""

    def __init__(self, out: TextIO, columns: Sequence[str]) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, row: Row) -> None:
        self._writer.writerow([csv_cell(row.get(column)) for column in self._columns])

    def close(self) -> None:
        """Nothing waits."""


class _Table:
    """Aligned columns, a screenful at a time, so that the first rows do not wait for the last."""

    def __init__(self, out: TextIO, columns: Sequence[str], *, empty: bool) -> None:
        self._out = out
        self._columns = columns
        self._empty = empty
        self._rows: list[list[str]] = []

    def write(self, row: Row) -> None:
        self._rows.append([_shown(row.get(column)) for column in self._columns])
        if len(self._rows) == _SCREENFUL:
            self.close()

    def close(self) -> None:
        if not self._rows:
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        kept = [n for n in range(len(self._columns)) if self._empty or any(row[n] for row in self._rows)]
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for n in kept:
            table.add_column(self._columns[n], overflow="fold")
        for row in self._rows:
            # Text, not str: rich would take what a workload wrote in brackets for its own markup.
            table.add_row(*(Text(row[n]) for n in kept))
        width = shutil.get_terminal_size().columns if self._out.isatty() else _width(self._rows, self._columns)
        Console(file=self._out, width=width, highlight=False).print(table)
        self._rows.clear()


def json_line(document: Mapping[str, object]) -> str:
    """One line of JSON in ASCII without control characters: bytes that were not UTF-8 are lone surrogates there."""
    return json.dumps(document, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"


def _plain(value: object) -> object:
    return rfc3339(value, "microseconds") if isinstance(value, datetime) else value


def csv_cell(value: object) -> object:
    """A value that no spreadsheet runs (https://owasp.org/www-community/attacks/CSV_Injection)."""
    if value is None or isinstance(value, int):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else value
    text = printable(str(_plain(value))).replace("\t", "\\x09")
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return printable(str(_plain(value)), _CELL).replace("\t", " ")


def _width(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> int:
    """Wide enough that nothing is folded: in a pipe a row is a line."""
    widths = (max(len(name), *(len(row[n]) for row in rows)) for n, name in enumerate(columns))
    return sum(2 * width + 3 for width in widths)
