"""Times in a strftime pattern of the user's: their shape, and how to read them.

In: `%Y-%m-%d %H:%M:%S.%3f`. Out: `TimePattern` that reads `2026-11-23 08:04:44.258`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# What Envoy's DateFormatter and absl::FormatTime write (envoyproxy/envoy source/common/common/utility.cc;
# docs/root/configuration/advanced/substitution_formatter.rst, START_TIME). `f` is Envoy's own: nine digits unless told.
_PARTS = {
    "Y": ("year", "[0-9]{4}"),
    "E4Y": ("year", "[0-9]{4}"),
    "m": ("month", "[0-9]{2}"),
    "d": ("day", "[0-9]{2}"),
    "H": ("hour", "[0-9]{2}"),
    "M": ("minute", "[0-9]{2}"),
    "S": ("second", "[0-9]{2}"),
    "s": ("epoch", "[0-9]{1,11}"),
    "f": ("fraction", "[0-9]{9}"),
}
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}
_SPECIFIER = re.compile(r"%(E[0-9*]?[A-Za-z]|[1-9]f|[A-Za-z%])")
_OTHER = "[0-9A-Za-z:+,./ -]"
_DATE = {"year", "month", "day", "hour", "minute", "second"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimePattern:
    """What a strftime pattern writes: the shape of a whole value, the characters it can have, and its reader.

    `convert` is None if the text does not determine a moment: parts are missing, doubled, or written in words.
    """

    shape: str
    alphabet: str
    convert: Callable[[str], datetime] | None


def time_pattern(pattern: str) -> TimePattern:
    """The shape and the reader of the times that a strftime pattern writes in UTC."""
    while (spelt := re.sub(r"%([FTRD])", lambda found: _SHORT[found[1]], pattern)) != pattern:
        pattern = spelt
    shape, known, literals, at = "", [], "", 0
    for found in _SPECIFIER.finditer(pattern):
        literals += pattern[at : found.start()]
        shape += re.escape(pattern[at : found.start()])
        at = found.end()
        names, part = _part(found[1])
        known += names
        shape += part
        literals += "%" if found[1] == "%" else ""
    literals += pattern[at:]
    shape += re.escape(pattern[at:])
    # Control characters in a class are written as themselves, which `re` takes.
    alphabet = f"(?:{_OTHER}|[{re.escape(literals)}])" if literals else _OTHER
    told = set(known)
    whole = len(known) == len(told) and told - {"fraction"} in (_DATE, {"epoch"}) and "other" not in told
    return TimePattern(shape, alphabet, _reader(shape) if whole else None)


def _part(specifier: str) -> tuple[list[str], str]:
    """The names of the parts that a specifier writes, and their pattern."""
    if specifier == "%":
        return [], "%"
    if digits := re.fullmatch("([1-9])f", specifier):
        return ["fraction"], f"(?P<fraction>[0-9]{{{digits[1]}}})"
    if digits := re.fullmatch("E([1-9])S", specifier):
        return ["second", "fraction"], rf"(?P<second>[0-9]{{2}})\.(?P<fraction>[0-9]{{{digits[1]}}})"
    if specifier in ("z", "Ez", "Z"):
        # START_TIME is in UTC, whatever is written behind it.
        return [], r"(?:[+]00:?00|UTC|GMT)"
    if specifier not in _PARTS:
        return ["other"], f"{_OTHER}*"
    name, part = _PARTS[specifier]
    return [name], f"(?P<{name}>{part})"


def _reader(shape: str) -> Callable[[str], datetime]:
    pattern = re.compile(shape)

    def read(text: str) -> datetime:
        found = pattern.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is not a time of this format")
        part = found.groupdict()
        micro = int((part.get("fraction") or "0").ljust(6, "0")[:6])
        if part.get("epoch") is not None:
            try:
                return _EPOCH + timedelta(seconds=int(part["epoch"]), microseconds=micro)
            except OverflowError as error:
                raise ValueError(f"{text[:40]!r} is later than any calendar") from error
        year, month, day, hour, minute, second = (
            int(part[name]) for name in ("year", "month", "day", "hour", "minute", "second")
        )
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)

    return read
