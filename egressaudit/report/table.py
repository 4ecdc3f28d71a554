"""A table of hops for a person, written a screenful at a time: the default of `parse`.

In: rows. Out: aligned columns, those that have a value; for a pipe a row is a line, a terminal folds it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TextIO

from egressaudit.report.hop_row import Row, plain
from egressaudit.report.output_formats import HopRows
from egressaudit.report.safe import printable

_COLUMNS = (
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
"""What a screen has room for: whose line, what it says about the way out. A column that has no value is left out."""

_SCREENFUL = 500
_CELL = 200
"""Characters of a cell on a screen; the rest is said to be left out. CSV and JSON have every one."""


class _Table:
    """Aligned columns, a screenful at a time, so that the first rows do not wait for the last."""

    def __init__(self, out: TextIO, columns: Sequence[str] | None, more: Sequence[str]) -> None:
        self._out = out
        self._columns = columns or (*_COLUMNS, *more)
        self._empty = columns is not None
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
            # Text, as below: a column of an answer may be named after a value.
            table.add_column(Text(printable(self._columns[n])), overflow="fold")
        for row in self._rows:
            # Text, not str: rich would take what a workload wrote in brackets for its own markup.
            table.add_row(*(Text(row[n]) for n in kept))
        width = shutil.get_terminal_size().columns if self._out.isatty() else _width(self._rows, self._columns)
        # Without styles: a table is as readable without, and its reader may be a program.
        console = Console(file=self._out, width=width, highlight=False, force_terminal=False)
        # Written by us: where the reader is gone, rich would end the process.
        with console.capture() as shown:
            console.print(table)
        self._out.write(shown.get())
        self._rows.clear()


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return printable(str(plain(value)), _CELL).replace("\t", " ")


def _width(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> int:
    """Wide enough that nothing is folded: in a pipe a row is a line."""
    widths = (max(len(name), *(len(row[n]) for row in rows)) for n, name in enumerate(columns))
    return sum(2 * width + 3 for width in widths)


HOPS = HopRows(_Table)
