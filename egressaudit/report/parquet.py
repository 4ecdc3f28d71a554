"""Parquet, for whatever reads columns (DuckDB, pandas, Spark): hops of `parse`, judged groups of `audit`.

In: Arrow tables of hops, or an `AuditReport`. Out: bytes in which nothing is of the time or the machine, so that the
same rows and the same pyarrow give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from egressaudit.model import AuditReport
from egressaudit.report.group_columns import COLUMNS, Cell, cells, error_cells
from egressaudit.report.output_formats import HopTables, ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.wording import KIND, SCHEMA_VERSION

_HOPS = 100_000
"""Hops of a row group, which is what is held in memory; small logs share one."""
_GROUPS = 20_000
"""The same for judged groups, whose rows are wider."""

_TYPES: Mapping[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    datetime: pa.timestamp("us", tz="UTC"),
    tuple: pa.list_(pa.string()),
}

_SCHEMA = pa.schema(
    [(name, _TYPES[kind]) for name, kind in COLUMNS.items()],
    metadata={"kind": f"{KIND}-flows", "schema_version": str(SCHEMA_VERSION)},
)


class _ParquetTables:
    """Tables of hops of one schema as one file."""

    def __init__(self, out: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(out, schema, compression="zstd", compression_level=1)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Write the rows of a table behind those before."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _HOPS:
            self._flush()

    def close(self) -> None:
        """Write what still waits, and the end of the file, without which it cannot be read."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=2 * _HOPS)
        self._waiting, self._rows = [], 0


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    """One row for each judged group."""
    _write_rows((cells(each) for each in report.judged), out)


def _error(message: str, hint: str) -> bytes:
    """One row whose outcome is `NOT_PERFORMED`."""
    out = BytesIO()
    _write_rows([error_cells(message, hint)], out)
    return out.getvalue()


def _write_rows(rows: Iterable[Mapping[str, Cell]], out: BinaryIO) -> None:
    waiting = iter(rows)
    with pq.ParquetWriter(out, _SCHEMA, compression="zstd") as writer:
        while batch := list(islice(waiting, _GROUPS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=_SCHEMA))


AUDIT = ReportWriter(_write, _error)
HOPS = HopTables(_ParquetTables)
