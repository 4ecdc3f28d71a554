"""The one list of output formats: every `-o`, every renderer, `tools/reports.py` and the documents take it from here.

In: a command, e.g. `verify`. Out: its formats, e.g. text, json and junit; the first is the default.

To add a format: a module here with its writers, and its line in `FORMATS`. A line names each writer as `module:name`
(a module of this package), which is imported when the format is asked for: `--help` waits for none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Generic, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from egressaudit.model import AuditReport, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport
    from egressaudit.model.what_if import WhatIfReport
    from egressaudit.report.hop_row import Row
    from egressaudit.report.screen import Screen

_Report = TypeVar("_Report")
_Writer = TypeVar("_Writer")


@dataclass(frozen=True, slots=True)
class ReportWriter(Generic[_Report]):
    """How one format writes one command's report. The same report gives the same bytes."""

    write: Callable[[_Report, BinaryIO, Screen], None]
    """Writes the report. JSON and formats of rows write piece by piece, so that memory does not grow with the report.
    Only text looks at the screen."""
    error: Callable[[str, str], bytes]
    """What a consumer of the format finds where no audit was performed, from the message and the hint.

    It must not read as "nothing found": a format of rows holds one row whose `outcome` is `NOT_PERFORMED`. Text has
    nothing, for its reader sees the error itself.
    """


class RowWriter(Protocol):
    """Writes hops one by one; `close` writes those that still wait."""

    def write(self, row: Row) -> None:
        """Write one row."""

    def close(self) -> None:
        """Write the rows that still wait."""


class TableWriter(Protocol):
    """Writes hops as Arrow tables; `close` writes those that still wait, and the end of the file."""

    def write(self, table: pa.Table) -> None:
        """Write the rows of a table."""

    def close(self) -> None:
        """Write the rest."""


@dataclass(frozen=True, slots=True)
class HopRows:
    """A format that takes hops one by one and writes text.

    `open` takes the columns that were asked for, None for the format's own choice, and the columns of a custom access
    log format beyond `columns.HOP_COLUMNS`, which come last in that choice.
    """

    open: Callable[[TextIO, Sequence[str] | None, Sequence[str]], RowWriter]


@dataclass(frozen=True, slots=True)
class HopTables:
    """A format that takes hops as Arrow tables of one schema and writes bytes."""

    open: Callable[[BinaryIO, pa.Schema], TableWriter]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what `-o` calls it, how the name of its file ends, and who writes it for which command."""

    name: str
    suffix: str
    verify: str = ""
    """Its `ReportWriter` for the report of `verify`, '' if there is none."""
    audit: str = ""
    """The same for the report of `audit`."""
    analyze: str = ""
    """The same for the report of `analyze`."""
    what_if: str = ""
    """The same for the report of `audit --what-if`."""
    parse: str = ""
    """Its `HopRows` or `HopTables` for `parse`."""
    query: str = ""
    """The same for the rows of `query`."""
    lists: bool = False
    """Whether `causes`, `controls` and `lab list` have it too, which write their own few lines."""
    binary: bool = False
    """Not for a terminal."""
    spread: bool = False
    """Whether it shows how flows are spread over the window, which an audit counts only then."""


FORMATS = (
    Format("table", "txt", parse="table:HOPS", query="table:HOPS"),
    Format(
        "text",
        "txt",
        "verify_text:VERIFY",
        "audit_text:AUDIT",
        "analyze_text:ANALYZE",
        "what_if_text:WHAT_IF",
        lists=True,
    ),
    Format(
        "json",
        "json",
        "verify_json:VERIFY",
        "audit_json:AUDIT",
        "analyze_json:ANALYZE",
        "what_if_json:WHAT_IF",
        query="json_rows:ROWS",
        lists=True,
    ),
    Format("jsonl", "jsonl", audit="jsonl:AUDIT", parse="jsonl:HOPS", query="jsonl:HOPS"),
    Format("markdown", "md", audit="markdown:AUDIT"),
    Format("html", "html", "html.verify_page:VERIFY", "html.audit_page:AUDIT", spread=True),
    Format("junit", "xml", verify="junit:VERIFY", audit="audit_junit:AUDIT", analyze="analyze_junit:ANALYZE"),
    Format("sarif", "sarif", audit="audit_sarif:AUDIT", analyze="sarif:ANALYZE"),
    Format("openreports", "openreports", audit="openreports:AUDIT"),
    Format("prometheus", "prom", audit="metrics:PROMETHEUS"),
    Format("openmetrics", "om", audit="metrics:OPENMETRICS"),
    Format("oscal", "oscal.json", audit="oscal.results_document:AUDIT"),
    Format("csv", "csv", audit="csv:AUDIT", parse="csv:HOPS", query="csv:HOPS"),
    Format("parquet", "parquet", audit="parquet:AUDIT", parse="parquet:HOPS", query="parquet:HOPS", binary=True),
)

_WRITERS: dict[str, Callable[[Format], object]] = {
    "verify": lambda each: each.verify,
    "audit": lambda each: each.audit,
    "analyze": lambda each: each.analyze,
    "what-if": lambda each: each.what_if,
    "parse": lambda each: each.parse,
    "query": lambda each: each.query,
    "causes": lambda each: each.lists,
    "controls": lambda each: each.lists,
    "history": lambda each: each.lists,
    "lab list": lambda each: each.lists,
}


def formats_of(command: str) -> tuple[Format, ...]:
    """The formats that a command writes, the default first; ValueError for a command that has none.

    `formats_of("parse")[0].name` is `table`.
    """
    if command not in _WRITERS:
        raise ValueError(command)
    return tuple(each for each in FORMATS if _WRITERS[command](each))


def names_of(command: str) -> tuple[str, ...]:
    """Their names: `names_of("verify")` is `("text", "json", "html", "junit")`."""
    return tuple(each.name for each in formats_of(command))


def format_of(command: str, name: str) -> Format:
    """The format of a command that `-o` calls by this name; ValueError if the command has none of that name."""
    for each in formats_of(command):
        if each.name == name:
            return each
    raise ValueError(name)


def verify_writer(name: str) -> ReportWriter[VerifyReport]:
    """Who writes the report of `verify` in a format: `verify_writer("junit")` imports `report.junit`."""
    return _imported(format_of("verify", name).verify, ReportWriter)


def audit_writer(name: str) -> ReportWriter[AuditReport]:
    """Who writes the report of `audit` in a format."""
    return _imported(format_of("audit", name).audit, ReportWriter)


def analyze_writer(name: str) -> ReportWriter[AnalyzeReport]:
    """Who writes the report of `analyze` in a format."""
    return _imported(format_of("analyze", name).analyze, ReportWriter)


def what_if_writer(name: str) -> ReportWriter[WhatIfReport]:
    """Who writes the report of `audit --what-if` in a format."""
    return _imported(format_of("what-if", name).what_if, ReportWriter)


def hop_writer(name: str) -> HopRows | HopTables:
    """Who writes the hops of `parse` in a format."""
    found = format_of("parse", name)
    return _imported(found.parse, HopTables) if found.binary else _imported(found.parse, HopRows)


def row_writer(name: str) -> HopRows | HopTables:
    """Who writes the rows of `query` in a format."""
    found = format_of("query", name)
    return _imported(found.query, HopTables) if found.binary else _imported(found.query, HopRows)


def _imported(reference: str, kind: type[_Writer]) -> _Writer:
    module, name = reference.split(":")
    writer = getattr(import_module(f"egressaudit.report.{module}"), name)
    if not isinstance(writer, kind):
        raise TypeError(f"{reference} is no {kind.__name__}")
    return writer
