"""Text access logs of any format string: its fields, what is wrong with it, and how its lines are read.

In: `CustomText('[%START_TIME%] %RESPONSE_CODE%')` and the line `[2026-11-23T08:04:44.258Z] 200`. Out: `AccessFields`
with `{"start_time": ..., "response_code": 200}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lark import UnexpectedInput

from egressaudit.hops.dialects.envoy.cuts import Cut, Hole, Item, Mismatch, excluded, from_left, plan_of, uncut
from egressaudit.hops.dialects.envoy.format_string import TOO_MUCH, Operator, parse_format
from egressaudit.hops.dialects.envoy.operators import Field, fields_of
from egressaudit.hops.dialects.envoy.torn import no_piece_begins, torn_pieces_show
from egressaudit.hops.dialects.result import AccessFields, Broken

NAME = "custom-text"


MOST_OPERATORS = 256
"""Operators of one format; Istio's own has 22."""
_LONGEST = 64 * 1024
_TIMES = frozenset({"START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"})
_FRACTION = re.compile("%(?:0|[0-9]{2,})f")


class FormatError(ValueError):
    """A format that Envoy would not accept either: what is wrong, and at which column (from 1)."""

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class FormatProblem:
    """Why no line of a format proves anything: the column that causes it, and what to change."""

    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.column}: {self.reason}"


class CustomText:
    """The lines of one format string.

    `may_be_empty`: absent values are written as nothing instead of `-` (omitEmptyValues). `in_json`: it is one value of
    a JSON object, which escapes newlines; `taken` are the columns of the others. Raises FormatError.
    """

    def __init__(
        self, format_string: str, *, may_be_empty: bool = False, in_json: bool = False, taken: Iterable[str] = ()
    ) -> None:
        self.name = NAME
        self.format_string = format_string.removesuffix("\n")
        self.may_be_empty = may_be_empty
        parts = checked_format(self.format_string)
        self.operators = tuple(part for part in parts if isinstance(part, Operator))
        self.fields = fields_of(self.operators, taken)
        holes = iter([Hole(n, field) for n, field in enumerate(self.fields)])
        self.items: tuple[Item, ...] = tuple(next(holes) if isinstance(part, Operator) else part for part in parts)
        self.plan = plan_of(self.items)
        self._uncut = tuple(uncut(self.plan))
        self._lost = frozenset(hole.number for holes_ in self._uncut for hole in holes_)
        self._breaks = not in_json and any(field.breaks for field in self.fields)
        self._from_left = frozenset(from_left(self.plan))

    @cached_property
    def problems(self) -> tuple[FormatProblem, ...]:
        """Why no line of this format is clean; empty if it is proven that no sender can move a value."""
        found = [
            FormatProblem(hole.field.column, f"nothing tells where it ends beside {_others(hole, holes)}")
            for holes in self._uncut
            for hole in holes
            if hole.field.trusted
        ]
        found += [
            FormatProblem(field.column, "an operator whose value may hold anything, line ends too")
            for field in self.fields
            if self._breaks and field.breaks and not field.never_holds(" ")
        ]
        if self._breaks and not found and not torn_pieces_show(self.items, self.items, self.kept_out):
            column = next(field.column for field in self.fields if field.breaks)
            found.append(FormatProblem(column, "it may hold line ends, and a piece of the line would look like a line"))
        return tuple(found)

    @cached_property
    def kept_out(self) -> Mapping[int, str]:
        """For each value the characters that it cannot have in a clean line."""
        return dict(excluded(self.plan))

    @property
    def writes_line_ends(self) -> bool:
        """Whether some value may hold a newline."""
        return self._breaks

    def read(self, text: str) -> AccessFields | Broken:
        """The fields of a line; Broken if this format cannot have written it, whatever its values are."""
        cut = Cut(text, self.may_be_empty)
        try:
            cut.run(self.plan, 0, len(text))
            clean = not cut.miscounted and not self.problems
            return AccessFields(self.name, clean=clean, fields=self._clean(cut) if clean else self._certain(cut))
        except Mismatch as error:
            where = "the end of the line" if error.at >= len(text) else f"column {error.at + 1}"
            return Broken(f"not a line of the given format: expected {error.what} at {where}", error.at + 1)
        except _BadValue as error:
            return Broken(str(error), error.column)

    def places(self, text: str) -> Mapping[str, tuple[int, int]] | None:
        """Where each column's value is in a line; None unless all places are certain."""
        cut = Cut(text, self.may_be_empty)
        try:
            cut.run(self.plan, 0, len(text))
        except Mismatch:
            return None
        if cut.miscounted or self.problems or self._lost:
            return None
        return {field.column: _span(*cut.values[n]) for n, field in enumerate(self.fields)}

    def _clean(self, cut: Cut) -> Mapping[str, object]:
        return {
            field.column: None if n in self._lost else _converted(field, *cut.values[n])
            for n, field in enumerate(self.fields)
        }

    def _certain(self, cut: Cut) -> Mapping[str, object]:
        """The values found without a count. If lines may be torn: only those that no later piece of a torn line has."""
        numbers = set(cut.values)
        if self._breaks:
            # Only the first piece of a torn line has the start of the format, and only the last piece has its end. We
            # recognise pieces by their start.
            numbers &= self._from_left if self._begins_only_lines else set()
        return {
            field.column: _converted(field, *cut.values[n])
            for n, field in enumerate(self.fields)
            if n in numbers and field.trusted
        }

    @cached_property
    def _begins_only_lines(self) -> bool:
        """Whether the values found from the left reach past the first space, where no later piece looks like them."""
        at = next((n for n, item in enumerate(self.items) if isinstance(item, str) and " " in item), None)
        found = {n for n, item in enumerate(self.items) if isinstance(item, Hole) and item.number in self._from_left}
        return (
            at is not None
            and set(range(at)) <= found | _literals(self.items)
            and no_piece_begins(self.items, self.items, {})
        )


