"""Envoy's default JSON lines, all lines of a block at once.

Only lines without a backslash: in these a quote ends a string, and so a key is a key. The keys of some lines are read
as JSON; a line is taken if its keys are exactly those of one of them and nothing but commas and colons is between keys
and values.

What is computed for each key of each line is a matrix with a row for each line: so the text is read from its beginning
to its end, as a processor's cache likes it. A pass over the text for each key takes twice as long.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa

from egressaudit.columnar.block import QUOTE, Block, Taken
from egressaudit.columnar.schema import CLUSTER_PARTS, cluster_arrays, integers, moments, texts_by_column
from egressaudit.columnar.values import dashes, numbers, times
from egressaudit.columnar.words import Bools, Ints
from egressaudit.dialects.json_lines import ENVOY_IDENTIFYING, ENVOY_KEYS
from egressaudit.frames import HOP_COLUMNS

_NAME = "envoy-istio-json"
_TIME_DIGITS = 3
_NUMBERS = frozenset(key for key in ENVOY_KEYS if HOP_COLUMNS[key] == "Int64")
_TEXTS = ENVOY_KEYS.keys() - _NUMBERS - {"start_time"}
_TEMPLATES = 8
"""So many orders of keys are tried in a block: a proxy has one, or a few where it leaves out what is empty."""


def json_lines(block: Block, columns: frozenset[str]) -> Iterator[Taken]:
    """The lines of Istio's default JSON format in a block, by the order of their keys."""
    left = block.begins == ord("{")
    if not left.any():
        return
    left = left & block.plain & ~block.holding(block.places(ord("\\")))
    strings = _Strings(block, left)
    left = left & strings.paired
    tried: set[tuple[str, ...]] = set()
    for _ in range(_TEMPLATES):
        keys = _keys(block, strings, left, tried)
        if keys is None:
            return
        tried.add(keys)
        lines = np.flatnonzero(left & (strings.key_counts == len(keys)))
        taken = _Template(block, strings, keys, lines).take(columns)
        if taken is not None:
            left[taken.lines] = False
            yield taken


