"""A window's judged groups as CSV: RFC 4180 with a head line, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from io import BytesIO, TextIOWrapper
from typing import BinaryIO

from egressaudit.model import Judged
from egressaudit.report.audit_columns import COLUMNS, Cell, cells, error_cells
from egressaudit.report.hop_rows import csv_cell


def write_window_csv(judged: Iterable[Judged], out: BinaryIO) -> None:
    """One row for each judged group; a list's items are joined by `; `, absent is empty."""
    _write((cells(each) for each in judged), out)


def render_window_csv_error(message: str, hint: str) -> str:
    """The head line and one row whose outcome is `NOT_PERFORMED`."""
    out = BytesIO()
    _write([error_cells(message, hint)], out)
    return out.getvalue().decode("utf-8")


def _write(rows: Iterable[Mapping[str, Cell]], out: BinaryIO) -> None:
    text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([_cell(row[name]) for name in COLUMNS])
    finally:
        # The wrapper would close `out`, which is the caller's.
        text.detach()


def _cell(value: Cell) -> object:
    return csv_cell("; ".join(value) if isinstance(value, tuple) else value)
