"""Hops as Parquet, for whatever reads columns: DuckDB, pandas, Spark."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 100_000
"""Rows of a row group, which is what is held in memory; small logs share one."""


class HopParquet:
    """Writes tables of one schema; nothing of the time or the machine is in the file."""

    def __init__(self, out: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(out, schema, compression="zstd", compression_level=1)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Write the rows of a table behind those before."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _ROWS:
            self._flush()

    def close(self) -> None:
        """Write what still waits, and the end of the file, without which it cannot be read."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=2 * _ROWS)
        self._waiting, self._rows = [], 0
