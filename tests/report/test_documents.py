"""The JSON reports fit the schemas that are published for them, and those are made of the program's own types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.reports import text_of
from support.tools import ROOT, load_tool

from egressaudit.model import VerifyReport
from egressaudit.report import render_error

SCHEMAS = ROOT / "docs" / "schemas"
GOLDEN = sorted(each for each in (ROOT / "reports").glob("*.json") if "." not in each.stem)


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(schema(name))


def test_the_published_schemas_are_those_of_the_program() -> None:
    wanted = load_tool("schemas").schemas()
    assert sorted(wanted) == sorted(SCHEMAS.iterdir())
    for file, text in wanted.items():
        assert file.read_text("utf-8") == text, "run: python tools/schemas.py"
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_schema_has_a_name_of_its_own() -> None:
    assert [json.loads(file.read_text("utf-8"))["$id"] for file in sorted(SCHEMAS.iterdir())] == [
        "urn:egressaudit:schema:analyze:1",
        "urn:egressaudit:schema:audit:1",
        "urn:egressaudit:schema:policy:v1alpha1",
        "urn:egressaudit:schema:verify:1",
        "urn:egressaudit:schema:what-if:1",
    ]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_report_of_the_repository_fits_its_schema(file: Path) -> None:
    document = json.loads(file.read_text("utf-8"))
    validator(f"{'audit' if 'flows' in document else 'verify'}-report.schema.json").validate(document)


def test_a_report_of_nothing_and_an_error_fit_the_schema_of_verify() -> None:
    check = validator("verify-report.schema.json")
    check.validate(json.loads(text_of(VerifyReport((), {}, {}), "json")))
    failed = json.loads(render_error("verify", "json", "no cluster", "Name one."))
    check.validate(failed)
    assert failed["error"] == {"message": "no cluster", "hint": "Name one."}
    assert "error" not in json.loads(text_of(VerifyReport((), {}, {}), "json"))


def test_a_schema_of_verify_notices_what_is_missing_or_of_another_type() -> None:
    check = validator("verify-report.schema.json")
    document = json.loads((ROOT / "reports" / "istio-apis.json").read_text("utf-8"))
    [verdict, *_] = document["verdicts"]
    for broken in ({**verdict, "outcome": "MAYBE"}, {k: v for k, v in verdict.items() if k != "hops"}):
        assert not check.is_valid({**document, "verdicts": [broken]})
    assert check.is_valid(document)
