"""Bytes to lines, in bounded memory: a line that is too long or was cut is marked and not parsed.

In: the bytes of two lines, the second one cut off. Out: `("one", "")` and `("tw", CUT)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE = 1024 * 1024
"""The longest line that is parsed, in bytes. Envoy's headers have at most 60 KiB by default, so its lines are
shorter."""

CUT = "the line has no newline: it was cut off, and a cut line can look complete"
TOO_LONG = f"the line is longer than {MAX_LINE // 1024} KiB"

SHOWN = 1024
"""How much is kept of a line that is too long."""


def split_lines(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    r"""Each line's text without its newline, and why it must not be parsed ('' if it may be).

    Only `\n` and `\r\n` end a line: any other separator is one that a workload may send. Bytes that are not UTF-8
    survive (surrogateescape).
    """
    while line := stream.readline(MAX_LINE + 1):
        if line.endswith(b"\n"):
            yield line_text(line[:-2] if line.endswith(b"\r\n") else line[:-1]), ""
        elif len(line) <= MAX_LINE:
            yield line_text(line), CUT
        else:
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield line_text(line[:SHOWN]), TOO_LONG


def line_text(line: bytes | bytearray) -> str:
    """The text of a line; bytes that are not UTF-8 are lone surrogates in it."""
    return line.decode("utf-8", "surrogateescape")
