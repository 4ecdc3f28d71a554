"""ztunnel's text lines, all lines of a block at once: keys in any order, each once, each value bare or quoted.

Only lines without a backslash: in these every quoted value ends at its second quote.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from egressaudit.columnar.block import BLANK, LINE_END, QUOTE, Block, Taken
from egressaudit.columnar.schema import integers, moments, texts
from egressaudit.columnar.values import short_words, times
from egressaudit.columnar.words import Bools, Bytes, Ints, Text, number, word
from egressaudit.dialects.json_lines import ZTUNNEL_IDENTIFYING, ZTUNNEL_KEYS, ZTUNNEL_MESSAGES
from egressaudit.fields import integer, milliseconds
from egressaudit.model import Reporter

_NAME = "ztunnel-text"
_TAB, _EQUALS, _BACKSLASH = 9, ord("="), ord("\\")
_TIME_DIGITS = 6
_HEAD = 5
"""Words before the pairs: time, level, scope, and the two of the message."""

_U = np.uint64
_MIXER = _U(0x9E3779B97F4A7C15)
"""Any odd number does, as long as no two keys are mixed to the same."""


class _Keys:
    """The known keys by the words of their names, which have up to 16 bytes."""

    def __init__(self) -> None:
        names = [key.encode() for key in ZTUNNEL_KEYS]
        low = np.array([word(name[:8]) for name in names], dtype=_U)
        high = np.array([word(name[8:]) for name in names], dtype=_U)
        order = np.argsort(_mixed(low, high))
        self.names = [list(ZTUNNEL_KEYS)[n] for n in order]
        self.low, self.high = low[order], high[order]
        self.mixed = _mixed(self.low, self.high)

    def find(self, text: Text, starts: Ints, lengths: Ints) -> tuple[Ints, Bools]:
        """The number of each key among `names`, and whether it is one of them."""
        low = text.first(starts, lengths)
        high = text.first(starts + 8, np.clip(lengths - 8, 0, 8))
        found = np.minimum(np.searchsorted(self.mixed, _mixed(low, high)), len(self.names) - 1)
        return found, (low == self.low[found]) & (high == self.high[found]) & (lengths <= 16)


def _mixed(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = low ^ (high * _MIXER)
    return mixed


_KEYS = _Keys()


def ztunnel_lines(block: Block, columns: frozenset[str]) -> Taken | None:
    """The access lines of a ztunnel's text log in a block; None where there are none."""
    lines = (block.begins >= ord("0")) & (block.begins <= ord("9")) & block.allowed
    if not lines.any():
        return None
    words = _Words(block, lines)
    if not len(words.lines):
        return None
    return _Pairs(block, words).take(columns)


class _Words:
    """The words of some lines: what is between blanks and TABs outside quotes."""

    def __init__(self, block: Block, lines: Bools) -> None:
        own = block.text.bytes[: block.text.length]
        marks = np.flatnonzero((own.view(np.int8) <= QUOTE) | (own == _EQUALS) | (own == _BACKSLASH))
        kinds = block.text.bytes[marks]
        counts = np.diff(np.flatnonzero(kinds == LINE_END), prepend=-1)
        # As signed bytes all beyond ASCII are negative.
        odd = (kinds.view(np.int8) < BLANK) & (kinds != _TAB) & (kinds != LINE_END) | (kinds == _BACKSLASH)
        lines = lines & ~_any(odd, counts) & (_count(kinds == QUOTE, counts) % 2 == 0)
        keep = np.repeat(lines, counts) & (kinds != ord("!"))
        self.marks: Ints = marks[keep]
        self.kinds: Bytes = kinds[keep]
        self.quotes: Ints = np.cumsum(self.kinds == QUOTE)
        """How many quotes there are up to each mark: an odd number within a quoted value."""
        between = (self.kinds == BLANK) | (self.kinds == _TAB) | (self.kinds == LINE_END)
        self.ends: Ints = np.flatnonzero(between & (self.quotes % 2 == 0))
        """The mark at which each word ends."""
        last = np.flatnonzero(self.kinds[self.ends] == LINE_END)
        counts = np.diff(last, prepend=-1)
        enough = counts > _HEAD
        if not enough.all():
            self.ends = self.ends[np.repeat(enough, counts)]
            counts = counts[enough]
        self.lines: Ints = np.flatnonzero(lines)[enough]
        self.counts = counts
        self.first: Ints = np.cumsum(counts) - counts
        self.line_of: Ints = np.repeat(np.arange(len(counts)), counts)
        self.stops: Ints = self.marks[self.ends]
        self.starts: Ints = np.empty_like(self.stops)
        self.starts[1:] = self.stops[:-1] + 1
        self.starts[self.first] = block.starts[self.lines]


def _count(which: Bools, counts: Ints) -> Ints:
    """How many marks of each line are so."""
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(which)])
    ends = np.cumsum(counts)
    result: Ints = sums[ends] - sums[ends - counts]
    return result


def _any(which: Bools, counts: Ints) -> Bools:
    if not which.any():
        return np.zeros(len(counts), dtype=np.bool_)
    result: Bools = _count(which, counts) > 0
    return result


