"""A block of whole lines: where they start and end, and which of them no fast lane may take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from egressaudit.columnar.schema import texts
from egressaudit.columnar.words import Bools, Bytes, Ints, Text
from egressaudit.model import Reporter

LINE_END, BLANK, QUOTE = ord("\n"), ord(" "), ord('"')


class Block:
    """Whole lines, each with its line end: the first `length` bytes, with at least PADDING behind them.

    `barred` are lines (from 0) that must not be parsed.
    """

    def __init__(self, data: bytes | bytearray, length: int, barred: Collection[int] = ()) -> None:
        self.text = Text(data, length)
        self._own = self.text.bytes[:length]
        # As signed bytes all beyond ASCII are negative: one comparison finds these, control characters and line ends.
        odd = np.flatnonzero(self._own.view(np.int8) < BLANK)
        ends = self.text.bytes[odd] == LINE_END
        self.ends: Ints = odd[ends]
        self._odd: Ints = odd[~ends]
        self.starts: Ints = np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1] + 1])[: len(self.ends)]
        self.begins: Bytes = self.text.bytes[self.starts]
        self.barred = np.fromiter(barred, dtype=np.int64, count=len(barred))

    def __len__(self) -> int:
        return len(self.ends)

    def places(self, byte: int) -> Ints:
        """Where a byte stands."""
        if self.text.data.find(byte, 0, self.text.length) < 0:
            return np.zeros(0, dtype=np.int64)
        found: Ints = np.flatnonzero(self._own == byte)
        return found

    def holding(self, places: Ints) -> Bools:
        """Which lines hold any of these places."""
        lines = np.zeros(len(self), dtype=np.bool_)
        if len(places):
            lines[np.searchsorted(self.ends, places)] = True
        return lines

    @cached_property
    def plain(self) -> Bools:
        """Which lines are printable ASCII and may be parsed."""
        return self.allowed & ~self.holding(self._odd)

    @property
    def allowed(self) -> Bools:
        """Which lines may be parsed."""
        good = np.ones(len(self), dtype=np.bool_)
        good[self.barred] = False
        return good

    @cached_property
    def marks(self) -> Ints:
        """Where control characters, blanks, quotes and bytes beyond ASCII are."""
        found: Ints = np.flatnonzero(self._own.view(np.int8) <= QUOTE)
        # `!` is between blank and quote.
        if self.text.data.find(b"!", 0, self.text.length) >= 0:
            found = found[self.text.bytes[found] != ord("!")]
        return found

    @cached_property
    def kinds(self) -> Bytes:
        """The byte at each of the marks."""
        return self.text.bytes[self.marks]

    @cached_property
    def line_marks(self) -> Ints:
        """Which of the marks are line ends."""
        found: Ints = np.flatnonzero(self.kinds == LINE_END)
        return found

    def raw(self, lines: Ints) -> pa.Array:
        """These lines without their line ends; they must be ASCII."""
        return texts(self.text, self.starts[lines], self.ends[lines], None)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a fast lane took of a block: which lines (from 0), their columns, and the times of the first and last."""

    lines: Ints
    columns: dict[str, pa.Array]
    micros: Ints
    dialect: str
    text: bool
    """Whether these are lines of Envoy's text."""
    reporter: Reporter | None = None
    """Who writes such lines, None where several may."""