class _Strings:
    """The strings of some lines of a block, and which of them are keys: those that a colon follows."""

    def __init__(self, block: Block, lines: Bools) -> None:
        quotes = block.places(QUOTE)
        counts = np.diff(np.searchsorted(quotes, block.ends), prepend=0)
        self.paired: Bools = lines & (counts % 2 == 0) & (counts > 0)
        if not self.paired.all():
            quotes = quotes[np.repeat(self.paired, counts)]
            counts = np.where(self.paired, counts, 0)
        self.opens: Ints = quotes[0::2].copy()
        self.behind: Ints = np.cumsum(counts // 2)
        """For each line the number of the first string behind it."""
        self.keys: Ints = np.flatnonzero(block.text.bytes[quotes[1::2] + 1] == ord(":"))
        ends = np.searchsorted(self.keys, self.behind)
        self.key_counts: Ints = np.diff(ends, prepend=0)
        self.first_key: Ints = ends - self.key_counts


def _keys(block: Block, strings: _Strings, left: Bools, tried: set[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The keys of a line that is left, in the commonest number and not tried; None where none is worth a try."""
    places = np.flatnonzero(left & (strings.key_counts > 0))
    how_often = np.bincount(strings.key_counts[places])
    for count in np.argsort(-how_often, kind="stable")[: min(_TEMPLATES, np.count_nonzero(how_often))]:
        # A few lines of each number: what is between access lines may have as many keys.
        for line in places[strings.key_counts[places] == count][:3]:
            pairs = _pairs(block, int(line))
            if pairs not in tried and set(ENVOY_IDENTIFYING) <= set(pairs) <= ENVOY_KEYS.keys():
                return pairs
    return None


def _pairs(block: Block, line: int) -> tuple[str, ...]:
    text = block.text.data[int(block.starts[line]) : int(block.ends[line])]
    try:
        pairs = json.loads(text, object_pairs_hook=lambda pairs: tuple(key for key, _ in pairs))
    except (ValueError, RecursionError):
        return ()
    return pairs if isinstance(pairs, tuple) and len(set(pairs)) == len(pairs) else ()


class _Template:
    """The lines that have as many keys as a line that was read."""

    def __init__(self, block: Block, strings: _Strings, keys: tuple[str, ...], lines: Ints) -> None:
        self._block = block
        self._text = block.text
        self._strings = strings
        self._keys = keys
        self._lines = lines

    def take(self, columns: frozenset[str]) -> Taken | None:
        """The lines that have these keys, with values that these may have; None where there is none."""
        starts, ends, quoted, good = self._places()
        if not good.all():
            self._lines, starts, ends, quoted = self._lines[good], starts[good], ends[good], quoted[good]
        if not len(self._lines):
            return None
        return self._converted(starts, ends, quoted, columns)

    def _places(self) -> tuple[Ints, Ints, Bools, Bools]:
        """Where each key's value starts and ends, whether it is text; which lines have these keys, and a value each."""
        text, strings, line_ends = self._text, self._strings, self._block.ends[self._lines]
        keys = strings.keys[strings.first_key[self._lines][:, None] + np.arange(len(self._keys))]
        opens = strings.opens[keys]
        good = opens[:, 0] == self._block.starts[self._lines] + 1
        # A key's second quote is that of its string: the known keys have none within.
        good &= text.are_these(opens - 1, [f'{"," if n else "{"}"{key}":'.encode() for n, key in enumerate(self._keys)])
        first = opens + np.array([len(key) + 3 for key in self._keys])
        last = np.empty_like(first)
        last[:, :-1] = opens[:, 1:] - 2
        last[:, -1] = line_ends - 2
        good &= text.bytes[line_ends - 1] == ord("}")
        # Between two keys there is no string, or one: then its quotes are the value's first and last byte.
        between = np.diff(keys, axis=1, append=strings.behind[self._lines][:, None])
        quoted = between == 2
        whole = (text.bytes[first] == QUOTE) & (text.bytes[last] == QUOTE)
        good &= ((between == 1) | (quoted & whole)).all(axis=1)
        return first + quoted, last + ~quoted, quoted, good

    def _converted(self, starts: Ints, ends: Ints, quoted: Bools, columns: frozenset[str]) -> Taken | None:
        text, lengths = self._text, ends - starts
        null = ~quoted & (lengths == 4)
        null[null] = text.are(starts[null], b"null")
        time, whole = self._keys.index("start_time"), self._at(_NUMBERS)
        micros, timely = times(text, starts[:, time], lengths[:, time], _TIME_DIGITS)
        number, dash, fit = numbers(text, starts[:, whole], lengths[:, whole])
        # JSON's own numbers are never a dash, and never begin with a zero.
        bare = ~dash & ((lengths[:, whole] == 1) | (text.bytes[starts[:, whole]] != ord("0")))
        good = quoted | null
        good[:, time] &= timely
        good[:, whole] = null[:, whole] | (fit & (quoted[:, whole] | bare))
        needed = self._at(ENVOY_IDENTIFYING)
        good[:, needed] &= ~null[:, needed]
        keep = good.all(axis=1)
        if not keep.all():
            starts, ends, null, micros, number, dash = (x[keep] for x in (starts, ends, null, micros, number, dash))
        lines = self._lines[keep]
        if not len(lines):
            return None
        arrays = {"start_time": moments(micros)} if "start_time" in columns else {}
        for n, at in enumerate(whole):
            if self._keys[at] in columns:
                arrays[self._keys[at]] = integers(number[:, n], null[:, at] | dash[:, n])
        return Taken(lines, arrays | self._texts(starts, ends, null, columns), micros, _NAME, text=False)

    def _texts(self, starts: Ints, ends: Ints, null: Bools, columns: frozenset[str]) -> dict[str, pa.Array]:
        parts = tuple(columns & set(CLUSTER_PARTS))
        wanted = self._at(_TEXTS & (columns | {"upstream_cluster"} if parts else columns))
        starts, ends, null = starts[:, wanted], ends[:, wanted], null[:, wanted]
        null |= dashes(self._text, starts, ends - starts)
        made = texts_by_column(self._text, starts.T, ends.T, null.T)
        arrays = {self._keys[at]: array for at, array in zip(wanted, made, strict=True)}
        if parts and "upstream_cluster" in arrays:
            arrays |= cluster_arrays(arrays["upstream_cluster"], parts)
        return {column: array for column, array in arrays.items() if column in columns}

    def _at(self, keys: Collection[str]) -> list[int]:
        """Where some of the keys are among the line's."""
        return [n for n, key in enumerate(self._keys) if key in keys]
