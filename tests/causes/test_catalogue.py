"""The catalogue of causes: its rows, the command that explains them, their page, and that each has a test."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.additions import package_copy, run_copy
from support.tools import load_tool

from egressaudit.causes import LEFT_OUT, cause_of, cause_rules, causes
from egressaudit.cli import run
from egressaudit.errors import UsageError
from egressaudit.model import Stage

ALL = list(causes().values())
HERE = Path(__file__).parent

EVERY_CODE = [f"EC{number:02}" for number in range(1, 100)]
"""Codes are never used again: here they are only ever added to."""


def page() -> str:
    return str(load_tool("causes_page").page())


def out(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert run(["causes", *argv]) == 0
    return capsys.readouterr().out


def test_no_code_was_ever_taken_away_or_used_again() -> None:
    assert sorted({*causes(), *LEFT_OUT}) == EVERY_CODE
    assert not set(causes()).intersection(LEFT_OUT)


def test_every_cause_has_one_row() -> None:
    codes = [rule.cause.code for rule in cause_rules()]
    assert len(codes) == len(set(codes)) == len(ALL)


def test_names_and_titles_are_unique() -> None:
    assert len({each.name for each in ALL}) == len({each.title for each in ALL}) == len(ALL)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.code)
def test_a_cause_is_written_as_a_report_needs_it(each) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.name)
    assert len(each.title) <= 60
    assert not each.title.endswith(".")
    assert not each.looks.endswith(".")
    assert each.remedy.endswith(".")
    assert re.findall(r"[.!?] [A-Z]", each.remedy) == [], "the remedy is one sentence"
    assert each.modes
    assert set(each.modes) <= set("IGA")
    assert each.sources
    assert all(text.isascii() and text.isprintable() for text in (each.title, each.looks, each.remedy))


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.code)
def test_a_look_alike_is_another_cause_and_has_a_fact_of_its_own(each) -> None:
    codes = [other.code for other in each.unlike]
    assert each.code not in codes
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(causes())
    assert all(other.fact.startswith("there ") and not other.fact.endswith(".") for other in each.unlike)


def test_a_row_is_looked_for_where_its_flow_may_have_stopped() -> None:
    assert {stage for rule in cause_rules() for stage in rule.at} <= set(Stage)
    assert {rule.cause.stage for rule in cause_rules()} == set(Stage)


def _expected(tree: ast.AST) -> Iterator[str]:
    """Codes that a test expects: the first of each row of ROWS, and what is compared by `==`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "ROWS":
            assert isinstance(node.value, ast.List)
            yield from (str(ast.literal_eval(row.elts[0])) for row in node.value.elts if isinstance(row, ast.Tuple))
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            yield from (str(each.value) for each in node.comparators if isinstance(each, ast.Constant))
        if (
            isinstance(node, ast.Tuple)
            and len(node.elts) == 2
            and all(isinstance(each, ast.Constant) for each in node.elts)
        ):
            code, cause = (str(each.value) for each in node.elts if isinstance(each, ast.Constant))
            yield cause if re.fullmatch(r"EA\d{3}", code) else ""


def test_every_cause_is_found_by_a_row_that_fails_without_its_rule() -> None:
    trees = [ast.parse(file.read_text("utf-8")) for file in sorted(HERE.glob("test_*.py"))]
    expected = {code for tree in trees for text in _expected(tree) for code in re.findall(r"EC\d\d", text)}
    assert sorted(set(causes()) - expected) == []


@pytest.mark.parametrize("said", ["EC26", "ec26", " EC26 ", "mesh-missing", "Mesh-Missing"])
def test_a_cause_is_found_by_code_or_name(said: str) -> None:
    assert cause_of(said) is causes()["EC26"]


@pytest.mark.parametrize(
    ("said", "near"),
    [("EC260", "EC26"), ("mesh-mising", "EC26 (mesh-missing)"), ("qqqqq", "egressaudit causes"), ("", "")],
)
def test_one_that_is_not_there_names_the_nearest(said: str, near: str) -> None:
    with pytest.raises(UsageError) as raised:
        cause_of(said)
    assert near in raised.value.hint


def test_a_cause_that_is_left_out_says_why() -> None:
    with pytest.raises(UsageError, match="no proxy carries it"):
        cause_of("EC10")


def test_the_list_has_every_cause(capsys: pytest.CaptureFixture[str]) -> None:
    listed = out(capsys).splitlines()
    assert [each.split()[0] for each in listed[1:]] == list(causes())
    assert all(len(each) <= 80 for each in listed)


def test_one_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    said = out(capsys, "EC26")
    assert said.startswith("EC26 mesh-missing: the rule is not for the mesh\n")
    assert "unlike      EC27 the rule is for another port: there another port" in said
    assert "do          Add `mesh` to spec.gateways" in said


def test_programs_get_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    [only] = json.loads(out(capsys, "EC26", "-o", "json"))
    assert (only["code"], only["stage"], only["fix"]) == ("EC26", "steered", "mesh-gateway")
    assert len(json.loads(out(capsys, "-o", "json"))) == len(ALL)


def test_the_page_is_that_of_the_catalogue() -> None:
    assert load_tool("causes_page").FILE.read_text("utf-8") == page(), "run `python tools/causes_page.py`"


def test_links_of_the_page_lead_to_a_heading() -> None:
    text = page()
    headings = {each[4:].lower().replace(" ", "-") for each in text.splitlines() if each.startswith("### ")}
    assert set(re.findall(r"\(#([^)]+)\)", text)) == headings


NEW = """
    CauseRule(
        finds=lambda seen: Because(("this is an example",)),
        cause=Cause(
            code="EC00", name="example", title="an example", stage=Stage.CAPTURED, modes="IGA", looks="so",
            remedy="Do it.", sources=("here",),
        ),
    ),
"""
USED = """
from egressaudit.cli import run
run(["causes", "example"])
run(["verify", "--replay", "SAMPLE"])
"""


def test_a_cause_is_added_with_one_row(tmp_path: Path) -> None:
    package = package_copy(tmp_path)
    file = package / "causes" / "not_captured.py"
    text = file.read_text("utf-8").replace("ROWS = (\n", f"ROWS = ({NEW}", 1)
    file.write_text(text, "utf-8")
    sample = HERE.parent.parent / "sample_logs" / "no-sidecar"
    done = run_copy(package, "-c", USED.replace("SAMPLE", str(sample)))
    assert "EC00 example: an example\n" in done.stdout
    assert "cause     EC00 an example: this is an example" in done.stdout
