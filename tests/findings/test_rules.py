"""One rule, one file: where each code stands, and what it costs to add another."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from support.additions import PACKAGE, add, package_copy, run_copy

from egressaudit.findings import RULES, controls, rules
from egressaudit.findings.evidence import path_unknown
from egressaudit.findings.from_rulings import rulings, violations

FINDINGS = PACKAGE / "findings"
FAMILIES = {"EA1": "path", "EA2": "sender", "EA3": "evidence", "EA4": "configuration"}


def codes_in(file: Path) -> set[str]:
    """The codes that a file's expressions hold; those in docstrings are for readers."""
    strings = (each.value for each in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(each, ast.Constant))
    return {each for each in strings if isinstance(each, str) and re.fullmatch(r"EA\d{3}", each)}


def test_a_code_stands_in_one_file_and_a_file_has_one_code() -> None:
    files = defaultdict(list)
    # Frameworks map codes, and `absent.py` needs many of them to say what is gone.
    for file in sorted(set(FINDINGS.rglob("*.py")) - {FINDINGS / "absent.py", *(FINDINGS / "frameworks").glob("*.py")}):
        for code in codes_in(file):
            files[code].append(file.relative_to(FINDINGS).with_suffix("").as_posix().replace("/", "."))
    assert files == {rule.control.code: [module] for module, rule in zip(RULES, rules(), strict=True)}


def test_a_file_is_named_after_its_control_and_lies_with_its_family() -> None:
    named = [f"{FAMILIES[each.code[:3]]}.{each.name.replace('-', '_')}" for each in controls().values()]
    assert named == list(RULES)


def test_no_file_is_forgotten() -> None:
    files = {file for family in FAMILIES.values() for file in (FINDINGS / family).glob("*.py")}
    assert {f"{file.parent.name}.{file.stem}" for file in files if file.stem != "__init__"} == set(RULES)


def test_every_code_that_the_judge_gives_has_a_rule_that_takes_its_rulings() -> None:
    given = {code for name in ("outcome", "groups") for code in codes_in(PACKAGE / "judge" / f"{name}.py")}
    taken = {rule.control.code for rule in rules() if rule.find in (rulings, violations)}
    assert given == taken | {path_unknown.RULE.control.code}


NEW = '''"""EA199, an example."""

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.model import Outcome, Severity


def _find(control, facts):
    yield control.unproven("everything", "this is an example")


RULE = Rule(
    find=_find,
    control=Control(
        code="EA199", name="example", title="an example", severity=Severity.LOW, outcomes=(Outcome.INCONCLUSIVE,),
        what="What.", why="Why.", remedy="Remedy.", confidence="observed.", passing="passing", failing="failing",
    ),
)
'''
USED = """
from egressaudit.cli import run
from egressaudit.findings import find_all
from egressaudit.findings.facts import AuditFacts
from egressaudit.model import Coverage

run(["controls"])
run(["controls", "example"])
print("found:", *(each.code for each in find_all(AuditFacts((), Coverage()))))
"""


def test_a_finding_is_added_with_one_file_and_one_line(tmp_path: Path) -> None:
    package = package_copy(tmp_path)
    add(package, "a finding", NEW, ('    "path.refused",\n', '    "path.example",\n'))
    done = run_copy(package, "-c", USED)
    assert re.search(r"^EA199 example +low +an example$", done.stdout, re.MULTILINE)
    assert "EA199 example: an example\n" in done.stdout
    assert "found: EA311 EA199\n" in done.stdout
