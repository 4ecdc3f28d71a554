"""A block of whole lines, and what the fast lanes took of it as Arrow arrays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from egressaudit.hops.dialects.envoy.default_text import TEXTS
from egressaudit.hops.lanes.arrow_schema import ARROW_SCHEMA, CLUSTER_PARTS, cluster_arrays
from egressaudit.hops.lanes.fingerprint import NamedLog, hop_arrays
from egressaudit.hops.lanes.native_tables import COLUMNS, DIALECTS, FORGED, ZTUNNEL, lanes
from egressaudit.model import Reporter

Ints = npt.NDArray[np.int64]

_KINDS = {pa.string(): "text", pa.int64(): "number"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a fast lane took of a block: which lines (from 0), their columns, and the times of each in microseconds."""

    lines: Ints
    columns: dict[str, pa.Array]
    micros: Ints
    dialect: str
    text: bool
    """Whether these are lines of Envoy's text."""
    clean: bool
    reporter: Reporter | None = None
    """Who writes such lines, None where several may."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: where each starts, and where its line end is; and what was taken of them, each line once at most.

    `others` are the lines (from 0) that were found to be no access lines.
    """

    starts: Ints
    ends: Ints
    others: Ints
    taken: list[Taken]

    def __len__(self) -> int:
        return len(self.ends)


def read_block(
    data: bytes | bytearray,
    length: int,
    barred: Collection[int],
    reporter: Reporter | None,
    columns: frozenset[str],
    log: NamedLog | None = None,
) -> Block:
    """The first `length` bytes as whole lines, with PADDING bytes behind them, through the lanes that they may be of.

    `barred` are lines (from 0) that must not be parsed; `reporter` is None where nothing but the lines tells it. With
    a `log` its clean lines also have the columns of `HOP_SCHEMA`. Other threads run meanwhile.
    """
    wanted = columns | {"upstream_cluster"} if columns & set(CLUSTER_PARTS) else columns
    kinds = [
        (number, _KINDS[ARROW_SCHEMA.field(column).type])
        for number, column in enumerate(COLUMNS)
        if column in wanted and ARROW_SCHEMA.field(column).type in _KINDS
    ]
    dialects = (reporter is not Reporter.ZTUNNEL, reporter in (None, Reporter.ZTUNNEL))
    ends, others, parts = lanes().take(
        data, length, sorted(barred), dialects, kinds, None if log is None else log.parts
    )
    where: Ints = np.frombuffer(memoryview(ends), dtype=np.int64)
    starts = np.zeros(len(where), dtype=np.int64)
    starts[1:] = where[:-1] + 1
    not_access: Ints = np.frombuffer(memoryview(others), dtype=np.int64)
    return Block(starts, where, not_access, [_taken(*each, columns) for each in parts])


def _taken(dialect: int, lines: Any, micros: Any, parts: list[Any], hops: Any, columns: frozenset[str]) -> Taken:
    count = len(memoryview(lines)) // 8
    arrays = {COLUMNS[number]: _array(number, count, validity, values) for number, validity, values in parts}
    if hops is not None:
        arrays |= hop_arrays(hops)
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
