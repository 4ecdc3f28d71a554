"""Lines that an upstream tears: a failure reason may hold line ends, and each piece is then a line of the log.

All that is known of such a value is that it has no blank (Envoy makes them `_`). So the piece that ends in it has no
blank behind the format's last one before it, the piece that begins in it none before the first one behind it, and a
piece between has none at all. Where the character beside that blank differs from what a whole line has there, no piece
is a whole line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.hops.dialects.envoy.cuts import Hole, Item

_BLANK = " "


@dataclass(frozen=True, slots=True)
class _Edge:
    """What stands beside a line's first (or last) blank: a character, or a value; and the values outside of it."""

    beside: Item
    outside: tuple[Hole, ...]


def torn_pieces_show(written: tuple[Item, ...], read: tuple[Item, ...], kept_out: Mapping[int, str]) -> bool:
    """Whether no piece of a torn line of the one format can be taken for a whole line of the other.

    `kept_out` has for each value of the format that is read the characters that a clean line does not have in it.
    """
    if not any(isinstance(item, Hole) and item.field.breaks for item in written):
        return True
    return no_piece_begins(written, read, kept_out) and no_piece_begins(_reversed(written), _reversed(read), kept_out)


def no_piece_begins(written: tuple[Item, ...], read: tuple[Item, ...], kept_out: Mapping[int, str]) -> bool:
    """Whether no piece of a torn line, but the first, can begin as a line of the format that is read."""
    edge = _edge(read)
    if edge is None or not all(_keeps_out(hole, _BLANK, kept_out) for hole in edge.outside):
        return False
    for n, item in enumerate(written):
        if not isinstance(item, Hole) or not item.field.breaks:
            continue
        behind = written[n + 1] if n + 1 < len(written) else ""
        if not item.field.never_holds(_BLANK) or not isinstance(behind, str):
            return False
        beside, blank, _ = behind.partition(_BLANK)
        if not blank or not beside or not _differs(edge.beside, beside[-1], kept_out):
            return False
    return True


def _reversed(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(item[::-1] if isinstance(item, str) else item for item in reversed(items))


def _edge(items: tuple[Item, ...]) -> _Edge | None:
    """What stands before the first blank of a line; None where the format has no blank there."""
    outside: list[Hole] = []
    for n, item in enumerate(items):
        if isinstance(item, Hole):
            outside.append(item)
        elif _BLANK in item:
            before = item.partition(_BLANK)[0]
            if before:
                return _Edge(before[-1], tuple(outside))
            return _Edge(items[n - 1], tuple(outside)) if n else None
    return None


def _keeps_out(hole: Hole, character: str, kept_out: Mapping[int, str]) -> bool:
    return hole.field.never_holds(character) or character in kept_out.get(hole.number, "")


def _differs(beside: Item, character: str, kept_out: Mapping[int, str]) -> bool:
    if isinstance(beside, str):
        return beside[-1] != character
    return _keeps_out(beside, character, kept_out)
