"""Nothing that a workload wrote is more than text in a report of an audit, in any format."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO, StringIO
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from support.hostile import hostile, poisoned
from support.reports import (
    CLEAN,
    DRIFT,
    START,
    text_of,
)
from support.reports import FULL as WITHOUT_DRIFT
from support.tools import ROOT

from egressaudit.model import MadeFrom, Run
from egressaudit.report import render, render_error
from egressaudit.report.group_columns import COLUMNS
from egressaudit.report.inert_markdown import inert
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable

FULL = replace(
    WITHOUT_DRIFT,
    drift=DRIFT,
    run=Run("5b1f", START, ("evidence/",), "files"),
    made_from=MadeFrom("https://api:6443", "7c0e", ("1.27.1",), "a" * 64, "b" * 64, "c" * 64),
)
SCHEMA = ROOT / "docs" / "schemas" / "audit-report.schema.json"


def test_poison_reaches_every_string() -> None:
    assert "shop" not in repr(poisoned(FULL, "x"))
    assert "EA" not in repr(poisoned(FULL, "x"))


@pytest.mark.parametrize("output_format", [each for each in names_of("audit") if each != "parquet"])
@given(text=hostile)
def test_no_report_holds_a_character_that_moves_the_terminal(output_format: str, text: str) -> None:
    rendered = text_of(poisoned(FULL, text), output_format)
    rendered.encode("utf-8")
    assert all(character == "\n" or printable(character) == character for character in rendered)
    error = str(render_error("audit", output_format, text, text))
    assert all(character == "\n" or printable(character) == character for character in error)


@given(text=hostile)
def test_colour_is_ours_alone(text: str) -> None:
    rendered = text_of(poisoned(FULL, text), "text", color=True)
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", rendered)
    assert {*re.findall(r"\x1b\[([0-9;]*)m", rendered)} <= {"0", "1", "2", "36", "1;31", "1;32", "1;33"}


@given(text=hostile, width=st.integers(40, 120))
def test_no_line_of_text_is_wider_than_the_screen(text: str, width: int) -> None:
    rendered = text_of(poisoned(FULL, text), "text", width=width)
    assert max(cell_len(line) for line in rendered.split("\n")) <= width


@pytest.mark.parametrize("color", [False, True])
def test_a_tab_is_blanks_where_it_could_move_what_follows(*, color: bool) -> None:
    rendered = text_of(replace(CLEAN, notes=("a\tb",)), "text", color=color)
    assert "\t" not in rendered
    assert re.search(r"note: a +b", rendered)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_folding_loses_nothing(width: int) -> None:
    mark = "".join(f"<{number}>" for number in range(60))
    rendered = text_of(poisoned(FULL, mark), "text", width=width)
    squeezed = re.sub(r"\s", "", rendered.partition("\nFLOWS")[0])
    # 3 sources with 1 problem, 1 policy name and digest, no flow, skipped, broken, 2 blind spots with 4 strings each;
    # of 3 findings each has code, subject, message, then flows, decision, rule, evidence, advice.
    assert squeezed.count(mark) >= 3 + 1 + 2 + 3 + 7 + 3 * 3


@given(text=hostile)
def test_rich_markup_of_a_workload_is_text(text: str) -> None:
    report = replace(CLEAN, notes=(f"[bold]{text}[/bold] [red]",))
    words = "".join(text_of(report, "text").split())
    assert "".join(printable(f"note: [bold]{text}[/bold] [red]").split()) in words


@given(text=hostile)
def test_json_is_ascii_and_gives_the_text_back_as_it_is_shown(text: str) -> None:
    rendered = text_of(poisoned(FULL, text), "json")
    assert rendered.isascii()
    document = json.loads(rendered)
    assert document["findings"][0]["message"] == printable(text)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    lines = text_of(poisoned(FULL, text), "jsonl")
    assert lines.isascii()
    assert [json.loads(line)["host"] for line in lines.splitlines()] == [printable(text)] * 3


@given(text=hostile)
def test_xml_stays_well_formed_with_the_same_cases(text: str) -> None:
    document = ET.fromstring(text_of(poisoned(FULL, text), "junit"))
    assert {each.tag for each in document.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped"),
        *("system-out", "properties", "property"),
    }
    [case] = [each for each in document.iter("testcase") if each.find("error") is not None]
    error = case.find("error")
    assert error is not None
    # XML gives an attribute's tabs back as blanks unless they are escaped.
    assert (error.get("message") or "").split() == printable(text).split()


@given(text=hostile)
def test_csv_has_its_columns_and_no_formula(text: str) -> None:
    head, *rows = csv.reader(StringIO(text_of(poisoned(FULL, text), "csv")))
    assert head == list(COLUMNS)
    assert len(rows) == 3
    for row in rows:
        assert len(row) == len(head)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(text=hostile)
def test_parquet_gives_the_text_back_as_it_is_shown(text: str) -> None:
    rendered = render(poisoned(FULL, text), "parquet")
    assert isinstance(rendered, bytes)
    assert pq.read_table(BytesIO(rendered)).column("host").to_pylist() == [printable(text)] * 3
    assert render(poisoned(FULL, text), "parquet") == rendered


GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ALLOWED = {"text", "code_inline", "softbreak"}


def spoken(token: Any) -> str:
    return "".join(child.content for child in token.children or [])


@given(text=hostile)
def test_markdown_takes_no_structure_from_a_workload(text: str) -> None:
    """The tree of blocks is that of the same report with a plain word in it; only words differ."""
    hostile_report, plain_report = (GFM.parse(text_of(poisoned(FULL, each), "markdown")) for each in (text, "plain"))
    assert {child.type for token in hostile_report for child in token.children or []} <= ALLOWED
    if text.strip():
        structure = [[token.type for token in tokens] for tokens in (hostile_report, plain_report)]
        assert structure[0] == structure[1]


@given(text=hostile)
def test_markdown_shows_the_words_as_they_are(text: str) -> None:
    [_, inline, _] = GFM.parse(f"x {inert(text)}")
    assert spoken(inline).split() == ["x", *printable(text).split()]


@given(text=hostile)
def test_markdown_leaves_nothing_to_be_linked_or_mentioned(text: str) -> None:
    """Renderers look for addresses and names in plain text, also after character references are resolved."""
    [_, inline, _] = GFM.parse(f"x {inert(text)}")
    plain = " ".join(child.content for child in inline.children or [] if child.type == "text")
    assert not re.search(r"@|#|://|www\.\S|:\w+:|<|>", plain)
