"""A raw line with marks on the fields that decide, for a page without scripts.

In: a `TaggedLine`, e.g. of `... 503 UH ...`. Out: pieces of its text in their order, some marked and with the letter of
their note: `LinePiece("503 ", ...)`, `LinePiece("UH", letter="b", says="NoHealthyUpstream: ...")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egressaudit.report.story.told_line import TaggedLine


@dataclass(frozen=True, slots=True)
class LinePiece:
    """A part of a line; without a letter it is not marked."""

    text: str
    letter: str = ""
    says: str = ""


def pieces_of(line: TaggedLine) -> Iterator[LinePiece]:
    """The whole text of the line, piece by piece. A field within another has only its note."""
    at = 0
    for tag in line.tags:
        if tag.span is None or tag.span[0] < at:
            continue
        start, end = tag.span
        if start > at:
            yield LinePiece(line.text[at:start])
        yield LinePiece(line.text[start:end], tag.letter, f"{tag.column}: {tag.says}")
        at = end
    if at < len(line.text):
        yield LinePiece(line.text[at:])
