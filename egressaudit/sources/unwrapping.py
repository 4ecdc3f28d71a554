"""One log's lines without their wrapper, with the parts of split lines joined.

In: `2026-11-23T08:04:44.258000000Z stdout F [2026-...` (CRI). Out: `[2026-...`, with its line number and, if it must
not be parsed, its fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from egressaudit.sources.line_split import CUT, MAX_LINE, TOO_LONG, line_text
from egressaudit.sources.wrappers import Unwrapped, Wrapper, unwrap, wrapper_of

_FIRST_LINES = 50
"""From how many first lines a log's wrapper is detected."""
_FIRST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line of one log: `number` is that of its first part in the file; with a `fault` it must not be parsed."""

    number: int
    line: Unwrapped
    fault: str


def unwrapped(lines: Iterable[tuple[str, str]]) -> Iterator[Numbered]:
    """The lines of one log, each as its proxy wrote it."""
    rest = iter(lines)
    first, wrapper = told_wrapper(rest)
    unwrapping = Unwrapping(wrapper)
    for number, (text, fault) in enumerate(chain(first, rest), start=1):
        line = unwrapping.line(number, text, fault)
        if line is not None:
            yield line
    yield from unwrapping.end()


class Unwrapping:
    """Takes the wrapper off one log's lines, which are given one by one in their order."""

    def __init__(self, wrapper: Wrapper) -> None:
        self.wrapper = wrapper
        # A part waits for the rest of its line: parts of stdout and stderr may alternate.
        self._waiting: dict[str, _Parts] = {}

    @property
    def waiting(self) -> bool:
        """Whether there are parts whose line goes on."""
        return bool(self._waiting)

    def line(self, number: int, text: str, fault: str) -> Numbered | None:
        """The line, or the one whose last part this is; None for a part whose line goes on."""
        if fault:
            return Numbered(number, Unwrapped(text), fault)
        line = unwrap(text, self.wrapper)
        parts = self._waiting.get(line.stream) if line.stream else None
        if line.partial and parts is None:
            parts = self._waiting[line.stream] = _Parts(number)
        if parts is None:
            return Numbered(number, line, line.fault)
        parts.add(line)
        return None if line.partial else self._joined(self._waiting.pop(line.stream), "")

    def end(self) -> Iterator[Numbered]:
        """The lines whose last part never came."""
        for parts in self._waiting.values():
            yield self._joined(parts, CUT)
        self._waiting.clear()

    def _joined(self, parts: _Parts, fault: str) -> Numbered:
        text = parts.text
        if self.wrapper is Wrapper.CRI:
            # Lines are split after a number of bytes, which may be within a character.
            text = line_text(text.encode("utf-8", "surrogateescape"))
        return Numbered(parts.number, Unwrapped(text), parts.fault or fault)


def told_wrapper(lines: Iterator[tuple[str, str]]) -> tuple[list[tuple[str, str]], Wrapper]:
    """The first lines, taken from the iterator, and the wrapper that they show."""
    first = list(_first(lines))
    return first, wrapper_of(text for text, fault in first if fault != CUT)


def _first(lines: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    size = 0
    for text, fault in islice(lines, _FIRST_LINES):
        yield text, fault
        size += len(text)
        if size > _FIRST_BYTES:
            return


class _Parts:
    """The parts of one line, joined up to the length that is parsed; `number` is that of the first."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.fault = ""
        self._texts: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """The line they make."""
        return "".join(self._texts)

    def add(self, part: Unwrapped) -> None:
        """Put one more part behind those before."""
        self.fault = self.fault or part.fault
        self._length += len(part.text)
        if self._length <= MAX_LINE:
            self._texts.append(part.text)
        else:
            self.fault = TOO_LONG
