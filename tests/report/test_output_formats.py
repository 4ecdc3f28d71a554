"""The one list of formats: what it names is there, each command offers what it names, and the documents have it."""

from __future__ import annotations

import click
import pytest
from support.tools import load_tool

from egressaudit.cli.commands import cli
from egressaudit.report.output_formats import (
    FORMATS,
    HopRows,
    HopTables,
    ReportWriter,
    analyze_writer,
    audit_writer,
    format_of,
    formats_of,
    hop_writer,
    names_of,
    verify_writer,
)

COMMANDS = ("verify", "audit", "analyze", "parse")


@pytest.mark.parametrize("name", names_of("verify"))
def test_every_format_of_verify_has_its_writer(name: str) -> None:
    assert isinstance(verify_writer(name), ReportWriter)


@pytest.mark.parametrize("name", names_of("audit"))
def test_every_format_of_audit_has_its_writer(name: str) -> None:
    assert isinstance(audit_writer(name), ReportWriter)


@pytest.mark.parametrize("name", names_of("analyze"))
def test_every_format_of_analyze_has_its_writer(name: str) -> None:
    assert isinstance(analyze_writer(name), ReportWriter)


@pytest.mark.parametrize("name", names_of("parse"))
def test_every_format_of_parse_has_its_writer(name: str) -> None:
    assert isinstance(hop_writer(name), HopTables if format_of("parse", name).binary else HopRows)


def test_names_are_unique_and_every_format_is_of_some_command() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert {each for command in COMMANDS for each in formats_of(command)} == set(FORMATS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_names_every_format(command: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    shown = found.get_help(click.Context(found))
    assert all(name in shown for name in names_of(command))


def test_the_page_of_formats_is_that_of_the_list() -> None:
    tool = load_tool("formats_page")
    assert tool.page() == tool.FILE.read_text("utf-8"), "run: python tools/formats_page.py"


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="yaml"):
        verify_writer("yaml")
    with pytest.raises(ValueError, match="junit"):
        hop_writer("junit")
