"""The one list of output formats: every `-o`, every renderer and `tools/reports.py` take the names from here.

In: a command, e.g. `verify`. Out: the names of its formats, e.g. `("text", "json", "junit")`; the first is the default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what `-o` calls it, how the name of its file ends, and which commands write it."""

    name: str
    suffix: str
    commands: tuple[str, ...]
    binary: bool = False
    """Not for a terminal."""


FORMATS = (
    Format("table", "txt", ("parse",)),
    Format("text", "txt", ("verify", "audit", "controls", "lab list")),
    Format("json", "json", ("verify", "audit", "controls", "lab list")),
    Format("jsonl", "jsonl", ("audit", "parse")),
    Format("markdown", "md", ("audit",)),
    Format("junit", "xml", ("verify", "audit")),
    Format("csv", "csv", ("audit", "parse")),
    Format("parquet", "parquet", ("audit", "parse"), binary=True),
)


def formats_of(command: str) -> tuple[Format, ...]:
    """The formats that a command writes, the default first; ValueError for a command that has none.

    `formats_of("parse")[0].name` is `table`.
    """
    found = tuple(each for each in FORMATS if command in each.commands)
    if not found:
        raise ValueError(command)
    return found


def names_of(command: str) -> tuple[str, ...]:
    """Their names: `names_of("verify")` is `("text", "json", "junit")`."""
    return tuple(each.name for each in formats_of(command))
