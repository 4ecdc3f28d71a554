"""The catalogue of findings, the command that explains it, and its page."""

from __future__ import annotations

import json
import re

import pytest
from support.tools import ROOT, load_tool

from egressaudit.cli import run
from egressaudit.errors import UsageError
from egressaudit.findings import RETIRED, control_of, controls
from egressaudit.model import Outcome

CONTROLS = controls()
ALL = list(CONTROLS.values())

EVERY_CODE = (
    "EA101 EA102 EA103 EA104 EA105 EA106 EA107 EA201 EA202 EA301 EA302 EA303 EA304 EA305 EA306 EA307 EA308 EA309 EA310 "
    "EA311 EA312 EA313 EA314 EA315 EA316 EA320 EA321 EA322 EA323 EA324 EA325 EA401 EA402 EA403 EA404 EA405 EA406 "
    "EA407"
)
"""Codes are never used again: here they are only ever added to."""


def page() -> str:
    return str(load_tool("controls_page").page())


def out(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert run(["controls", *argv]) == 0
    return capsys.readouterr().out


def test_no_code_was_ever_taken_away_or_used_again() -> None:
    assert sorted({*CONTROLS, *RETIRED}) == EVERY_CODE.split()
    assert not set(CONTROLS).intersection(RETIRED)


def test_codes_are_in_order_and_keys_are_codes() -> None:
    assert [each.code for each in ALL] == list(CONTROLS) == sorted(CONTROLS)


def test_names_and_titles_are_unique() -> None:
    assert len({each.name for each in ALL}) == len({each.title for each in ALL}) == len(ALL)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.code)
def test_a_control_is_written_as_a_report_needs_it(each) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", each.name)
    assert len(each.title) <= 39
    assert not each.title.endswith(".")
    for text in (each.what, each.why, each.remedy):
        assert text.endswith(".")
    assert re.findall(r"[.!?] ", each.remedy) == [], "the remedy is one sentence"
    assert each.outcomes
    assert Outcome.PASS not in each.outcomes
    assert each.passing
    assert each.failing
    assert each.passing != each.failing
    assert re.match(r"reported|joined|matched|observed|that of the flow", each.confidence)
    assert all(text.isascii() and text.isprintable() for text in (each.what, each.why, each.passing, each.failing))


@pytest.mark.parametrize("said", ["EA101", "ea101", " EA101 ", "direct", "Direct"])
def test_a_control_is_found_by_code_or_name(said: str) -> None:
    assert control_of(said) is CONTROLS["EA101"]


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("EA113", "EA103"),
        ("EA1O1", "EA101"),
        ("dirct", "EA101 (direct)"),
        ("nonsense", "egressaudit controls"),
        ("", ""),
    ],
)
def test_one_that_is_not_there_names_the_nearest(said: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        control_of(said)
    assert near in caught.value.hint


def test_the_list_names_every_code_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = out(capsys).splitlines()
    assert [line.split()[0] for line in lines] == ["CODE", *CONTROLS]
    assert max(map(len, lines)) <= 80


def test_an_explanation_has_all_that_is_known_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for each in ALL:
        text = out(capsys, each.code)
        assert max(map(len, text.splitlines())) <= 80
        words = " ".join(text.split())
        for part in (
            each.code,
            each.name,
            each.title,
            each.severity,
            each.what,
            each.why,
            each.remedy,
            each.confidence,
        ):
            assert part in words
        assert each.passing in words
        assert each.failing in words


def test_several_are_explained_in_the_order_asked_for_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "EA303", "direct", "EA101")
    assert re.findall(r"^EA\d+", text, re.MULTILINE) == ["EA303", "EA101"]


@pytest.mark.parametrize(("asked", "codes"), [((), list(CONTROLS)), (("detour", "EA101"), ["EA106", "EA101"])])
def test_json_is_an_array_of_those_asked_for(
    asked: tuple[str, ...], codes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(out(capsys, *asked, "-o", "json"))
    assert [each["code"] for each in document] == codes
    for each in document:
        known = CONTROLS[each["code"]]
        assert each["severity"] == known.severity.value
        assert each["outcomes"] == [None if outcome is None else outcome.value for outcome in known.outcomes]
        assert each["remedy"] == known.remedy


def test_an_unknown_code_exits_with_2_and_says_nothing_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", "EA101", "EA999"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "EA999" in said.err


def test_the_page_is_made_from_the_catalogue() -> None:
    assert (ROOT / "docs" / "controls.md").read_text("utf-8") == page(), "run python tools/controls_page.py"


def test_the_pages_table_leads_to_the_section_of_each_code() -> None:
    text = page()
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^### (.+)$", text, re.MULTILINE)]
    assert re.findall(r"^\| \[EA\d+\]\(#([a-z0-9-]+)\)", text, re.MULTILINE) == headings
    assert len(headings) == len(CONTROLS)
