"""Lines by their number, read again: an audit keeps where a line stands, and shows it only as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import numpy as np

from egressaudit.sources.blocks import LineBlock
from egressaudit.sources.reading import Log, Sources


def lines_at(sources: Sources, wanted: Mapping[str, AbstractSet[int]]) -> dict[tuple[str, int], str]:
    """The text of each wanted line, by the path of its log and its number; what is gone by now is left out."""
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
    """Line ends are counted, and lines are looked at only in blocks that hold a wanted one."""
    before, left = 0, set(numbers)
    for block in blocks:
        lines = block.data.count(b"\n", 0, block.length)
        held = np.arange(before + 1, before + lines + 1) if block.numbers is None else block.numbers
        if np.isin(held, numbers).any():
            for number, (text, _) in zip(held.tolist(), block.lines(), strict=True):
                if number in left:
                    left.discard(number)
                    yield number, text
        before += lines
        if not left:
            return
