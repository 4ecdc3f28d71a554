"""The compiled lane: whole blocks of lines to Arrow arrays, without a step of Python for any line.

In: the bytes of a block. Out: a `Block` whose lines are mostly taken. The module `egressaudit._lanes` does the work
(`native/`, in Rust); it knows formats and keys from the dialects' own tables (`native_tables`). It takes lines whose
every byte is where the format has it, and of Envoy's text that is not clean what no sender can have written.

The module is optional: importing this one raises ImportError where it was not built. `plain` then does the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from egressaudit._lanes import Fingerprints as NativeFingerprints
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects.envoy.default_text import TEXTS
from egressaudit.hops.lanes.arrow_schema import ARROW_SCHEMA, CLUSTER_PARTS, cluster_arrays, number_array
from egressaudit.hops.lanes.block import Block, Ints, Taken, starts_of
from egressaudit.hops.lanes.fingerprint import (
    ATTEMPTS,
    HOP_SCHEMA,
    READ_COLUMNS,
    SENDER_COLUMNS,
    SIGNATURE_COLUMNS,
    SIGNATURE_TEXTS,
    FingerprintedLog,
    written,
)
from egressaudit.hops.lanes.native_tables import COLUMNS, DIALECTS, FORGED, ZTUNNEL, lanes
from egressaudit.model import Reporter

_KINDS = {pa.string(): "text", pa.int64(): "number"}

_ALL = (*HOP_COLUMNS, ATTEMPTS)
_NUMBERS = [_ALL.index(column) for column in READ_COLUMNS]


class CompiledLane:
    """See `lanes.Lane`."""

    @staticmethod
    def read_block(
        data: bytes | bytearray,
        length: int,
        barred: Collection[int],
        reporter: Reporter | None,
        columns: frozenset[str],
        log: FingerprintedLog | None = None,
    ) -> Block:
        """What the module takes of a block. Other threads run meanwhile."""
        wanted = columns | {"upstream_cluster"} if columns & set(CLUSTER_PARTS) else columns
        kinds = [
            (number, _KINDS[ARROW_SCHEMA.field(column).type])
            for number, column in enumerate(COLUMNS)
            if column in wanted and ARROW_SCHEMA.field(column).type in _KINDS
        ]
        dialects = (reporter is not Reporter.ZTUNNEL, reporter in (None, Reporter.ZTUNNEL))
        ends, others, parts = lanes().take(data, length, sorted(barred), dialects, kinds, _native_log(log))
        where: Ints = np.frombuffer(memoryview(ends), dtype=np.int64)
        not_access: Ints = np.frombuffer(memoryview(others), dtype=np.int64)
        return Block(starts_of(where), where, not_access, [_taken(*each, columns) for each in parts])

    @staticmethod
    def fingerprints() -> CompiledFingerprints:
        """Numbers for the signatures and senders of a new run."""
        return CompiledFingerprints()


class CompiledFingerprints:
    """See `fingerprint.Fingerprints`. Threads share it."""

    def __init__(self) -> None:
        self.native = NativeFingerprints(_ALL, SIGNATURE_TEXTS)

    def of(self, log: int, role: Reporter, rows: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for clean rows of this log."""
        texts = [[_bytes(row.get(column)) for column in READ_COLUMNS] for row in rows]
        return _hop_arrays(self.native.of((log, role.value), _NUMBERS, texts))

    def new_signatures(self) -> pa.Table:
        """The signatures that are new since the last call."""
        return _table("signature", SIGNATURE_COLUMNS, *self.native.new_signatures())

    def new_senders(self) -> pa.Table:
        """The senders that are new since the last call."""
        return _table("sender", SENDER_COLUMNS, *self.native.new_senders())


def _native_log(log: FingerprintedLog | None) -> tuple[NativeFingerprints, tuple[int, str]] | None:
    """A log as the module takes it."""
    if log is None:
        return None
    assert isinstance(log.fingerprints, CompiledFingerprints), "one run is read by one lane"
    return log.fingerprints.native, (log.number, log.role.value)


def _taken(dialect: int, lines: Any, micros: Any, parts: list[Any], hops: Any, columns: frozenset[str]) -> Taken:
    count = len(memoryview(lines)) // 8
    arrays = {COLUMNS[number]: _array(number, count, validity, values) for number, validity, values in parts}
    if hops is not None:
        arrays |= _hop_arrays(hops)
    if "start_time" in columns:
        arrays["start_time"] = pa.Array.from_buffers(pa.timestamp("us", "UTC"), count, [None, pa.py_buffer(micros)])
    if "upstream_cluster" in arrays and (wanted := columns & set(CLUSTER_PARTS)):
        arrays |= cluster_arrays(arrays["upstream_cluster"], tuple(wanted))
    return Taken(
        np.frombuffer(lines, dtype=np.int64),
        arrays,
        np.frombuffer(micros, dtype=np.int64),
        DIALECTS[dialect],
        text=dialect < len(TEXTS) or dialect == FORGED,
        clean=dialect != FORGED,
        reporter=Reporter.ZTUNNEL if dialect == ZTUNNEL else None,
    )


def _array(number: int, count: int, validity: Any, values: list[Any]) -> pa.Array:
    buffers = [None if validity is None else pa.py_buffer(validity), *map(pa.py_buffer, values)]
    return pa.Array.from_buffers(ARROW_SCHEMA.field(COLUMNS[number]).type, count, buffers)


def _hop_arrays(parts: tuple[Any, Any, list[Any]]) -> dict[str, pa.Array]:
    """The columns of `HOP_SCHEMA` as the module gives them."""
    signatures, senders, hashes = parts
    return {
        field.name: pa.Array.from_buffers(field.type, len(memoryview(signatures)) // 4, [None, pa.py_buffer(values)])
        for field, values in zip(HOP_SCHEMA, (signatures, senders, *hashes), strict=True)
    }


def _table(number: str, columns: Sequence[str], first: int, parts: Sequence[tuple[int, Any, list[Any]]]) -> pa.Table:
    arrays: dict[str, pa.Array] = {}
    for column, (_, validity, values) in zip(columns, parts, strict=True):
        # Texts have their ends and their bytes, numbers only themselves.
        kind = pa.string() if len(values) > 1 else pa.int64()
        count = len(memoryview(values[0])) // 4 - 1 if len(values) > 1 else len(memoryview(values[0])) // 8
        buffers = [None if validity is None else pa.py_buffer(validity), *map(pa.py_buffer, values)]
        arrays[column] = pa.Array.from_buffers(kind, count, buffers)
    count = len(arrays[columns[0]])
    return pa.table({number: number_array(np.arange(first, first + count, dtype=np.int32), pa.int32()), **arrays})


def _bytes(value: object) -> bytes | None:
    text = written(value)
    return None if text is None else text.encode()
