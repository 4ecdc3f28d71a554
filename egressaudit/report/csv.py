"""CSV: hops of `parse` and judged groups of `audit` as RFC 4180 with a head line, and no cell that a spreadsheet runs.

In: a row, e.g. `{"host": "=cmd()", "port": 80}`. Out: a line, e.g. `'=cmd(),80`. Absent is empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, TextIOWrapper
from typing import BinaryIO, TextIO

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.model import AuditReport
from egressaudit.report.group_columns import COLUMNS, Cell, cells, error_cells
from egressaudit.report.hop_row import Row, plain
from egressaudit.report.output_formats import HopRows, ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen


class _CsvRows:
    """Hops as lines, written as they come."""

    def __init__(self, out: TextIO, columns: Sequence[str] | None, more: Sequence[str]) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._columns = columns or (*HOP_COLUMNS, *more)
        self._writer.writerow([_cell(each) for each in self._columns])

    def write(self, row: Row) -> None:
        self._writer.writerow([_cell(row.get(column)) for column in self._columns])

    def close(self) -> None:
        """Nothing waits."""


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    """One row for each judged group; a list's items are joined by `; `."""
    _write_rows((cells(each) for each in report.judged), out)


def _error(message: str, hint: str) -> bytes:
    """The head line and one row whose outcome is `NOT_PERFORMED`."""
    out = BytesIO()
    _write_rows([error_cells(message, hint)], out)
    return out.getvalue()


def _write_rows(rows: Iterable[Mapping[str, Cell]], out: BinaryIO) -> None:
    text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            values = (row[name] for name in COLUMNS)
            writer.writerow([_cell("; ".join(each) if isinstance(each, tuple) else each) for each in values])
    finally:
        # The wrapper would close `out`, which is the caller's.
        text.detach()


def _cell(value: object) -> object:
    """A value that no spreadsheet runs (https://owasp.org/www-community/attacks/CSV_Injection)."""
    if value is None or isinstance(value, int):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else value
    text = printable(str(plain(value))).replace("\t", "\\x09")
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


AUDIT = ReportWriter(_write, _error)
HOPS = HopRows(_CsvRows)
