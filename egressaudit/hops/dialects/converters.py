"""Converters from text that a proxy wrote to values: `"14ms"` to 14, `"-"` to None.

Each raises ValueError for text that such a value never has.

In: text, e.g. `14ms`. Out: a value, e.g. `milliseconds("14ms")` is 14, and `absent(integer)("-")` is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

T = TypeVar("T")

MAX_DIGITS = 18
"""So many digits always fit a 64-bit column; no proxy counts further."""

_INTEGER = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}")
_MILLISECONDS = re.compile(rf"([0-9]{{1,{MAX_DIGITS}}})ms")
_RUST_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.))", re.DOTALL)
_RUST_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", '"': '"', "'": "'", "\\": "\\"}


def absent(convert: Callable[[str], T]) -> Callable[[str], T | None]:
    """A converter that gives None for `-`, which is how a proxy writes a value it does not have."""
    return lambda text: None if text == "-" else convert(text)


def verbatim(text: str) -> str:
    """The text itself."""
    return text


def integer(text: str) -> int:
    """A whole number in ASCII digits (Python's `int` would take `1_0`, ` 1` and other scripts' digits)."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(text)


def integer_if_any(text: str) -> int | None:
    """A whole number as `integer` reads it; None for any other text. For values that others than the proxy write."""
    return int(text) if _INTEGER.fullmatch(text) else None


def timestamp(text: str) -> datetime:
    """An RFC 3339 time in UTC, as `2024-11-07T14:35:52.428Z`; digits past microseconds are dropped."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError(f"{text[:40]!r} does not say its time zone")
    return moment


def milliseconds(text: str) -> int:
    """The number of a duration as ztunnel writes it, `14ms`."""
    found = _MILLISECONDS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a duration in ms")
    return int(found[1])


def unquoted(text: str) -> str:
    """The text without its quotes and with Rust's `{:?}` escapes undone (core::char::EscapeDebug)."""
    if not text.startswith('"'):
        return text
    return _RUST_ESCAPE.sub(_rust_character, text[1:-1]) if "\\" in text else text[1:-1]


def _rust_character(found: re.Match[str]) -> str:
    if found[1] is not None:
        point = int(found[1], 16)
        if point > 0x10FFFF:
            raise ValueError(f"\\u{{{found[1]}}} is no character")
        return chr(point)
    return _RUST_CHARACTERS.get(found[2], found[0])
