"""JSON of the rows of a query: one list of objects, each with the columns in their order.

In: a row, e.g. `{"host": "docs.example.com", "total": 38}`. Out: `[\\n{"host":"docs.example.com","total":38}\\n]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from egressaudit.report.hop_row import Row, json_line
from egressaudit.report.output_formats import HopRows


class _JsonList:
    """A list whose objects are written as they come."""

    def __init__(self, out: TextIO, columns: Sequence[str] | None, more: Sequence[str]) -> None:
        self._out = out
        self._columns = (*(columns or ()), *more)
        self._between = "[\n"

    def write(self, row: Row) -> None:
        self._out.write(self._between + json_line({column: row.get(column) for column in self._columns}).rstrip("\n"))
        self._between = ",\n"

    def close(self) -> None:
        self._out.write("[]\n" if self._between == "[\n" else "\n]\n")


ROWS = HopRows(_JsonList)
