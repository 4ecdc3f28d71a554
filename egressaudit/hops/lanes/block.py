"""A block of whole lines, and what a lane read of it.

Example: of 3 lines, `taken` has lines 0 and 2 as text access lines with their columns as Arrow arrays, `others` has 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from egressaudit.model import Reporter

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lane read of a block: which lines (from 0), their columns, and each line's time in microseconds."""

    lines: Ints
    columns: dict[str, pa.Array]
    micros: Ints
    dialect: str
    text: bool
    """Whether these are lines of Envoy's text."""
    clean: bool
    reporter: Reporter | None = None
    """Which proxy writes such lines; None if several may."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: where each starts and where its newline is; and what was read of them, each line at most once.

    `others` are the lines (from 0) that are known not to be access lines.
    """

    starts: Ints
    ends: Ints
    others: Ints
    taken: list[Taken]

    def __len__(self) -> int:
        return len(self.ends)


def starts_of(ends: Ints) -> Ints:
    """Where consecutive lines start, given where they end: `[5, 9]` to `[0, 6]`."""
    starts = np.zeros(len(ends), dtype=np.int64)
    starts[1:] = ends[:-1] + 1
    return starts
