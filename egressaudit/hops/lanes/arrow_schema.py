"""`columns.HOP_COLUMNS` as Arrow types, and how columns of a block become arrays of them."""

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


# `pa.array` and `pa.scalar` import pandas, which takes longer than reading a hundred thousand lines; the columns that
# every audit needs are made without them.


def number_array(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Numbers of that type's own width, without a copy of them."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    """The same value as often as asked for."""
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, bool):
        bits = np.full((count + 7) // 8, 0xFF if value else 0, dtype=np.uint8)
        return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(bits)])
    return pa.repeat(pa.scalar(value, kind), count)


def cluster_arrays(names: pa.Array, wanted: tuple[str, ...]) -> dict[str, pa.Array]:
    """The columns that stand beside `upstream_cluster`, each distinct name read once."""
    which, parts = _clusters().of(names)
    return {column: parts[column].take(which) for column in wanted}


class _ClusterArrays:
    """The names of clusters read so far, for all blocks: a mesh has thousands of them, and a grammar is slow."""

    _MOST = 65_536

    def __init__(self) -> None:
        self._lock = Lock()
        self._known = pa.array([], pa.string())
        self._parts = self._read([])

    def of(self, names: pa.Array) -> tuple[pa.Array, dict[str, pa.Array]]:
        """Which of some parts each name has, and these parts."""
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
