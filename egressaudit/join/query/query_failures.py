"""Why a query could not be answered, in words of our own, with line and column.

In: what the process of the query says of it, e.g. `{"error_subtype": "COLUMN_NOT_FOUND", "name": "hst", "position":
"7"}`. Out: a `QueryFailed`: `line 1, column 8: there is no column hst`, with the columns that there are. DuckDB's own
text is not shown: it quotes values of the logs, and speaks of settings that nobody here can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from egressaudit.errors import UsageError

_LONGEST = 60
_TYPES = {
    "Conversion": "a value cannot be converted to the type that is asked for",
    "OutofRange": "a number is out of range",
    "OutOfRange": "a number is out of range",
    "Decimal": "a number is out of range",
    "DividebyZero": "a number is divided by zero",
    "MismatchType": "types do not fit together",
    "InvalidType": "there is no such type",
    "Binder": "the names or types in it do not fit together",
    "Notimplemented": "DuckDB cannot do that",
    "NotImplemented": "DuckDB cannot do that",
    "ParameterNotResolved": "a parameter such as ? or $1 has no value here",
    "ParameterNotAllowed": "a parameter such as ? or $1 has no value here",
    "InvalidInput": "a function was given what it cannot take, or was divided by zero",
    "Sequence": "the names in it do not fit together",
    "Syntax": "it is not valid SQL",
    "Parser": "it is not valid SQL",
}
_TRY = "TRY_CAST(x AS type) gives NULL instead of an error."


class QueryFailed(UsageError):
    """The query cannot be answered as it is."""


def not_answered(told: Mapping[str, object], sql: str, tables: Mapping[str, Sequence[str]], limit: str) -> QueryFailed:
    """The error for what the process told; `tables` are those there are with their columns, `limit` of memory."""
    kind, subtype = _text(told, "exception_type").replace(" ", ""), _text(told, "error_subtype")
    if kind in _REFUSED:
        return QueryFailed(*_REFUSED[kind])
    where = _place(told.get("position"), sql)
    name = _text(told, "name")[:_LONGEST]
    if subtype == "COLUMN_NOT_FOUND" and name:
        return QueryFailed(f"{where}there is no column {name}", hint=_columns(name, sql, tables))
    if subtype == "MISSING_ENTRY" and name:
        return QueryFailed(f"{where}there is no {_what(_text(told, 'type'))} {name}", hint=_near(told, name, tables))
    if kind in {"OutofMemory", "OutOfMemory"}:
        return QueryFailed(f"the query needs more memory than {limit}", hint="Raise --memory-limit, or ask for less.")
    if kind == "Permission" or "has been locked" in _text(told, "exception_message"):
        return QueryFailed(
            f"{where}a query reads only its own tables: no file, no network, no setting",
            hint="To join with other data, write the rows with -o parquet and use DuckDB itself.",
        )
    why = _TYPES.get(kind, "DuckDB cannot carry it out")
    return QueryFailed(f"{where}{why}", hint=_TRY if kind == "Conversion" else "docs/query.md has examples.")


_ONE = "Give one SELECT. docs/query.md has examples."
_REFUSED = {
    "empty": ("the query is empty", _ONE),
    "several": ("the query has several statements", _ONE),
    "noselect": ("the query is not a SELECT", _ONE),
    "toolarge": ("a part of the answer is larger than 64 MB", "Ask for fewer or shorter values."),
}


def took_too_long(seconds: float) -> QueryFailed:
    """The error for a query whose time is over."""
    return QueryFailed(f"the query took longer than {seconds:g} s", hint="Raise --timeout, or ask for less.")


def ended_early(limit: str) -> QueryFailed:
    """The error for a process that ended without a word, as one does that the kernel refuses memory."""
    return QueryFailed(
        "the process of the query ended before it had answered",
        hint=f"It may have needed more memory than {limit}: raise --memory-limit, or ask for less.",
    )


def _place(position: object, sql: str) -> str:
    """`line 2, column 8: ` for an offset in bytes; '' if it is not known."""
    text = sql.encode("utf-8", "replace")
    if not isinstance(position, int) or not 0 <= position <= len(text):
        return ""
    before = text[:position].decode("utf-8", "replace")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}: "


def _columns(name: str, sql: str, tables: Mapping[str, Sequence[str]]) -> str:
    meant = [each for each in tables if each in sql.lower()] or list(tables)
    near = get_close_matches(name.lower(), [column for each in meant for column in tables[each]], n=3)
    known = [f"Columns of {each}: {', '.join(tables[each])}." for each in meant]
    return "\n".join([f"Did you mean {' or '.join(near)}?", *known] if near else known)


def _near(told: Mapping[str, object], name: str, tables: Mapping[str, Sequence[str]]) -> str:
    if _text(told, "type") in ("Table", "View"):
        return f"The tables are {', '.join(tables)}."
    near = get_close_matches(name.lower(), _text(told, "candidates").lower().split(", "), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "It has DuckDB's functions, without those of extensions."


def _what(kind: str) -> str:
    known = {"Table": "table", "View": "table", "Type": "type"}
    return known.get(kind, "function" if "Function" in kind else "name")


def _text(told: Mapping[str, object], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""
