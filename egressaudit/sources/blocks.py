"""Bytes to blocks of whole lines, in bounded memory; what `lines.split_lines` says of each line, said of many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from egressaudit.sources.lines import CUT, MAX_LINE, SHOWN, TOO_LONG, line_text

BLOCK = 4 * 1024 * 1024
"""Bytes of a block: enough that the work for each block does not count, few enough for a processor's cache."""

PADDING = 64
"""So many bytes follow the lines of a block, and are no part of them."""

_PIECE = 256 * 1024
"""Bytes that are read at once: larger ones are new memory each time, which costs more than to read it."""


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines with their line ends, `length` bytes of `data`; at least PADDING bytes follow them.

    `faults` say of a line (from 0) why it must not be parsed; of one that is too long only the beginning is here.
    """

    data: bytes
    length: int
    faults: dict[int, str]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line's text without its line end, and its fault ('' where it has none)."""
        n = start = 0
        while start < self.length:
            end = self.data.index(b"\n", start)
            yield self.text(n, start, end), self.faults.get(n, "")
            n, start = n + 1, end + 1

    def text(self, n: int, start: int, end: int) -> str:
        r"""The text of line `n`, which stands there, without its line end (a `\r` before it too)."""
        if n not in self.faults and end > start and self.data[end - 1] == ord("\r"):
            end -= 1
        return line_text(self.data[start:end])


def split_blocks(stream: BinaryIO, size: int = BLOCK) -> Iterator[LineBlock]:
    """The lines of a stream, in blocks of about so many bytes."""
    waiting, skipping = b"", False
    while pieces := _read(stream, size):
        if skipping:
            piece = b"".join(pieces)
            end = piece.find(b"\n")
            if end < 0:
                continue
            pieces = [piece[end + 1 :]]
        block, waiting, skipping = _whole_lines(b"".join([waiting, *pieces, bytes(PADDING)]))
        if block.length:
            yield block
    if waiting:
        yield LineBlock(waiting + b"\n" + bytes(PADDING), len(waiting) + 1, {0: CUT})


def _read(stream: BinaryIO, size: int) -> list[bytes]:
    pieces = []
    while size > 0 and (piece := stream.read(min(size, _PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return pieces


def _whole_lines(data: bytes) -> tuple[LineBlock, bytes, bool]:
    """The lines that end in the data, its last one that does not, and whether that one is too long already."""
    last = len(data) - PADDING
    at = 0
    while (end := data.rfind(b"\n", at, min(last, at + MAX_LINE + 1))) >= 0:
        at = end + 1
    if last - at <= MAX_LINE:
        return LineBlock(data, at, {}), data[at:last], False
    # A line is too long: what stands before it, its beginning, and what is behind it.
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
