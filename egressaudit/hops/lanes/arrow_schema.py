"""`columns.HOP_COLUMNS` as Arrow types, and the arrays that blocks are made of.

In: e.g. the cluster names of a block's lines. Out: Arrow arrays, e.g. `cluster_port` for each of these lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import cluster_columns

_TYPES = {
    "string[python]": pa.string(),
    "Int64": pa.int64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
}

ARROW_SCHEMA = pa.schema([(column, _TYPES[dtype]) for column, dtype in HOP_COLUMNS.items()])
"""`columns.HOP_COLUMNS` as Arrow types."""

CLUSTER_PARTS = tuple(cluster_columns(None))
"""The columns that are derived from `upstream_cluster`."""


_CUSTOM = {"text": pa.string(), "number": pa.int64(), "time": pa.timestamp("us", "UTC")}


def schema_of(columns: tuple[str, ...], custom: Mapping[str, str]) -> pa.Schema:
    """The schema of these columns, in their order; `custom` are a format's own, and their kind."""
    return pa.schema(
        [
            ARROW_SCHEMA.field(column) if column in HOP_COLUMNS else pa.field(column, _CUSTOM[custom[column]])
            for column in columns
        ]
    )


# `pa.array` and `pa.scalar` import pandas, which takes longer than reading a hundred thousand lines. So the columns
# that every audit needs are made without them.


def number_array(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """An array of numbers that shares their memory. They must have the width of the type."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    """An array with the same value `count` times."""
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, bool):
        bits = np.full((count + 7) // 8, 0xFF if value else 0, dtype=np.uint8)
        return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(bits)])
    return pa.repeat(pa.scalar(value, kind), count)


def cluster_arrays(names: pa.Array, wanted: tuple[str, ...]) -> dict[str, pa.Array]:
    """The columns derived from `upstream_cluster`; each distinct name is read once."""
    which, parts = _clusters().of(names)
    return {column: parts[column].take(which) for column in wanted}


class _ClusterArrays:
    """The cluster names read so far, shared by all blocks: a mesh repeats a few thousand, and the grammar is slow."""

    _MOST = 65_536

    def __init__(self) -> None:
        self._lock = Lock()
        self._known = pa.array([], pa.string())
        self._parts = self._read([])

    def of(self, names: pa.Array) -> tuple[pa.Array, dict[str, pa.Array]]:
        """For each name its place in the parts, and the parts by column."""
        with self._lock:
            known, parts = self._known, self._parts
        which = pc.index_in(names, value_set=known)
        if which.null_count == names.null_count:
            return which, parts
        with self._lock:
            new = names.filter(pc.invert(pc.is_in(names, value_set=self._known))).drop_null().unique()
            if len(self._known) > self._MOST:
                self._known, new = self._known[:0], names.drop_null().unique()
                self._parts = self._read([])
            read = self._read(new.to_pylist())
            self._known = pa.concat_arrays([self._known, new])
            self._parts = {column: pa.concat_arrays([self._parts[column], read[column]]) for column in read}
            return pc.index_in(names, value_set=self._known), self._parts

    @staticmethod
    def _read(names: list[str]) -> dict[str, pa.Array]:
        parts = [cluster_columns(name) for name in names]
        return {
            column: pa.array([part[column] for part in parts], ARROW_SCHEMA.field(column).type)
            for column in CLUSTER_PARTS
        }


@cache
def _clusters() -> _ClusterArrays:
    return _ClusterArrays()
