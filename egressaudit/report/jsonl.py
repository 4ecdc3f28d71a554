"""JSON lines: hops of `parse` and judged groups of `audit`, one object a line.

In: a row, e.g. `{"line": 1, "clean": True}`. Out: a line, e.g. `{"line":1,"clean":true}`. Absent is null, times are
RFC 3339, and all but ASCII is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, TextIO

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.model import AuditReport
from egressaudit.report.hop_row import Row, json_line, plain
from egressaudit.report.output_formats import HopRows, ReportWriter
from egressaudit.report.screen import Screen


class _JsonRows:
    """Hops as lines, written as they come."""

    def __init__(self, out: TextIO, columns: Sequence[str] | None, more: Sequence[str]) -> None:
        self._out = out
        self._columns = columns or (*HOP_COLUMNS, *more)

    def write(self, row: Row) -> None:
        self._out.write(json_line({column: plain(row.get(column)) for column in self._columns}))

    def close(self) -> None:
        """Nothing waits."""


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    """The same objects as in `flows` of the JSON report."""
    # Here and not above: hops have no document, and pydantic takes long to import.
    from egressaudit.report.audit_json import flow_row

    out.writelines(json_line(flow_row(each).model_dump(mode="json")).encode() for each in report.judged)


def _error(message: str, hint: str) -> bytes:
    """One line whose outcome is `NOT_PERFORMED`."""
    from egressaudit.report.audit_json import no_flow

    return json_line(no_flow(f"{message} {hint}".strip()).model_dump(mode="json")).encode()


AUDIT = ReportWriter(_write, _error)
HOPS = HopRows(_JsonRows)
