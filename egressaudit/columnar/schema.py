"""`frames.HOP_COLUMNS` as Arrow types, and how columns of a block become arrays of them."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    return texts_by_column(text, starts[None], ends[None], None if null is None else null[None])[0]


def texts_by_column(text: Text, starts: Ints, ends: Ints, null: Bools | None) -> list[pa.Array]:
    """The same for several columns, each a row of these: Arrow is called once for all of them."""
    columns, count = starts.shape
    offsets = np.full(2 * starts.size + 1, text.length, dtype=np.int32)
    pairs = offsets[:-1].reshape(columns, count, 2)
    pairs[..., 0], pairs[..., 1] = starts, ends
    # Every second one is what stands between two values; taking the others copies those alone. Behind a column's last
    # value the next column begins further in front: that one between them is never looked at.
    both = pa.Array.from_buffers(pa.string(), 2 * starts.size, [None, pa.py_buffer(offsets), pa.py_buffer(text.data)])
    every = np.arange(0, 2 * starts.size, 2, dtype=np.int32)
    taken = both.take(_array(pa.int32(), every, None if null is None else null.ravel()))
    return [taken.slice(n * count, count) for n in range(columns)]


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
    which, parts = _CLUSTERS.of(names)
    return {column: parts[column].take(which) for column in wanted}


class _Clusters:
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


_CLUSTERS = _Clusters()


def _array(kind: pa.DataType, values: np.ndarray, null: Bools | None) -> pa.Array:
    bitmap = None if null is None or not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])
