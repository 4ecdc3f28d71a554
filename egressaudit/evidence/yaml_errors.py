"""Why a text is not YAML, in words of our own.

PyYAML's messages differ between its versions and between its two readers, and none of them tells the author of a file
what to do. So nothing that PyYAML says is passed on. Only the places it gives are used, and the text that stands there.

In: the error that PyYAML raised, and the text. Out: a `YamlFault`.
Example: for `a: [1, 2` it is `YamlFault(1, 4, "is not YAML: [ is never closed", "Close it with ].")`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not allow: yaml.org/spec/1.1/#c-printable."""
_CLOSING = {"[": "]", "{": "}"}
_QUOTES = ("'", '"')


class YamlFault(NamedTuple):
    """What is wrong, where (line and column from 1), and what to do about it."""

    line: int
    column: int
    message: str
    hint: str = ""


class _Spot(NamedTuple):
    """A place in the text; `character` is empty at the end of the text."""

    offset: int
    line: int
    column: int
    character: str

    def fault(self, message: str, hint: str = "") -> YamlFault:
        return YamlFault(self.line, self.column, f"is not YAML: {message}", hint)


def explain(error: Exception, text: str) -> YamlFault:
    """The fault of a text that PyYAML could not read; its error is asked for places only."""
    at = _spot(getattr(error, "problem_mark", None), text)
    opened = _spot(getattr(error, "context_mark", None), text)
    if at is None:
        return _forbidden(text) or YamlFault(1, 1, "is not YAML", "Check its quotes, brackets and indentation.")
    return _unclosed(opened or at, at, text) or _misplaced(opened or at, at, text)


def _spot(mark: yaml.Mark | None, text: str) -> _Spot | None:
    if mark is None:
        return None
    if mark.index >= len(text):
        # The C reader puts the end of a text into a line of its own.
        return _Spot(len(text), *_place(text, len(text)), "")
    return _Spot(mark.index, mark.line + 1, mark.column + 1, text[mark.index])


def _forbidden(text: str) -> YamlFault | None:
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    return YamlFault(
        *_place(text, found.start()), f"is not YAML: the character {found[0]!r} is not allowed", "Remove it."
    )


def _unclosed(opened: _Spot, at: _Spot, text: str) -> YamlFault | None:
    """A quote or bracket that is still open where reading stopped; an escape that does not exist."""
    if opened.character in _QUOTES and opened != at:
        # One reader stops at the backslash, the other one behind it, and both behind `\x`, `\u` and `\U`.
        escape = text.rfind("\\", max(opened.offset, at.offset - 2), at.offset + 1)
        if escape >= 0 and at.character:
            here = at._replace(column=at.column - (at.offset - escape))
            return here.fault(r"\ starts an unknown escape", r"Write \\, or use single quotes.")
        return opened.fault(f"the quote {opened.character} is never closed", f"Close it with {opened.character}.")
    if opened.character in _CLOSING:
        closing = _CLOSING[opened.character]
        if not at.character:
            return opened.fault(f"{opened.character} is never closed", f"Close it with {closing}.")
        if opened != at:
            where = f"the {opened.character} in line {opened.line}, column {opened.column}"
            return at.fault(f"expected , or {closing} here, because {where} is still open", f"Add the , or {closing}.")
    return None


def _misplaced(opened: _Spot, at: _Spot, text: str) -> YamlFault:
    """Something that cannot stand where it stands, told by its first character."""
    if "%" in (at.character, opened.character) or _line_of(text, at.offset).startswith("%"):
        return at.fault("% cannot start a line or a value", "Put the value into quotes.")
    if opened.character in tuple("*&!"):
        kind = {"*": "an alias", "&": "an anchor", "!": "a tag"}[opened.character]
        hint = (
            "Put the value into quotes, such as '*.example.com'." if opened.character == "*" else "Put it into quotes."
        )
        return opened.fault(f"{opened.character} starts {kind}, and this isn't one", hint)
    if opened.character in tuple("|>") and opened.line == at.line:
        return opened.fault(f"{opened.character} starts a multi-line text, which must begin on the next line")
    match at.character:
        case "\t":
            return at.fault("a tab cannot indent a line", "Use spaces.")
        case "@" | "`":
            return at.fault(f"a value cannot start with {at.character}", "Put the value into quotes.")
        case ":":
            hint = "Check the indentation and the line before; put a value that contains `: ` into quotes."
            return at.fault("a key and its : are not allowed here", hint)
        case "]" | "}" | ",":
            return at.fault(f"found {at.character} where a value is expected", "Check the brackets.")
        case "":
            return opened.fault(
                "the file ends before this is complete", "A key needs a : and a value, and a bracket must be closed."
            )
    return at.fault("neither a key nor a list entry can start here", "Check the quotes, and the indentation above.")


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _line_of(text: str, index: int) -> str:
    start = text.rfind("\n", 0, index) + 1
    return text[start:].partition("\n")[0]
