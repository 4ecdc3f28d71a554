"""Find grammars, build parsers, derive regular expressions from them, and say where a line broke.

In: `grammars/NAME.lark` and a line. Out: its tree, or `Broken("not ...: expected '"' at column 31", 31)`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from threading import Lock

from lark import Lark, Tree, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
from lark.lexer import Token

from egressaudit.hops.dialects.result import Broken

_PACKAGE = Path(__file__).resolve().parents[2]


def grammar_dir() -> Path:
    """The shipped grammars in a wheel, the repository's own `grammars/` in a checkout."""
    shipped = _PACKAGE / "_grammars"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "grammars"


_BUILDING = Lock()
"""Threads that need a grammar at the same time wait for one parser instead of each building it."""


def grammar(name: str, *starts: str) -> Lark:
    """The parser of `grammars/NAME.lark` for the rule `start` or for these rules, built once."""
    with _BUILDING:
        return _grammar(name, starts or ("start",))


@cache
def _grammar(name: str, starts: tuple[str, ...]) -> Lark:
    return build(grammar_text(name), *starts)


def grammar_text(name: str) -> str:
    """The text of `grammars/NAME.lark`."""
    return (grammar_dir() / f"{name}.lark").read_text(encoding="utf-8")


def build(text: str, *starts: str) -> Lark:
    """An LALR parser of a grammar text for the rule `start` or for these. Absent optional parts are None."""
    return Lark(text, parser="lalr", start=list(starts or ("start",)), maybe_placeholders=True)


def terminals(text: str) -> Lark:
    """The rules and terminals of a grammar text: all that `line_pattern` needs, without a table of states to parse by.

    For the grammar of a long line that table takes most of the time.
    """
    return Lark(text, parser=None, lexer="basic", maybe_placeholders=True)


def line_pattern(parser: Lark, rule: str) -> re.Pattern[str]:
    """One pattern for a flat rule. Each terminal that is kept is a group, named in lower case.

    Raises ValueError if the rule branches or nests: only a plain sequence of terminals is one regular expression.
    """
    expansions = [each.expansion for each in parser.rules if each.origin.name == rule]
    if len(expansions) != 1 or any(not symbol.is_term for symbol in expansions[0]):
        raise ValueError(f"rule {rule!r} is not one sequence of terminals")
    regexp = {terminal.name: terminal.pattern.to_regexp() for terminal in parser.terminals}
    parts = []
    for symbol in expansions[0]:
        group = "?:" if getattr(symbol, "filter_out", False) else f"?P<{symbol.name.lower()}>"
        parts.append(f"({group}{regexp[symbol.name]})")
    return re.compile("".join(parts))


def parse(parser: Lark, text: str, what: str) -> Tree[Token] | Broken:
    """The tree of a line, or where it broke and what was expected there. `what` names the dialect in the reason."""
    try:
        return parser.parse(text)
    except UnexpectedInput as error:
        return _broken(parser, text, what, error)


def _broken(parser: Lark, text: str, what: str, error: UnexpectedInput) -> Broken:
    names: set[str] = set()
    column = len(text) + 1
    match error:
        case UnexpectedCharacters():
            names = set(error.allowed or ())
            column = (error.pos_in_stream or 0) + 1
        case UnexpectedToken():
            names = set(error.accepts or error.expected)
            if error.token.type != "$END":
                column = (error.token.start_pos or 0) + 1
        case UnexpectedEOF():
            names = set(error.expected)
    expected = " or ".join(sorted(_plain(parser, name) for name in names))
    where = "the end of the line" if column > len(text) else f"column {column}"
    return Broken(f"not {what}: expected {expected} at {where}", column)


def _plain(parser: Lark, name: str) -> str:
    """A terminal in words: its own text where it is fixed, else its name."""
    if name == "$END":
        return "the end"
    pattern = next((terminal.pattern for terminal in parser.terminals if terminal.name == name), None)
    if pattern is not None and pattern.type == "str":
        return repr(pattern.value)
    return name.strip("_").lower()
