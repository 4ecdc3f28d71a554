"""JSON access logs with the user's own keys and operators: typed values, nested objects and lists.

In: `{"code": "%RESPONSE_CODE%"}` and the line `{"code": 200}`. Out: `AccessFields` with `{"response_code": 200}`.

JSON escapes what senders write, so no value can leave its place, and a line with the same key twice is refused. Only a
value that is made of several operators must be cut like a line of text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.hops.dialects.envoy.custom_text import (
    MOST_OPERATORS,
    CustomText,
    FormatError,
    FormatProblem,
    checked_format,
)
from egressaudit.hops.dialects.envoy.format_string import Operator
from egressaudit.hops.dialects.envoy.operators import Field, fields_of
from egressaudit.hops.dialects.json_lines import json_object
from egressaudit.hops.dialects.result import AccessFields, Broken

NAME = "custom-json"

Place = tuple[str | int, ...]
"""The keys and indexes on the way to a value."""


@dataclass(frozen=True, slots=True)
class _Typed:
    """A value of exactly one operator: it keeps its JSON type."""

    field: Field


@dataclass(frozen=True, slots=True)
class _Constant:
    """A value that is the same in every line."""

    value: object


_Value = _Typed | _Constant | CustomText
_Shape = _Value | Mapping[str, "_Shape"] | tuple["_Shape", ...]


class _Differs(Exception):
    """The line is not of this format: where, and why."""


class CustomJson:
    """The lines of one JSON format: an object of format strings, objects and lists. Raises FormatError."""

    def __init__(self, labels: Mapping[str, object], *, may_be_empty: bool = False) -> None:
        self.name = NAME
        self.may_be_empty = may_be_empty
        if not labels:
            raise FormatError("it has no keys")
        fields: list[Field] = []
        shape = self._shape(labels, fields, ())
        assert isinstance(shape, Mapping)
        self._labels = shape
        self.fields = tuple(fields)
        if not fields:
            raise FormatError("it has no %OPERATOR%, so that every line would be the same")

    @property
    def problems(self) -> tuple[FormatProblem, ...]:
        """Why no line of this format is clean; empty if it is proven that no sender can move a value."""
        return tuple(problem for text in _texts(self._labels) for problem in text.problems)

    def read(self, text: str) -> AccessFields | Broken:
        """The fields of a line; Broken if this format cannot have written it."""
        if not text.startswith("{"):
            return Broken("not a line of the given format: expected '{' at column 1", 1)
        document = json_object(text)
        if isinstance(document, Broken):
            return document
        fields: dict[str, object] = {field.column: None for field in self.fields}
        try:
            clean = self._fill(self._labels, document, fields, "")
        except (_Differs, ValueError) as error:
            return Broken(f"not a line of the given format: {error}", 1)
        if self.may_be_empty and all(value is None for value in fields.values()):
            # An object without any of the keys could be a line of any log.
            return Broken("not a line of the given format: it has no value", 1)
        if not clean:
            trusted = {field.column for field in self.fields if field.trusted}
            fields = {column: value for column, value in fields.items() if column in trusted and value is not None}
        return AccessFields(self.name, clean=clean, fields=fields)

    def _shape(self, value: object, fields: list[Field], at: Place) -> _Shape:
        if isinstance(value, Mapping):
            return {str(key): self._shape(each, fields, (*at, str(key))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return tuple(self._shape(each, fields, (*at, n)) for n, each in enumerate(value))
        if not isinstance(value, str) or "%" not in value:
            return _Constant(value)
        try:
            return self._text(value, fields)
        except FormatError as error:
            where = ".".join(map(str, at))
            raise FormatError(f"key {where}: {error}", error.column) from error

    def _text(self, value: str, fields: list[Field]) -> _Value:
        if len(fields) >= MOST_OPERATORS:
            raise FormatError(f"it has more than {MOST_OPERATORS} operators")
        taken = [field.column for field in fields]
        try:
            parts = checked_format(value)
        except FormatError:
            if value.replace("%%", "").count("%") == 0:
                return _Constant(value.replace("%%", "%"))
            raise
        match parts:
            case (Operator() as operator,):
                (field,) = fields_of([operator], taken)
                fields.append(field)
                return _Typed(field)
        # A value of several operators is text, with `-` for absent values.
        text = CustomText(value, taken=taken, in_json=True)
        fields.extend(text.fields)
        return text

    def _fill(self, shape: _Shape, value: object, fields: dict[str, object], at: str) -> bool:
        """Put the values of a part into their columns; returns whether it is clean."""
        match shape:
            case _Typed(field):
                fields[field.column] = _typed(field, value)
                return True
            case _Constant(expected):
                if value != expected or isinstance(value, bool) is not isinstance(expected, bool):
                    raise _Differs(f"{at or 'it'} is not {expected!r}")
                return True
            case CustomText():
                return self._fill_text(shape, value, fields, at)
            case tuple():
                if not isinstance(value, list) or len(value) != len(shape):
                    raise _Differs(f"{at} is not a list of {len(shape)}")
                parts = [(each, value[n], f"{at}.{n}") for n, each in enumerate(shape)]
            case _:
                parts = self._members(shape, value, at)
        clean = [self._fill(part, each, fields, where) for part, each, where in parts]
        return all(clean)

    def _members(self, shape: Mapping[str, _Shape], value: object, at: str) -> list[tuple[_Shape, object, str]]:
        if not isinstance(value, dict):
            raise _Differs(f"{at or 'it'} is not an object")
        if odd := sorted(value.keys() - shape.keys()):
            raise _Differs(f"the key {at}{odd[0][:40]} is not of it")
        missing = shape.keys() - value.keys()
        if missing and not self.may_be_empty:
            raise _Differs(f"the key {at}{min(missing)} is missing")
        return [(shape[key], each, f"{at}{key}") for key, each in value.items()]

    @staticmethod
    def _fill_text(text: CustomText, value: object, fields: dict[str, object], at: str) -> bool:
        if value is None:
            return True
        reading = text.read(value) if isinstance(value, str) else None
        if not isinstance(reading, AccessFields):
            raise _Differs(f"{at} is not {text.format_string!r}")
        fields.update(reading.fields)
        return reading.clean


def _texts(shape: _Shape) -> Iterator[CustomText]:
    match shape:
        case CustomText():
            yield shape
        case Mapping():
            for each in shape.values():
                yield from _texts(each)
        case tuple():
            for each in shape:
                yield from _texts(each)


def _typed(field: Field, value: object) -> object:
    """A JSON value converted: numbers may be numbers or text; absence is written as null, `-` or ''."""
    if value is None or value in ("-", ""):
        return None
    if isinstance(value, dict | list | bool | float):
        if field.dtype != "text" or field.trusted:
            raise _Differs(f"{field.column} is a {type(value).__name__}")
        return json.dumps(value, separators=(",", ":"))
    text = str(value)
    if field.trusted and not field.fits(text):
        raise _Differs(f"{field.column} is {text[:40]!r}")
    return field.convert(text)