def checked_format(format_string: str) -> tuple[str | Operator, ...]:
    """The literals and operators of a format of one line. Raises FormatError."""
    if len(format_string) > _LONGEST:
        raise FormatError(f"it is longer than {_LONGEST // 1024} KiB")
    if "\n" in format_string:
        raise FormatError("it has a line end within, so that each line of the log is a part", _column(format_string))
    try:
        parts = parse_format(format_string)
    except UnexpectedInput as error:
        column = error.column if isinstance(error.column, int) and error.column > 0 else len(format_string) + 1
        raise FormatError(
            f"no operator ends or begins at column {column}; a percent sign itself is %%", column
        ) from error
    operators = [part for part in parts if isinstance(part, Operator)]
    if not operators:
        raise FormatError("it has no %OPERATOR%, so that every line would be the same")
    if len(operators) > MOST_OPERATORS:
        raise FormatError(f"it has {len(operators)} operators, more than {MOST_OPERATORS}")
    for each in operators:
        _check_numbers(each, format_string)
    return parts


def _check_numbers(operator: Operator, format_string: str) -> None:
    """FormatError for a number that Envoy would not take, or that no line could have."""
    column = format_string.find(f"%{operator.key}") + 1
    if operator.max_length is not None and operator.max_length >= TOO_MUCH:
        raise FormatError(f"the length of {operator.key[:60]} is {TOO_MUCH} or more", column)
    if operator.command in _TIMES and (wrong := _FRACTION.search(operator.parameters or "")):
        raise FormatError(f"{wrong[0][:20]} is not a fraction of a second, which has 1 to 9 digits", column)


def _column(text: str) -> int:
    return text.index("\n") + 1


def _literals(items: tuple[Item, ...]) -> set[int]:
    return {n for n, item in enumerate(items) if isinstance(item, str)}


def _others(hole: Hole, holes: tuple[Hole, ...]) -> str:
    return ", ".join(each.field.column for each in holes if each is not hole)


def _span(value: str, start: int) -> tuple[int, int]:
    return start, start + len(value)


class _BadValue(ValueError):
    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


def _converted(field: Field, value: str, start: int) -> object:
    if not value:
        return None
    try:
        return field.convert(value)
    except ValueError as error:
        raise _BadValue(f"{field.column}: {error}", start + 1) from error
