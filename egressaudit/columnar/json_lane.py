"""Envoy's default JSON lines, all lines of a block at once.

Only lines without a backslash: in these a quote ends a string, and so a key is a key. The keys of some lines are read
as JSON; a line is taken if its keys are exactly those of one of them and nothing but commas and colons is between keys
and values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from egressaudit.columnar.block import QUOTE, Block, Taken
from egressaudit.columnar.schema import CLUSTER_PARTS, cluster_arrays, integers, moments, texts
from egressaudit.columnar.values import dashes, numbers, times
from egressaudit.columnar.words import Bools, Ints
from egressaudit.dialects.json_lines import ENVOY_IDENTIFYING, ENVOY_KEYS
from egressaudit.frames import HOP_COLUMNS

_NAME = "envoy-istio-json"
_TIME_DIGITS = 3
_TEMPLATES = 8
"""So many orders of keys are tried in a block: a proxy has one, or a few where it leaves out what is empty."""


def json_lines(block: Block, columns: frozenset[str]) -> Iterator[Taken]:
    """The lines of Istio's default JSON format in a block, by the order of their keys."""
    left = (block.begins == ord("{")) & block.plain & ~_with_backslash(block)
    if not left.any():
        return
    block.drop_exclamation_marks()
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


def _with_backslash(block: Block) -> Bools:
    found = np.zeros(len(block), dtype=np.bool_)
    at = np.flatnonzero(block.text.bytes[: block.text.length] == ord("\\"))
    if len(at):
        found[np.searchsorted(block.ends, at)] = True
    return found


class _Strings:
    """The strings of some lines of a block, and which of them are keys: those that a colon follows."""

    def __init__(self, block: Block, lines: Bools) -> None:
        quotes = np.flatnonzero(block.kinds == QUOTE)
        counts = np.diff(np.searchsorted(quotes, block.line_marks), prepend=0)
        self.paired: Bools = lines & (counts % 2 == 0) & (counts > 0)
        if not self.paired.all():
            quotes = quotes[np.repeat(self.paired, counts)]
            counts = np.where(self.paired, counts, 0)
        places = block.marks[quotes]
        self.opens: Ints = places[0::2]
        self.closes: Ints = places[1::2]
        behind: Ints = np.cumsum(counts // 2)
        self.behind = behind
        """For each line the number of the first string behind it."""
        self.keys: Ints = np.flatnonzero(block.text.bytes[self.closes + 1] == ord(":"))
        ends = np.searchsorted(self.keys, behind)
        self.key_counts: Ints = np.diff(ends, prepend=0)
        self.first_key: Ints = ends - self.key_counts


def _keys(block: Block, strings: _Strings, left: Bools, tried: set[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The keys of a line that is left, in the commonest number and not tried; None where none is worth a try."""
    places = np.flatnonzero(left & (strings.key_counts > 0))
    counts, how_often = np.unique(strings.key_counts[places], return_counts=True)
    for count in counts[np.argsort(-how_often, kind="stable")][:_TEMPLATES]:
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
        self._strings = strings
        self._keys = keys
        self._lines = lines

    def take(self, columns: frozenset[str]) -> Taken | None:
        """The lines that have these keys; None where none has."""
        if not len(self._lines):
            return None
        places, good = self._places()
        if not good.all():
            self._lines = self._lines[good]
            places = {key: each.of(good) for key, each in places.items()}
        if not len(self._lines):
            return None
        return self._converted(places, columns)

    def _places(self) -> tuple[dict[str, _Place], Bools]:
        """Where each key's value is, and in which lines the keys are these and each value is one."""
        text, strings = self._block.text, self._strings
        first, ends = strings.first_key[self._lines], self._block.ends[self._lines]
        opens = strings.opens
        good = text.bytes[ends - 1] == ord("}")
        places: dict[str, _Place] = {}
        key = strings.keys[first]
        name = opens[key] + 1
        good &= name == self._block.starts[self._lines] + 2
        for n, expected in enumerate(self._keys):
            close = strings.closes[key]
            good &= (close - name == len(expected)) & text.are(name, expected.encode())
            start = close + 2
            if n + 1 < len(self._keys):
                after = strings.keys[first + (n + 1)]
                name = opens[after] + 1
                end = name - 2
                good &= text.bytes[end] == ord(",")
            else:
                after, end = strings.behind[self._lines], ends - 1
            # Between two keys there is no string, or one: then its quotes are the value's first and last byte.
            strings_between = after - key
            quoted = strings_between == 2
            good &= (strings_between == 1) | (
                quoted & (text.bytes[start] == QUOTE) & (text.bytes[end - 1] == QUOTE) & (end - start >= 2)
            )
            places[expected] = _Place(start + quoted, end - quoted, quoted)
            key = after
        return places, good

    def _converted(self, places: dict[str, _Place], columns: frozenset[str]) -> Taken | None:
        text = self._block.text
        good = np.ones(len(self._lines), dtype=np.bool_)
        micros = np.zeros(0, dtype=np.int64)
        values: dict[str, tuple[Ints, Ints, Bools]] = {}
        for key, (start, end, quoted) in ((key, each.parts) for key, each in places.items()):
            lengths = end - start
            null = ~quoted & (lengths == 4)
            if null.any():
                null &= text.are(start, b"null")
            if key in ENVOY_IDENTIFYING:
                good &= ~null
            match HOP_COLUMNS[key]:
                case "datetime64[us, UTC]":
                    micros, fit = times(text, start, lengths, _TIME_DIGITS)
                    good &= fit & quoted
                case "Int64":
                    number, dash, fit = numbers(text, start, np.where(null, 0, lengths))
                    # JSON's own numbers are never a dash, and never begin with a zero.
                    bare = ~dash & ((lengths == 1) | (text.bytes[start] != ord("0")))
                    good &= null | (fit & (quoted | bare))
                    values[key] = (number, number, null | dash)
                case _:
                    good &= quoted | null
                    values[key] = (start, np.where(null, start, end), null)
        keep = np.flatnonzero(good)
        if not len(keep):
            return None
        micros = micros[keep]
        arrays = self._arrays(values, keep, columns) | {"start_time": moments(micros)}
        arrays = {column: array for column, array in arrays.items() if column in columns}
        return Taken(self._lines[keep], arrays, micros, _NAME, text=False)

    def _arrays(
        self, values: dict[str, tuple[Ints, Ints, Bools]], keep: Ints, columns: frozenset[str]
    ) -> dict[str, pa.Array]:
        parts = columns & set(CLUSTER_PARTS)
        arrays: dict[str, pa.Array] = {}
        for column, (one, other, null) in values.items():
            if column not in columns and not (column == "upstream_cluster" and parts):
                continue
            start, end, absent = one[keep], other[keep], null[keep]
            if HOP_COLUMNS[column] == "Int64":
                arrays[column] = integers(start, absent)
            else:
                text = self._block.text
                arrays[column] = texts(text, start, end, absent | dashes(text, start, end - start))
        if parts and "upstream_cluster" in arrays:
            arrays |= cluster_arrays(arrays["upstream_cluster"], tuple(parts))
        return arrays


class _Place:
    """Where a key's value starts and ends in each line, without its quotes, and whether it has any."""

    __slots__ = ("parts",)

    def __init__(self, start: Ints, end: Ints, quoted: Bools) -> None:
        self.parts = (start, end, quoted)

    def of(self, lines: Bools) -> _Place:
        """The same of some of the lines."""
        start, end, quoted = self.parts
        return _Place(start[lines], end[lines], quoted[lines])
