"""Lines by their number, read again: an audit keeps where a line stands, and shows it only as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from egressaudit.sources.reading import Sources


def lines_at(sources: Sources, wanted: Mapping[str, AbstractSet[int]]) -> dict[tuple[str, int], str]:
    """The text of each wanted line, by the path of its log and its number; what is gone by now is left out."""
    found: dict[tuple[str, int], str] = {}
    for origin, lines in sources:
        numbers = set(wanted.get(origin.path, ()))
        for line in lines:
            if not numbers:
                break
            if line.line.number in numbers:
                numbers.discard(line.line.number)
                found[origin.path, line.line.number] = line.line.text
    return found
