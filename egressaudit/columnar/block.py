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
_EXCLAMATION = ord("!")


class Block:
    """Whole lines, each with its line end: the first `length` bytes, with at least PADDING behind them.

    `barred` are lines (from 0) that must not be parsed.
    """

    def __init__(self, data: bytes, length: int, barred: Collection[int] = ()) -> None:
        self.text = Text(data, length)
        # As signed bytes all beyond ASCII are negative: one comparison finds these, control characters, blanks and
        # quotes. The one other character is `!`.
        own = self.text.bytes[: self.text.length]
        self.marks: Ints = np.flatnonzero(own.view(np.int8) <= QUOTE)
        self.kinds: Bytes = self.text.bytes[self.marks]
        self.line_marks: Ints = np.flatnonzero(self.kinds == LINE_END)
        self.ends: Ints = self.marks[self.line_marks]
        self.starts: Ints = np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1] + 1])[: len(self.ends)]
        self.begins: Bytes = self.text.bytes[self.starts]
        self.barred = np.fromiter(barred, dtype=np.int64, count=len(barred))

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def plain(self) -> Bools:
        """Which lines are printable ASCII and may be parsed."""
        return self._without(self._odd)

    @cached_property
    def plain_or_tabbed(self) -> Bools:
        """The same, but they may hold TABs."""
        return self._without(self._odd & (self.kinds != 9))

    @property
    def _odd(self) -> Bools:
        odd: Bools = (self.kinds < BLANK) | (self.kinds > QUOTE)
        odd[self.line_marks] = False
        return odd

    def _without(self, odd: Bools) -> Bools:
        good = np.ones(len(self), dtype=np.bool_)
        at = np.flatnonzero(odd)
        if len(at):
            good[np.searchsorted(self.line_marks, at)] = False
        good[self.barred] = False
        return good

    def raw(self, lines: Ints) -> pa.Array:
        """These lines without their line ends; they must be ASCII."""
        return texts(self.text, self.starts[lines], self.ends[lines], None)

    def drop_exclamation_marks(self) -> None:
        """Leave only quotes, blanks and line ends (and what makes a line not plain) among the marks."""
        other = self.kinds == _EXCLAMATION
        if other.any():
            self.marks, self.kinds = self.marks[~other], self.kinds[~other]
            self.line_marks = np.flatnonzero(self.kinds == LINE_END)


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
