"""Lines that an upstream tears: a failure reason may hold newlines, so one log line becomes several.

    [2026-11-23T08:04:44.258Z] "GET /" 503 "verify_failed:cn=a
    b.example" 192.0.2.7:443                     <- must never pass for a line of its own

Everything that is known about such a value is that it has no spaces (Envoy writes `_` for them). So the first piece has
no space after the format's last one before the value, the last piece none before the first one after it, and a middle
piece none at all. If the character next to that space differs from the one that a whole line has there, no piece can be
read as a whole line. `torn_pieces_show` checks that for a format, once, before any line is read.

In: the parts of two formats: the one that was written, and the one that we read. Out: whether torn pieces always show.
Example: they show in the format of the lines above. They don't if the format has no quotes around the failure reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.hops.dialects.envoy.cuts import Hole, Item

_BLANK = " "


@dataclass(frozen=True, slots=True)
class _Edge:
    """What is next to a line's first (or last) space: a character, or a value; and the values outside of it."""

    beside: Item
    outside: tuple[Hole, ...]


def torn_pieces_show(written: tuple[Item, ...], read: tuple[Item, ...], kept_out: Mapping[int, str]) -> bool:
    """Whether no piece of a torn line of one format can be read as a whole line of the other.

    `kept_out` has for each value of the `read` format the characters that it cannot have in a clean line.
    """
    if not any(isinstance(item, Hole) and item.field.breaks for item in written):
        return True
    return no_piece_begins(written, read, kept_out) and no_piece_begins(_reversed(written), _reversed(read), kept_out)


def no_piece_begins(written: tuple[Item, ...], read: tuple[Item, ...], kept_out: Mapping[int, str]) -> bool:
    """Whether no later piece of a torn line can begin like a line of the format that is read."""
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
    """What is before the first space of a line; None if the format has no such space."""
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
