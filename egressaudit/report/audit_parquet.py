"""A window's judged groups as Parquet, for whatever reads columns: DuckDB, pandas, Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from egressaudit.model import Judged
from egressaudit.report.audit_columns import COLUMNS, Cell, cells, error_cells
from egressaudit.report.audit_words import KIND, SCHEMA_VERSION

_ROWS = 20_000
"""Rows of a row group, which is what is held in memory."""

_TYPES: Mapping[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    datetime: pa.timestamp("us", tz="UTC"),
    tuple: pa.list_(pa.string()),
}

SCHEMA = pa.schema(
    [(name, _TYPES[kind]) for name, kind in COLUMNS.items()],
    # Nothing of the time or the machine: the same report gives the same bytes.
    metadata={"kind": f"{KIND}-flows", "schema_version": str(SCHEMA_VERSION)},
)


def write_window_parquet(judged: Iterable[Judged], out: BinaryIO) -> None:
    """One row for each judged group; the same rows and the same pyarrow give the same bytes."""
    _write((cells(each) for each in judged), out)


def render_window_parquet_error(message: str, hint: str) -> bytes:
    """One row whose outcome is `NOT_PERFORMED`."""
    out = BytesIO()
    _write([error_cells(message, hint)], out)
    return out.getvalue()


def _write(rows: Iterable[Mapping[str, Cell]], out: BinaryIO) -> None:
    waiting = iter(rows)
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(waiting, _ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
