"""Blocks of lines without what CRI or `kubectl --timestamps` puts before each: many lines at once.

In: `2026-11-23T00:42:56.837123456Z stdout F [2026-...`. Out: `[2026-...`, and the line's number in its file.

The compiled module takes the lines that begin as the usual writers put it (`native/src/cri.rs`). It leaves every other
line, and each that may end a line which came in parts, to `Unwrapping`. A log that is read line by line has only that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from egressaudit._lanes import bare_lines
from egressaudit.sources.blocks import PADDING, LineBlock
from egressaudit.sources.unwrapping import Numbered, Unwrapping
from egressaudit.sources.wrappers import Wrapper

Ints = npt.NDArray[np.int64]

_Placed = tuple[int, int, Numbered]
"""A line that was left: where it belongs in the bytes of the taken lines, how many of these are before it, the line."""


def bare_blocks(blocks: Iterable[LineBlock], wrapper: Wrapper) -> Iterator[LineBlock]:
    """The blocks of one log without this wrapper, CRI or TIMESTAMPS; each has a line, and says its lines' numbers."""
    unwrapping, read = Unwrapping(wrapper), 0
    for block in blocks:
        start = line = 0
        while start < block.length:
            barred = sorted(n - line for n in block.faults if n >= line)
            data, lines, left, start = bare_lines(
                block.data, start, block.length, barred, wrapper is Wrapper.CRI, unwrapping.waiting, PADDING
            )
            taken: Ints = np.frombuffer(memoryview(lines), dtype=np.int64)
            others: list[_Placed] = []
            for before, (n, begin, end, at) in enumerate(left):
                text, fault = block.text(line + n, begin, end), block.faults.get(line + n, "")
                if (other := unwrapping.line(read + n + 1, text, fault)) is not None:
                    others.append((at, n - before, other))
            bare = _put_together(data, taken + read + 1, others)
            if bare.length:
                yield bare
            line += len(taken) + len(left)
            read += len(taken) + len(left)
    if ended := [(0, 0, each) for each in unwrapping.end()]:
        yield _put_together(bytearray(PADDING), np.zeros(0, dtype=np.int64), ended)


def _put_together(data: bytearray, numbers: Ints, others: list[_Placed]) -> LineBlock:
    """The lines that were taken, by their bytes and numbers, and between them the others at their places."""
    if not others:
        return LineBlock(data, len(data) - PADDING, {}, numbers)
    pieces: list[bytes | bytearray] = []
    start = 0
    for at, _, other in others:
        pieces += [data[start:at], _bytes(other)]
        start = at
    joined = b"".join([*pieces, data[start:]])
    places = [before for _, before, _ in others]
    faults = {before + n: other.fault for n, (_, before, other) in enumerate(others) if other.fault}
    every = np.insert(numbers, places, [other.number for _, _, other in others])
    return LineBlock(joined, len(joined) - PADDING, faults, every)


def _bytes(line: Numbered) -> bytes:
    r"""The line with its newline; `LineBlock.text` takes one `\r` from a line without a fault."""
    end = b"\r\n" if line.line.text.endswith("\r") and not line.fault else b"\n"
    return line.line.text.encode("utf-8", "surrogateescape") + end
