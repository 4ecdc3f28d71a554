"""Envoy's default text formats, all lines of a block at once.

A line is taken if and only if its quotes and blanks are exactly where its format has them and every value fits its
terminal: then the careful lane takes it too, as clean, with the same values. All checks are made whatever columns are
wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from egressaudit.columnar.block import QUOTE, Block, Taken
from egressaudit.columnar.schema import CLUSTER_PARTS, cluster_arrays, integers, moments, texts
from egressaudit.columnar.values import dashes, numbers, short_words, times
from egressaudit.columnar.words import Bools, Ints, Text
from egressaudit.dialects.envoy_text import TEXTS
from egressaudit.dialects.skeleton import Edge, Mark, Skeleton, skeleton
from egressaudit.frames import HOP_COLUMNS

_TIME_DIGITS = 3


def text_lines(block: Block, columns: frozenset[str]) -> Iterator[Taken]:
    """The lines of Envoy's text formats in a block, by format."""
    begins: Bools = block.begins == ord("[")
    if not begins.any():
        return
    left = begins & block.plain
    quotes = np.flatnonzero(block.kinds == QUOTE)
    # How many quotes are before each line's end, and so each line's first one and their number.
    before = np.searchsorted(quotes, block.line_marks)
    first = np.concatenate([np.zeros(1, dtype=np.int64), before[:-1]])
    counts = before - first
    for text in TEXTS:
        lines = np.flatnonzero(left & (counts == text.quotes))
        if not len(lines):
            continue
        taken = _Format(block, skeleton(text), lines, quotes, first).take(columns)
        if taken is not None:
            left[taken.lines] = False
            yield taken


class _Format:
    """The lines of a block that have as many quotes as a format."""

    def __init__(self, block: Block, shape: Skeleton, lines: Ints, quotes: Ints, first: Ints) -> None:
        self._block = block
        self._shape = shape
        self._lines = lines
        # For each line the marks before it, of its quotes, and of its end: their places among the block's marks.
        before = np.where(lines > 0, block.line_marks[lines - 1], -1)
        own = first[lines]
        rows = [quotes[own + n] for n in range(shape.quotes)]
        self._index = [before, *rows, block.line_marks[lines]]
        self._places: dict[Mark, Ints] = {}

    def take(self, columns: frozenset[str]) -> Taken | None:
        """The lines that are of the format; None where none is."""
        self._keep(self._marks_fit())
        if not len(self._lines):
            return None
        self._keep(self._bytes_fit())
        bounds = [(self._at(slot.start, end=False), self._at(slot.end, end=True)) for slot in self._shape.slots]
        good = np.ones(len(self._lines), dtype=np.bool_)
        for slot, (start, end) in zip(self._shape.slots, bounds, strict=True):
            good &= (end >= start) if slot.quoted else (end > start)
        if not good.all():
            bounds = [(start[good], end[good]) for start, end in bounds]
            self._keep(good)
        if not len(self._lines):
            return None
        return self._converted(bounds, columns)

    def _keep(self, good: Bools) -> None:
        if not good.all():
            self._lines = self._lines[good]
            self._index = [each[good] for each in self._index]
            self._places = {}

    def _marks_fit(self) -> Bools:
        good = np.ones(len(self._lines), dtype=np.bool_)
        for n, blanks in enumerate(self._shape.blanks):
            if blanks is not None:
                good &= self._index[n + 1] - self._index[n] == blanks + 1
        return good

    def _bytes_fit(self) -> Bools:
        good = np.ones(len(self._lines), dtype=np.bool_)
        for one, other, distance in self._shape.spans:
            good &= self._place(other) - self._place(one) == distance
        for edge, literal in self._shape.literals:
            good &= self._block.text.are(self._at(edge, end=False), literal)
        return good

    def _place(self, mark: Mark) -> Ints:
        """Where in the block a mark of each line is."""
        if mark not in self._places:
            self._places[mark] = self._block.marks[self._index[mark.quote + 1] + mark.blank]
        return self._places[mark]

    def _at(self, edge: Edge, *, end: bool) -> Ints:
        if edge.mark is not None:
            return self._place(edge.mark) + edge.offset if edge.offset else self._place(edge.mark)
        where = self._block.ends if end else self._block.starts
        return where[self._lines] + edge.offset

    def _converted(self, bounds: list[tuple[Ints, Ints]], columns: frozenset[str]) -> Taken | None:
        text = self._block.text
        good = np.ones(len(self._lines), dtype=np.bool_)
        micros = np.zeros(0, dtype=np.int64)
        values = _Values(text)
        for slot, (start, end) in zip(self._shape.slots, bounds, strict=True):
            column = slot.value.column
            if column is None:
                continue
            lengths = end - start
            match HOP_COLUMNS[column]:
                case "datetime64[us, UTC]":
                    micros, fit = times(text, start, lengths, _TIME_DIGITS)
                case "Int64":
                    number, absent, fit = numbers(text, start, lengths)
                    values.numbers[column] = (number, absent)
                    fit &= ~absent | slot.may_be_absent
                case _ if slot.any_text:
                    values.texts[column] = (start, end)
                    continue
                case _:
                    values.ready[column], fit = short_words(text, start, lengths, slot.value.terminal)
            good &= fit
        keep = np.flatnonzero(good)
        if not len(keep):
            return None
        lines, micros = self._lines[keep], micros[keep]
        arrays = {"start_time": moments(micros)} if "start_time" in columns else {}
        arrays |= values.arrays(None if good.all() else keep, columns - self._shape.untrusted)
        return Taken(lines, arrays, micros, self._shape.name, text=True)


class _Values:
    """The values of some lines: where texts start and end, numbers and where there is none, and what is an array."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self.texts: dict[str, tuple[Ints, Ints]] = {}
        self.numbers: dict[str, tuple[Ints, Bools]] = {}
        self.ready: dict[str, pa.Array] = {}

    def arrays(self, keep: Ints | None, columns: frozenset[str]) -> dict[str, pa.Array]:
        """The arrays of these columns, of all lines or those to keep."""
        some = slice(None) if keep is None else keep
        parts = columns & set(CLUSTER_PARTS)
        wanted = columns | {"upstream_cluster"} if parts else columns
        arrays: dict[str, pa.Array] = {}
        for column in self.texts.keys() & wanted:
            start, end = (each[some] for each in self.texts[column])
            arrays[column] = texts(self._text, start, end, dashes(self._text, start, end - start))
        for column in self.numbers.keys() & wanted:
            number, absent = self.numbers[column]
            arrays[column] = integers(number[some], absent[some])
        for column in self.ready.keys() & wanted:
            array = self.ready[column]
            arrays[column] = array if keep is None else array.take(pa.array(keep))
        if parts and "upstream_cluster" in arrays:
            arrays |= cluster_arrays(arrays["upstream_cluster"], tuple(parts))
        return arrays
