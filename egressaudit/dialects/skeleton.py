"""What a default text format fixes in its lines: where its quotes and blanks stand, and what is between them.

Envoy's text has no escapes, so these are all that there is to find: a line with exactly the quotes and blanks of the
format, where the format has them, has exactly its fields (see `envoy_text`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from egressaudit.dialects.envoy_format import VALUES, Operator, Value, parse_format
from egressaudit.dialects.envoy_text import EnvoyText

_STRUCTURAL = '" '


@dataclass(frozen=True, slots=True)
class Mark:
    """A quote or blank of the format: `blank` marks behind the format's quote number `quote` (-1: the line's start).

    `blank` 0 is the quote itself.
    """

    quote: int
    blank: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A place in a line: `offset` bytes from a mark; from the line's start or end where `mark` is None."""

    mark: Mark | None
    offset: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One operator's value: from where to where, what it may be, whether it may be anything between its quotes."""

    value: Value
    quoted: bool
    start: Edge
    end: Edge

    @property
    def any_text(self) -> bool:
        """Whether its terminal takes every text that holds no quote, blank or line end and is not empty."""
        return self.quoted or self.value.terminal in _ANYTHING

    @property
    def may_be_absent(self) -> bool:
        """Whether its terminal takes `-`."""
        return self.quoted or re.fullmatch(self.value.terminal, "-") is not None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The fixed parts of a format's lines."""

    name: str
    quotes: int
    blanks: tuple[int | None, ...]
    """How many blanks are before the first quote, between each two, behind the last; None where any number may be."""
    slots: tuple[Slot, ...]
    literals: tuple[tuple[Edge, bytes], ...]
    """Other bytes of the format, and where they stand."""
    spans: tuple[tuple[Mark, Mark, int], ...]
    """Marks of one literal, and how far apart they are: nothing may be between them."""
    untrusted: frozenset[str]


_ANYTHING = {VALUES["UPSTREAM_HOST"].terminal, VALUES["CONNECTION_TERMINATION_DETAILS"].terminal}


@cache
def skeleton(text: EnvoyText) -> Skeleton:
    """What the format fixes. Raises ValueError for a format in which two values are not kept apart by a mark."""
    items = parse_format(text.format_string)
    marks = _marks(items)
    slots: list[Slot] = []
    literals: list[tuple[Edge, bytes]] = []
    spans: list[tuple[Mark, Mark, int]] = []
    for n, item in enumerate(items):
        if isinstance(item, str):
            own = marks[n]
            if not own and 0 < n < len(items) - 1:
                raise ValueError(f"nothing keeps apart the values around {item!r}")
            literals += _others(item, own)
            spans += _spans(own)
            continue
        slots.append(
            Slot(
                value=VALUES[item.key],
                quoted=_is_quoted(items, n),
                start=_end_of(items, marks, n - 1),
                end=_start_of(items, marks, n + 1),
            )
        )
    return Skeleton(
        name=text.name,
        quotes=text.quotes,
        blanks=_blanks(items),
        slots=tuple(slots),
        literals=tuple(literals),
        spans=tuple(spans),
        untrusted=frozenset(text.untrusted),
    )


def _marks(items: tuple[str | Operator, ...]) -> dict[int, list[tuple[int, Mark]]]:
    """For each literal its marks, each with its place in the literal."""
    found: dict[int, list[tuple[int, Mark]]] = {}
    quote, blank = -1, 0
    for n, item in enumerate(items):
        if isinstance(item, str):
            found[n] = []
            for at, character in enumerate(item):
                if character in _STRUCTURAL:
                    quote, blank = (quote + 1, 0) if character == '"' else (quote, blank + 1)
                    found[n].append((at, Mark(quote, blank)))
    return found


def _others(literal: str, marks: list[tuple[int, Mark]]) -> list[tuple[Edge, bytes]]:
    """The bytes of a literal that are no marks, from the nearest mark, or the line's start."""
    at, mark = marks[0] if marks else (0, None)
    return [(Edge(mark, n - at), each.encode()) for n, each in enumerate(literal) if each not in _STRUCTURAL]


def _spans(marks: list[tuple[int, Mark]]) -> list[tuple[Mark, Mark, int]]:
    """The first and last mark of a literal; each two that follow each other where other bytes are between them."""
    if len(marks) > 1 and marks[-1][0] - marks[0][0] == len(marks) - 1:
        # So many marks fit in so many bytes in one way only.
        marks = [marks[0], marks[-1]]
    return [(mark, after, at - before) for (before, mark), (at, after) in pairwise(marks)]


def _end_of(items: tuple[str | Operator, ...], marks: dict[int, list[tuple[int, Mark]]], n: int) -> Edge:
    """Where the literal ends that stands before a value."""
    if n < 0:
        return Edge(None, 0)
    literal = str(items[n])
    if n not in marks:
        raise ValueError("nothing keeps two values apart")
    if not marks[n]:
        return Edge(None, len(literal))
    at, mark = marks[n][-1]
    return Edge(mark, len(literal) - at)


def _start_of(items: tuple[str | Operator, ...], marks: dict[int, list[tuple[int, Mark]]], n: int) -> Edge:
    """Where the literal begins that stands behind a value."""
    if n == len(items):
        return Edge(None, 0)
    if not marks.get(n):
        raise ValueError("nothing keeps a value apart from what follows")
    at, mark = marks[n][0]
    return Edge(mark, -at)


def _blanks(items: tuple[str | Operator, ...]) -> tuple[int | None, ...]:
    counts: list[int | None] = [0]
    for n, item in enumerate(items):
        if isinstance(item, str):
            for character in item:
                if character == '"':
                    counts.append(0)
                elif character == " ":
                    counts[-1] = (counts[-1] or 0) + 1
        elif _is_quoted(items, n):
            counts[-1] = None
    return tuple(counts)


def _is_quoted(items: tuple[str | Operator, ...], n: int) -> bool:
    before, after = (items[m] if 0 <= m < len(items) else "" for m in (n - 1, n + 1))
    return isinstance(before, str) and isinstance(after, str) and before.endswith('"') and after.startswith('"')