class _Pairs:
    """The words of lines that may be access lines, read as head and pairs."""

    def __init__(self, block: Block, words: _Words) -> None:
        self._text = block.text
        self._words = words
        self._line_starts = block.starts[words.lines]
        self.good: Bools = np.ones(len(words.lines), dtype=np.bool_)

    def take(self, columns: frozenset[str]) -> Taken | None:
        """The lines whose every word is what it must be."""
        micros, message = self._head()
        which, starts, ends, rows = self._pairs()
        arrays: dict[str, pa.Array] = {}
        values = self._values(which, starts, ends, rows)
        keep = np.flatnonzero(self.good)
        if not len(keep):
            return None
        for key, (start, end, absent) in values.items():
            column, convert = ZTUNNEL_KEYS[key]
            if column not in columns:
                continue
            if convert in (integer, milliseconds):
                arrays[column] = integers(start[keep], absent[keep])
            else:
                arrays[column] = texts(self._text, start[keep], end[keep], absent[keep])
        micros = micros[keep]
        if "start_time" in columns:
            arrays["start_time"] = moments(micros)
        if "message" in columns:
            arrays["message"] = message.take(pa.array(keep))
        return Taken(self._words.lines[keep], arrays, micros, _NAME, text=False, reporter=Reporter.ZTUNNEL)

    def _word(self, n: int) -> tuple[Ints, Ints]:
        """Where word `n` of each line starts, and how long it is."""
        at = self._words.first + n
        return self._words.starts[at], self._words.stops[at] - self._words.starts[at]

    def _head(self) -> tuple[Ints, pa.Array]:
        text = self._text
        micros, fit = times(text, *self._word(0), _TIME_DIGITS)
        self.good &= fit
        self.good &= short_words(text, *self._word(1), "[a-z]+")[1]
        for n, expected in ((2, b"access"), (3, b"connection")):
            start, length = self._word(n)
            self.good &= (length == len(expected)) & text.are(start, expected)
        # The message's own blank is one; between others there may be TABs.
        self.good &= text.bytes[self._words.stops[self._words.first + 3]] == BLANK
        kinds = "|".join(message.removeprefix("connection ") for message in ZTUNNEL_MESSAGES)
        kind, fit = short_words(text, *self._word(4), kinds)
        self.good &= fit
        encoded = kind.dictionary_encode()
        messages = pa.array([f"connection {each}" for each in encoded.dictionary.to_pylist()], pa.string())
        return micros, messages.take(encoded.indices)

    def _pairs(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Of each pair the number of its key, where its value starts and ends, without quotes, and its line."""
        words, text = self._words, self._text
        at = np.flatnonzero(np.arange(len(words.stops)) - words.first[words.line_of] >= _HEAD)
        rows, starts, stops = words.line_of[at], words.starts[at], words.stops[at]
        before = words.ends[at - 1]
        equals = words.marks[before + 1]
        fit = words.kinds[before + 1] == _EQUALS
        quotes = words.quotes[words.ends[at]] - words.quotes[before]
        quoted = quotes == 2
        begin = equals + 1
        ends_quoted = (text.bytes[begin] == QUOTE) & (text.bytes[stops - 1] == QUOTE) & (stops - begin >= 2)
        fit &= ((quotes == 0) & (stops > begin)) | (quoted & ends_quoted)
        which, known = _KEYS.find(text, starts, np.where(fit, equals - starts, 0))
        fit &= known
        self.good[rows[~fit]] = False
        return which, begin + quoted, stops - quoted, rows

    def _values(self, which: Ints, starts: Ints, ends: Ints, rows: Ints) -> dict[str, tuple[Ints, Ints, Bools]]:
        """For each key where its value starts and ends in each line (or the number it is), and where there is none."""
        count = len(self.good)
        # What is not good already may stand for any key.
        sure = self.good[rows]
        which, starts, ends, rows = which[sure], starts[sure], ends[sure], rows[sure]
        times_seen = np.bincount(rows * len(_KEYS.names) + which, minlength=count * len(_KEYS.names))
        seen = times_seen.reshape(count, len(_KEYS.names))
        self.good &= (seen <= 1).all(axis=1)
        values: dict[str, tuple[Ints, Ints, Bools]] = {}
        for n, key in enumerate(_KEYS.names):
            absent = seen[:, n] == 0
            if key in ZTUNNEL_IDENTIFYING:
                self.good &= ~absent
            at = np.flatnonzero(which == n)
            # The line's start stands for no value: such places must follow each other.
            start, end = self._line_starts.copy(), self._line_starts.copy()
            start[rows[at]], end[rows[at]] = starts[at], ends[at]
            convert = ZTUNNEL_KEYS[key][1]
            if convert in (integer, milliseconds):
                start = self._numbers(start, end, absent, in_ms=convert is milliseconds)
            values[key] = (start, end, absent)
        return values

    def _numbers(self, starts: Ints, ends: Ints, absent: Bools, *, in_ms: bool) -> Ints:
        lengths = ends - starts
        fit = np.ones(len(starts), dtype=np.bool_)
        if in_ms:
            fit = (lengths > 2) & self._text.are(np.maximum(ends - 2, 0), b"ms")
            lengths = np.maximum(lengths - 2, 0)
        values, digits = number(self._text, starts, lengths)
        self.good &= absent | (fit & digits)
        return values
