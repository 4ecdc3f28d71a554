"""Lines by their number, read again: an audit remembers only numbers, and needs the text just for evidence.

In: `{"logs/shop/cart-1/istio-proxy.log": {41}}`. Out: the text of line 41.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import numpy as np

from egressaudit.sources.blocks import LineBlock
from egressaudit.sources.found_logs import Log, Sources


def lines_at(sources: Sources, wanted: Mapping[str, AbstractSet[int]]) -> dict[tuple[str, int], str]:
    """The text of each wanted line, by its log's path and its number; lines that are gone by now are left out."""
    found: dict[tuple[str, int], str] = {}
    for log in sources.logs():
        numbers = sorted(wanted.get(log.origin.path, ()))
        if numbers:
            found.update(((log.origin.path, number), text) for number, text in _texts(log, numbers))
    return found


def _texts(log: Log, numbers: list[int]) -> Iterator[tuple[int, str]]:
    if log.blocks is not None:
        yield from _in_blocks(log.blocks, numbers)
        return
    left = set(numbers)
    for line in log.lines or ():
        if line.line.number in left:
            yield line.line.number, line.line.text
            left.discard(line.line.number)
        if not left:
            return


def _in_blocks(blocks: Iterator[LineBlock], numbers: list[int]) -> Iterator[tuple[int, str]]:
    """Newlines are counted; lines are located only in blocks that contain a wanted one."""
    before, left = 0, set(numbers)
    for block in blocks:
        lines = block.data.count(b"\n", 0, block.length)
        held = np.arange(before + 1, before + lines + 1) if block.numbers is None else block.numbers
        places = np.flatnonzero(np.isin(held, list(left)))
        if len(places):
            ends = np.flatnonzero(np.frombuffer(block.data, dtype=np.uint8, count=block.length) == ord("\n"))
            for place in places.tolist():
                number, start = int(held[place]), int(ends[place - 1]) + 1 if place else 0
                if number in left:
                    left.discard(number)
                    yield number, block.text(place, start, int(ends[place]))
        before += lines
        if not left:
            return
