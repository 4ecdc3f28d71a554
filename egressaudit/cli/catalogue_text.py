"""How catalogues are shown in a terminal: a list of all entries, and the parts of one.

In: rows, or a label with its text. Out: text of at most 80 columns. Example: `folded("do", "Add ...")` begins with
`do          Add ...`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol, TypeVar

_WIDTH = 80
_LABEL = 12


class Entry(Protocol):
    """An entry of a catalogue: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Entry)


def shown(
    chosen: Iterable[T], every: Iterable[T], output: str, listing: Callable[[Iterable[T]], str], one: Callable[[T], str]
) -> str:
    """The chosen entries of a catalogue as text or JSON, each once; all of it where none was chosen."""
    named = tuple(dict.fromkeys(chosen))
    if output == "json":
        return json.dumps([asdict(each) for each in named or every], indent=2) + "\n"
    return "\n".join(map(one, named)) if named else listing(every)


def listed(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of a list: every column but the last as wide as its widest value."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return "".join(
        " ".join(value.ljust(size) for value, size in zip(row, (*wide, 0), strict=True)).rstrip() + "\n" for row in rows
    )


def folded(label: str, text: str) -> Iterator[str]:
    """A label and its text, in lines of at most 80 columns."""
    # Samples hold commands and addresses: a break within a word would change them.
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )
