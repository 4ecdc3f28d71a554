"""Label selectors, as `kubectl -l` reads them: `app=shop,tier!=back`, `app in (shop,cart)`, `app`, `!app`.

The syntax and its meaning are those of kubernetes/apimachinery pkg/labels/selector.go; keys and values must be valid
as in pkg/util/validation/validation.go. There are two differences. An empty selector is refused here; there it picks
everything, and `-l "$UNSET"` would send a probe from any pod. A list may end with two commas, `(a,,)`; there only with
one or three.

In: text, e.g. `app=shop,tier!=back`. Out: a `Selector`; this one matches a pod with the label `app: shop` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from egressaudit.errors import UsageError

_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+|\Z)")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "(", ")", ",", "<", ">", ""})
"""What is no word; '' is the end of the text."""
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NUMBER = re.compile(r"[+-]?[0-9]{1,63}")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator` is `in`, `notin`, `exists`, `!`, `>` or `<`; `=` is an `in` of one."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it; `notin` (so `!=` too) also holds where the label is absent."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        """A label that is no whole number is neither larger nor smaller."""
        have, (limit,) = _number(value or ""), (_number(each) for each in self.values)
        if have is None or limit is None:
            return False
        return have > limit if self.operator == ">" else have < limit


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; `str()` gives it as it was written."""

    text: str
    requirements: tuple[Requirement, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The selector that a text says; UsageError, with the reason, where it is malformed or empty."""
        return cls(text, _Parser(text).requirements())

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet every requirement."""
        return all(each.matches(labels) for each in self.requirements)

    def __str__(self) -> str:
        return self.text


class _Parser:
    """Recursive descent over the words and symbols of one selector."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [found[1] for found in _TOKEN.finditer(text)]
        self._next = 0

    def requirements(self) -> tuple[Requirement, ...]:
        if not self._peek():
            raise self._error("it is empty")
        found = [self._requirement()]
        while (mark := self._take()) == ",":
            found.append(self._requirement())
        if mark:
            raise self._error(f"expected a comma or the end, found {mark!r}")
        return tuple(found)

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._take()
        key = self._key()
        if absent:
            return Requirement(key, "!")
        if self._peek() in (",", ""):
            return Requirement(key, "exists")
        match operator := self._take():
            case "=" | "==":
                return Requirement(key, "in", frozenset({self._value()}))
            case "!=":
                return Requirement(key, "notin", frozenset({self._value()}))
            case "in" | "notin":
                return Requirement(key, operator, self._values(operator))
            case ">" | "<":
                limit = self._value()
                if _number(limit) is None:
                    raise self._error(f"{operator} needs a whole number, found {limit!r}")
                return Requirement(key, operator, frozenset({limit}))
        raise self._error(f"expected =, ==, !=, in, notin, > or < after {key!r}, found {operator!r}")

    def _key(self) -> str:
        key = self._take()
        if key in _SYMBOLS:
            raise self._error(f"expected a label's key, found {key!r}" if key else "expected a label's key at the end")
        prefix, slash, name = key.rpartition("/")
        if not _is_name(name) or (slash and not (_DOMAIN.fullmatch(prefix) and len(prefix) <= 253)):
            raise self._error(f"{key!r} cannot be a label's key")
        return key

    def _values(self, operator: str) -> frozenset[str]:
        if self._take() != "(":
            raise self._error(f"{operator} needs its values in parentheses")
        values = [self._value()]
        while (mark := self._take()) == ",":
            values.append(self._value())
        if mark != ")":
            raise self._error(f"expected a comma or ) after {values[-1]!r}")
        return frozenset(values)

    def _value(self) -> str:
        """A label's value, '' if none is written: that is a value too."""
        if self._peek() in (",", "", ")"):
            return ""
        value = self._take()
        if value in _SYMBOLS:
            raise self._error(f"expected a label's value, found {value!r}")
        if not _is_name(value):
            raise self._error(f"{value!r} cannot be a label's value")
        return value

    def _peek(self) -> str:
        return self._tokens[self._next]

    def _take(self) -> str:
        token = self._tokens[self._next]
        if token:
            self._next += 1
        return token

    def _error(self, why: str) -> UsageError:
        return UsageError(
            f"-l {self._text!r} is not a label selector: {why}",
            hint="Write it as for kubectl: app=shop, app!=shop, app in (shop,cart), app notin (shop), app, !app; "
            "several with commas between them.",
        )


def _is_name(text: str) -> bool:
    return len(text) <= 63 and _NAME.fullmatch(text) is not None


def _number(text: str) -> int | None:
    """A 64-bit whole number, None for any other text."""
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and -_LARGEST - 1 <= number <= _LARGEST else None
