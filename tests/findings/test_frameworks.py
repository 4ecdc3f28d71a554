"""The mapping of compliance frameworks: ids as their documents have them, codes that there are, and its page."""

from __future__ import annotations

import json
import re

import pytest
from support.policies import policy
from support.tools import load_tool

from egressaudit.cli import run
from egressaudit.findings import controls
from egressaudit.findings.frameworks import FRAMEWORKS, framework, mapped
from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl
from egressaudit.judge.outcome import THROUGH
from egressaudit.model import Outcome, Path

IDS = {
    "nist-800-53": r"[A-Z]{2}-[0-9]+(\([0-9]+\))?",
    "pci-dss-v4": r"[0-9]+(\.[0-9]+){2}",
    "cis-kubernetes": r"[0-9]+(\.[0-9]+){2}",
    "cis-openshift": r"[0-9]+(\.[0-9]+){2}",
    "disa-stig-openshift": r"CNTR-OS-[0-9]{6}",
    "dora": r"(RTS-)?Art\.[0-9]+(\([0-9a-z]+\))*",
}
ALL = [(framework(name), each) for name in FRAMEWORKS for each in framework(name).controls]
PAIRS = pytest.mark.parametrize(("of", "control"), ALL, ids=lambda each: each.title)
PROVABLE = {*THROUGH, Path.BLOCKED, Path.DIRECT}


@PAIRS
def test_an_id_is_written_as_its_document_writes_it(of: Framework, control: MappedControl) -> None:
    assert re.fullmatch(IDS[of.name], control.id)
    assert mapped(of.key(control)) == mapped(of.key(control).upper()) == (of, control)


@PAIRS
def test_a_policy_can_name_it(of: Framework, control: MappedControl) -> None:
    [rule] = policy(f'to: {{hosts: [a.example.com]}}, via: gateway, controls: ["{of.key(control)}"]').rules
    assert rule.controls == (of.key(control),)


@PAIRS
def test_its_codes_are_codes_of_findings(of: Framework, control: MappedControl) -> None:
    assert set(control.codes) <= set(controls())
    assert len(control.codes) == len(set(control.codes))


@PAIRS
def test_what_it_leaves_open_is_always_said(of: Framework, control: MappedControl) -> None:
    assert all(text.endswith(".") for text in (control.covers, control.leaves))
    assert all((control.title, control.section))


@PAIRS
def test_what_is_assessed_can_fail_and_can_be_proven(of: Framework, control: MappedControl) -> None:
    failing = [code for code in control.codes if Outcome.FAIL in controls()[code].outcomes]
    assert control.assessed == bool(control.proof)
    if control.assessed:
        assert failing == list(control.codes)
        assert set(control.proof) <= PROVABLE
        assert control.objective.startswith("In the window, ")
        assert "audited logs" in control.objective or "that proxy's own log line" in control.objective


def test_oscal_s_spelling_is_the_same_control_and_unknown_ones_are_none() -> None:
    assert mapped("nist-800-53/sc-7.5") == mapped("nist-800-53/SC-7(5)")
    assert mapped("nist-800-53/SC-7(99)") is mapped("iso-27001/A.8.22") is mapped("nist-800-53") is None


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_says_what_it_was_checked_by(name: str) -> None:
    of = framework(name)
    assert of.name == name
    assert all((of.source, of.verified, of.remark))
    assert of.url.startswith("https://")
    assert len({each.id for each in of.controls}) == len(of.controls)


def test_the_page_is_that_of_the_mapping() -> None:
    tool = load_tool("mapping_page")
    assert tool.page() == tool.FILE.read_text("utf-8"), "run: python tools/mapping_page.py"


def test_the_command_lists_and_explains_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", "--framework", "pci-dss-v4"]) == 0
    assert "1.3.2  assessed" in capsys.readouterr().out
    assert run(["controls", "--framework", "nist-800-53", "sc-7.8"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("SC-7(8) Route Traffic")
    assert "proven by   at least one flow that is via-gateway or via-waypoint" in out
    assert run(["controls", "--framework", "dora", "-o", "json"]) == 0
    assert [each["objective"] for each in json.loads(capsys.readouterr().out)] == [""] * 7


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--framework", "x"], "there is no mapping of a framework 'x'"),
        (["--framework", "dora", "SC-7"], "'SC-7' of dora is not mapped"),
    ],
)
def test_what_is_not_mapped_is_an_error(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controls", *argv]) == 2
    assert says in capsys.readouterr().err
