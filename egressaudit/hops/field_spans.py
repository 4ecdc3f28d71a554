"""Where the values of a line stand in its text, for whoever wants to point at them.

In: a line and its dialect. Out: the first and last position of each column's value.
Example: in `... 503 UH no_healthy_upstream ...` the span of `response_flags` is that of `UH`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from egressaudit.hops.dialects import TEXTS
from egressaudit.hops.dialects.json_lines import ENVOY_KEYS, ZTUNNEL_KEYS
from egressaudit.hops.dialects.ztunnel import value_spans

Span = tuple[int, int]

# Values are read as a whole, so a key within a value is none.
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|[^\s",{}\[\]]+)')

_COLUMNS = {**{key: key for key in ENVOY_KEYS}, **{key: column for key, (column, _) in ZTUNNEL_KEYS.items()}}
_COLUMNS["message"] = "message"


def spans_of(text: str, dialect: str, fields: Mapping[str, object]) -> dict[str, Span]:
    """The span of each column, without quotes around the value.

    In a format of the user's own, only a value that the line contains exactly once has one.
    """
    found = _by_dialect(text, dialect)
    if found is None:
        found = {column: span for column, value in fields.items() if (span := _only(text, value)) is not None}
    return {column: _bare(text, span) for column, span in found.items()}


def _by_dialect(text: str, dialect: str) -> dict[str, Span] | None:
    if dialect == "ztunnel-text":
        return value_spans(text)
    if dialect in ("envoy-istio-json", "ztunnel-json"):
        pairs = [(each[1], each.span(2)) for each in _PAIR.finditer(text)]
        return {_COLUMNS[key]: span for key, span in pairs if key in _COLUMNS}
    for each in TEXTS:
        if each.name == dialect and (line := each.pattern.fullmatch(text)):
            return {column: line.span(column) for column in line.groupdict() if line[column]}
    return None


def _only(text: str, value: object) -> Span | None:
    written = str(value)
    if isinstance(value, bool) or len(written) < 2 or text.count(written) != 1:
        return None
    start = text.index(written)
    return start, start + len(written)


def _bare(text: str, span: Span) -> Span:
    start, end = span
    return (start + 1, end - 1) if end - start >= 2 and text[start] == text[end - 1] == '"' else span
