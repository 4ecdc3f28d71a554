"""Every string of a report, and a report in which every string was changed.

In: any value of `model`: dataclasses, tuples, mappings, strings. Out: its strings with their places, or a value of the
same form. What does not change is the same object as before, and what was one object stays one.

Example: `StringPlace("FlowGroup", "host")` is the place of each group's host, `StringPlace("Hop.fields", "path")` that
of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from egressaudit.model import Cause, LogFormat

_Report = TypeVar("_Report")


@dataclass(frozen=True, slots=True)
class StringPlace:
    """Where a string is: in which field of which class, or under which key of a mapping."""

    owner: str
    field: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}"


Change = Callable[[StringPlace, str], str]
_UNTOUCHED = (Enum, Cause, LogFormat)
"""What is the same in every report, and formats, which say where secrets are and contain none."""
_NOWHERE = StringPlace("", "")
_FIELDS_OF: dict[type, tuple[StringPlace, ...]] = {}


def strings_of(
    value: object, place: StringPlace = _NOWHERE, seen: set[int] | None = None
) -> Iterator[tuple[StringPlace, str]]:
    """Every string of a report once, without those that are the same in all reports (the catalogue of causes)."""
    seen = set() if seen is None else seen
    if isinstance(value, _UNTOUCHED):
        return
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, tuple | frozenset):
        for each in value:
            yield from strings_of(each, place, seen)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from strings_of(key, place, seen)
            yield from strings_of(each, _inner(place, key), seen)
    elif is_dataclass(value) and id(value) not in seen:
        seen.add(id(value))
        for each in _places(value):
            yield from strings_of(getattr(value, each.field), each, seen)


def changed(report: _Report, change: Change) -> _Report:
    """The report with each string as `change` makes it."""
    made: _Report = _Walk(change).value(report, _NOWHERE)
    return made


class _Walk:
    def __init__(self, change: Change) -> None:
        self._change = change
        self._made: dict[int, Any] = {}

    def value(self, value: Any, place: StringPlace) -> Any:
        if type(value) is str:
            return self._change(place, value)
        if value is None or isinstance(value, _UNTOUCHED):
            return value
        if isinstance(value, tuple):
            return self._tuple(value, place)
        if isinstance(value, frozenset):
            return frozenset(self.value(each, place) for each in value)
        if isinstance(value, Mapping):
            return self._mapping(value, place)
        if is_dataclass(value):
            return self._object(value)
        return value

    def _tuple(self, value: tuple[Any, ...], place: StringPlace) -> tuple[Any, ...]:
        made = tuple(self.value(each, place) for each in value)
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made

    def _mapping(self, value: Mapping[Any, Any], place: StringPlace) -> Mapping[Any, Any]:
        made = {self.value(key, place): self.value(each, _inner(place, key)) for key, each in value.items()}
        return value if made == value else made

    def _object(self, value: Any) -> Any:
        if id(value) not in self._made:
            differs = {}
            for place in _places(value):
                old = getattr(value, place.field)
                if (new := self.value(old, place)) is not old:
                    differs[place.field] = new
            self._made[id(value)] = replace(value, **differs) if differs else value
        return self._made[id(value)]


def _places(value: object) -> tuple[StringPlace, ...]:
    owner = type(value)
    if owner not in _FIELDS_OF:
        own = fields(value)  # type: ignore[arg-type]
        _FIELDS_OF[owner] = tuple(StringPlace(owner.__name__, each.name) for each in own if each.init)
    return _FIELDS_OF[owner]


def _inner(place: StringPlace, key: object) -> StringPlace:
    """Under a key of a mapping: a hop's column. Other mappings have no keys that say what is below them."""
    return StringPlace(str(place), key) if place.field == "fields" and isinstance(key, str) else place
