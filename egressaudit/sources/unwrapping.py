"""One log's lines without their wrapper, its parts joined; each with its number and, where it has one, its fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from egressaudit.sources.lines import CUT, MAX_LINE, TOO_LONG
from egressaudit.sources.wrappers import Unwrapped, Wrapper, unwrap, wrapper_of

_FIRST_LINES = 50
"""How many lines tell a log's wrapper."""
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
    # A part waits for the rest of its line; stdout and stderr take turns.
    waiting: dict[str, _Parts] = {}
    for number, (text, fault) in enumerate(chain(first, rest), start=1):
        if fault:
            yield Numbered(number, Unwrapped(text), fault)
            continue
        line = unwrap(text, wrapper)
        parts = waiting.get(line.stream) if line.stream else None
        if line.partial and parts is None:
            parts = waiting[line.stream] = _Parts(number)
        if parts is None:
            yield Numbered(number, line, line.fault)
            continue
        parts.add(line)
        if not line.partial:
            yield waiting.pop(line.stream).joined("")
    for parts in waiting.values():
        yield parts.joined(CUT)


def told_wrapper(lines: Iterator[tuple[str, str]]) -> tuple[list[tuple[str, str]], Wrapper]:
    """The first lines, which are taken from the iterator, and the wrapper that they tell."""
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
    """The parts of one line, joined up to the length that is parsed."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._texts: list[str] = []
        self._length = 0
        self._fault = ""

    def add(self, part: Unwrapped) -> None:
        """Put one more part behind those before."""
        self._fault = self._fault or part.fault
        self._length += len(part.text)
        if self._length <= MAX_LINE:
            self._texts.append(part.text)
        else:
            self._fault = TOO_LONG

    def joined(self, fault: str) -> Numbered:
        """The line they make."""
        return Numbered(self._number, Unwrapped("".join(self._texts)), self._fault or fault)
