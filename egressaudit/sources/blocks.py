"""Bytes to blocks of whole lines, in bounded memory: what `line_split` does for single lines, for many at once.

In: a stream. Out: `LineBlock`s of about 1 MiB, e.g. with 4000 lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egressaudit.sources.line_split import CUT, MAX_LINE, SHOWN, TOO_LONG, line_text

if TYPE_CHECKING:
    import io

    import numpy as np
    import numpy.typing as npt

    from egressaudit.sources.streams import Watch

BLOCK = 4 * 1024 * 1024
"""Bytes of a block: large enough that the overhead of a block doesn't matter, small enough for a CPU's cache."""

_FIRST = 64 * 1024
"""Bytes of the first block: most of the logs of a large mesh are smaller, and memory that is asked for is cleared."""

PADDING = 64
"""So many bytes follow the lines of a block without being part of them."""


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines with their newlines, `length` bytes of `data`; at least PADDING bytes follow them.

    `faults`: for a line (from 0), why it must not be parsed; of a line that is too long, only the start is here.
    `numbers`: the lines' numbers in their file, if wrappers were removed (a line may have had several parts); else
    None, and numbering continues from the block before.
    """

    data: bytes | bytearray
    length: int
    faults: dict[int, str]
    numbers: npt.NDArray[np.int64] | None = None

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line's text without its newline, and its fault ('' if it has none)."""
        n = start = 0
        while start < self.length:
            end = self.data.index(b"\n", start)
            yield self.text(n, start, end), self.faults.get(n, "")
            n, start = n + 1, end + 1

    def text(self, n: int, start: int, end: int) -> str:
        r"""The text of line `n`, which stands there, without its newline (a `\r` before it too)."""
        if n not in self.faults and end > start and self.data[end - 1] == ord("\r"):
            end -= 1
        return line_text(self.data[start:end])


def split_blocks(stream: io.BufferedReader, size: int = BLOCK, watch: Watch | None = None) -> Iterator[LineBlock]:
    """The lines of a stream, in blocks of about so many bytes; `watch` is shown the bytes too."""
    waiting: bytes | bytearray = b""
    skipping, step = False, min(size, _FIRST)
    while data := _read(stream, waiting, step):
        step = min(size, 4 * step)
        if watch is not None:
            watch(memoryview(data)[len(waiting) : len(data) - PADDING])
        if skipping:
            end = data.find(b"\n", 0, len(data) - PADDING)
            if end < 0:
                continue
            data = data[end + 1 :]
        block, waiting, skipping = _whole_lines(data)
        if block.length:
            yield block
    if waiting:
        yield LineBlock(waiting + b"\n" + bytes(PADDING), len(waiting) + 1, {0: CUT})


def _read(stream: io.BufferedReader, waiting: bytes | bytearray, size: int) -> bytearray:
    """What waits and up to so many bytes more, with PADDING behind them; empty at the stream's end."""
    at = len(waiting)
    data = bytearray(at + size + PADDING)
    data[:at] = waiting
    with memoryview(data) as view:
        while at < len(waiting) + size and (count := stream.readinto(view[at : len(waiting) + size])):
            at += count
    del data[at + PADDING :]
    return data if at > len(waiting) else bytearray()


def _whole_lines(data: bytes | bytearray) -> tuple[LineBlock, bytes | bytearray, bool]:
    """The lines that end in the data, its last one that does not, and whether that one is too long already."""
    last = len(data) - PADDING
    at = 0
    while (end := data.rfind(b"\n", at, min(last, at + MAX_LINE + 1))) >= 0:
        at = end + 1
    if last - at <= MAX_LINE:
        return LineBlock(data, at, {}), data[at:last], False
    # A line is too long: keep what is before it, its start, and what comes after it.
    shown = data[:at] + data[at : at + SHOWN] + b"\n"
    faults = {data.count(b"\n", 0, at): TOO_LONG}
    end = data.find(b"\n", at + MAX_LINE, last)
    if end < 0:
        return LineBlock(shown + bytes(PADDING), len(shown), faults), b"", True
    rest, waiting, skipping = _whole_lines(data[end + 1 :])
    before = data.count(b"\n", 0, at) + 1
    faults |= {before + n: fault for n, fault in rest.faults.items()}
    return (
        LineBlock(shown + rest.data[: rest.length] + bytes(PADDING), len(shown) + rest.length, faults),
        waiting,
        skipping,
    )
