"""Sections of Markdown that together fit into a comment of a pull request, and what had to be left out.

In: sections in the order in which they are read, each with its rank. Out: a text of at most `LIMIT` bytes. Example: of
a section of 57 blocks of findings 40 fit, and the text below them says that 17 are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

LIMIT = 65_536
"""What GitHub takes for a comment, in characters; in bytes, to be safe."""
_WORDS = 200
"""Bytes that are kept for the words about what is left out, for each section."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and pieces below it, each of which is there as a whole or not at all."""

    heading: str
    """With its empty line."""
    rank: int
    """The lowest gets its room first."""
    things: Sequence[Any]
    """What the pieces are made of, one by one: of thousands only those are made that fit."""
    made: Callable[[Any], str]
    """Makes a piece of Markdown of one of them."""
    counted: Callable[[Sequence[Any]], str]
    """How many there are, in words: `17 blocks with 40 findings`."""
    head: str = ""
    """What comes before the first piece: the first lines of a table."""
    none: str = ""
    """What is there instead if there is no piece."""
    most: int = LIMIT // 8
    """Bytes of its pieces: no list takes the room of the findings."""
    pieces: list[str] = field(default_factory=list)
    """Those that fit."""

    @property
    def whole(self) -> bool:
        """Whether all pieces fit."""
        return len(self.pieces) == len(self.things)


def fitted(sections: Sequence[Section], limit: int = LIMIT) -> str:
    """The sections as one text of at most `limit` bytes; each has then the pieces that fit."""
    left = limit - sum(_size(each.heading + each.head + each.none) + _WORDS for each in sections)
    for section in sorted(sections, key=lambda each: each.rank):
        room = min(left, section.most)
        for thing in section.things:
            piece = section.made(thing)
            if _size(piece) > room:
                break
            room -= _size(piece)
            left -= _size(piece)
            section.pieces.append(piece)
    return "\n".join(f"{_text(each).rstrip()}\n" for each in sections)


def _text(section: Section) -> str:
    left = section.things[len(section.pieces) :]
    note = f"\nLeft out here, and in `-o text=FILE` and `-o json`: {section.counted(left)}.\n" if left else ""
    return f"{section.heading}{section.head if section.things else section.none}{''.join(section.pieces)}{note}"


def _size(text: str) -> int:
    return len(text.encode("utf-8")) + 1
