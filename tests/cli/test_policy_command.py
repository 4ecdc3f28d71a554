"""`egressaudit policy`, its schema and its page, as a user meets them."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path as File

import jsonschema
import pytest
import yaml
from support.tools import ROOT

from egressaudit.cli import run
from egressaudit.policy import STARTER, parse_policy

SCHEMA = ROOT / "docs" / "schemas" / "egress-policy.schema.json"
PAGE = (ROOT / "docs" / "policy.md").read_text("utf-8")


def plain(text: str) -> object:
    """The YAML as JSON has it."""
    return json.loads(json.dumps(yaml.safe_load(text), default=date.isoformat))


def test_a_first_policy_is_written_once_and_is_valid(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "egress-policy.yaml"
    assert run(["policy", "init", str(file)]) == 0
    assert file.read_text("utf-8") == STARTER
    assert run(["policy", "check", str(file)]) == 0
    assert "policy baseline is valid" in capsys.readouterr().out
    file.write_text("mine")
    assert run(["policy", "init", str(file)]) == 2
    assert file.read_text() == "mine"
    assert "already exists" in capsys.readouterr().err


def test_without_a_file_the_first_policy_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "init"]) == 0
    assert capsys.readouterr().out == STARTER


def test_a_wrong_policy_exits_with_2_and_one_line_for_each_error(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(STARTER.replace("via: gateway ", "via: gatway ").replace("default: deny", "defualt: deny"))
    assert run(["policy", "check", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"error: the policy {file} has 2 errors"
    assert [line.strip().removeprefix(f"{file}:") for line in lines[1:]] == [
        "22:10: spec.rules[0].via: 'gatway' is not allowed here. Did you mean gateway?",
        "33:3: spec.defualt: unknown key. Did you mean default?",
    ]


def test_check_names_waivers_that_have_expired(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.yaml"
    waiver = "  waivers: [{rule: no-mail, from: a/*, reason: CHG-1, expires: 2020-01-31}]"
    file.write_text(STARTER.replace("  waivers: []", waiver))
    assert run(["policy", "check", str(file)]) == 0
    assert "the waiver for no-mail (CHG-1) expired on 2020-01-31" in capsys.readouterr().out


def test_the_published_schema_is_that_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "schema"]) == 0
    assert capsys.readouterr().out == SCHEMA.read_text("utf-8"), "run: python tools/schemas.py"


def test_the_schema_takes_the_starter_and_refuses_its_slips() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    validator.check_schema(validator.schema)
    validator.validate(plain(STARTER))
    for right, wrong in [
        ("via: gateway", "via: gatway"),
        ("default: deny", "defualt: deny"),
        ("  name: baseline", "  {}"),
    ]:
        assert not validator.is_valid(plain(STARTER.replace(right, wrong)))


def test_every_policy_on_the_page_is_valid_and_every_key_is_explained() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    policies = [each for each in blocks if "kind: EgressPolicy" in each]
    assert policies
    for each in policies:
        parse_policy(each.encode())
    schema = json.loads(SCHEMA.read_text("utf-8"))
    keys = {key for form in [schema, *schema["$defs"].values()] for key in form["properties"]}
    assert {key for key in keys if f"`{key}`" not in PAGE} == set()
