"""Redaction of tables of hops: each column as the same column of a hop in a report.

In: an Arrow table with columns of `columns.HOP_COLUMNS`. Out: the same without secrets, e.g. `/cb?REDACTED` in `path`.
Few values have any; Arrow finds them, and they are changed one by one.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.model import LogFormat
from egressaudit.report.redaction.secret_text import (
    TELLING,
    is_secret_name,
    scrubbed_line,
    scrubbed_value,
)

_MAY_HOLD = rf"[?#@;=%]|eyJ|(?i:jwt|query|{'|'.join(TELLING)})"
"""What a value has that `secret_text` may change."""


class HopValues:
    """Redacts the tables of one run. `formats` are those that the mesh defines itself."""

    def __init__(self, formats: tuple[LogFormat, ...] = ()) -> None:
        self._custom = None
        if formats:
            # Import here: few meshes have formats of their own.
            from egressaudit.report.redaction.custom_lines import CustomLines

            self._custom = CustomLines.of(formats)

    def redacted(self, table: pa.Table) -> pa.Table:
        """The table without secrets."""
        for number, name in enumerate(table.column_names):
            column = table.column(number)
            if pa.types.is_string(column.type):
                table = table.set_column(number, name, self._column(name, column))
        return table

    def _column(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if is_secret_name(name) or (name == "raw" and self._custom is not None):
            found = pc.is_valid(column)
        else:
            found = pc.fill_null(pc.match_substring_regex(column, _MAY_HOLD), fill_value=False)
        values = [self._value(name, each) for each in column.filter(found).to_pylist()]
        if not values:
            return column
        return pc.replace_with_mask(column.combine_chunks(), found.combine_chunks(), pa.array(values, column.type))

    def _value(self, name: str, text: str) -> str:
        if name != "raw":
            return scrubbed_value(name, text)
        if self._custom is None:
            return scrubbed_line(text)
        return scrubbed_line(self._custom.redacted(text), self._custom.keys)
