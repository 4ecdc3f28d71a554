"""A block of whole lines, and what a lane took of it: the lines by number, their columns as Arrow arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from egressaudit.model import Reporter

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lane took of a block: which lines (from 0), their columns, and the times of each in microseconds."""

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


def starts_of(ends: Ints) -> Ints:
    """Where the lines start that end there, one behind the other: `[5, 9]` to `[0, 6]`."""
    starts = np.zeros(len(ends), dtype=np.int64)
    starts[1:] = ends[:-1] + 1
    return starts
