"""`frames.HOP_COLUMNS` as Arrow types, and how columns of a block become arrays of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pyarrow as pa

from egressaudit.columnar.words import Bools, Ints, Text
from egressaudit.dialects import cluster_columns
from egressaudit.frames import HOP_COLUMNS

_TYPES = {
    "string[python]": pa.string(),
    "Int64": pa.int64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
}

ARROW_SCHEMA = pa.schema([(column, _TYPES[dtype]) for column, dtype in HOP_COLUMNS.items()])
"""`frames.HOP_COLUMNS` as Arrow types."""

CLUSTER_PARTS = tuple(cluster_columns(None))
"""The columns that are made of `upstream_cluster`."""


_CUSTOM = {"text": pa.string(), "number": pa.int64(), "time": pa.timestamp("us", "UTC")}


def schema_of(columns: tuple[str, ...], custom: Mapping[str, str]) -> pa.Schema:
    """The schema of these columns, in their order; `custom` are a format's own, and their kind."""
    return pa.schema(
        [
            ARROW_SCHEMA.field(column) if column in HOP_COLUMNS else pa.field(column, _CUSTOM[custom[column]])
            for column in columns
        ]
    )


def texts(text: Text, starts: Ints, ends: Ints, null: Bools | None) -> pa.Array:
    """The texts from each start to its end as an array, None where `null`. They must be ASCII and follow each other."""
    count = len(starts)
    offsets = np.empty(2 * count + 1, dtype=np.int32)
    offsets[0 : 2 * count : 2] = starts
    offsets[1 : 2 * count : 2] = ends
    offsets[2 * count] = ends[-1] if count else 0
    # Every second one is what stands between two values; taking the others copies those alone.
    both = pa.Array.from_buffers(pa.string(), 2 * count, [None, pa.py_buffer(offsets), pa.py_buffer(text.data)])
    return both.take(_array(pa.int32(), np.arange(0, 2 * count, 2, dtype=np.int32), null))


def integers(values: Ints, null: Bools | None) -> pa.Array:
    """Numbers as an array, None where `null`."""
    return _array(pa.int64(), values, null)


def moments(micros: Ints) -> pa.Array:
    """Microseconds since 1970 as times."""
    return _array(pa.timestamp("us", "UTC"), micros, None)


def constant(value: object, count: int, column: str) -> pa.Array:
    """The same value as often as asked for, in the type of a column."""
    return pa.repeat(pa.scalar(value, ARROW_SCHEMA.field(column).type), count)


def cluster_arrays(names: pa.Array, wanted: tuple[str, ...]) -> dict[str, pa.Array]:
    """The columns that stand beside `upstream_cluster`, each distinct name read once."""
    encoded = names.dictionary_encode()
    parts = [_cluster_parts(name) for name in encoded.dictionary.to_pylist()]
    return {
        column: pa.array([part[column] for part in parts], ARROW_SCHEMA.field(column).type).take(encoded.indices)
        for column in wanted
    }


@lru_cache(maxsize=65_536)
def _cluster_parts(name: str | None) -> dict[str, object]:
    """Read once for all blocks: a mesh has thousands of clusters, and a grammar is slow."""
    return cluster_columns(name)


def _array(kind: pa.DataType, values: np.ndarray, null: Bools | None) -> pa.Array:
    bitmap = None if null is None or not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])
