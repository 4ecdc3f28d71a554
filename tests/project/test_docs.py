"""The documents say what the program does."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import pytest
import yaml
from support.mesh import AMBIENT, READ, entry, pod
from support.tools import ROOT, load_tool

from egressaudit.cli.commands import cli
from egressaudit.errors import ExitCode
from egressaudit.findings import controls
from egressaudit.hops.line_parser import parse
from egressaudit.join.line_facts import Fate
from egressaudit.judge import outcome
from egressaudit.judge.fate import fate_of
from egressaudit.judge.hop_facts import Surfaces, facts_of
from egressaudit.judge.words import REASONS
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.places import Place, owners
from egressaudit.model import Confidence, LogLine, LogSource
from egressaudit.model import Path as FlowPath

README = (ROOT / "README.md").read_text("utf-8")
DOCS = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def commands(group: click.Group, *before: str) -> list[tuple[str, ...]]:
    found, context = [], click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += commands(command, *before, name)
    return found


@pytest.mark.parametrize("command", commands(cli), ids=" ".join)
def test_every_command_is_documented(command: tuple[str, ...]) -> None:
    assert f"egressaudit {' '.join(command)}" in DOCS


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_in_the_readme(code: ExitCode) -> None:
    table = README.partition("## Exit codes")[2].partition("\n## ")[0]
    assert re.search(rf"\b{code.value}\b", table)


def test_the_cluster_role_covers_exactly_what_a_snapshot_reads() -> None:
    text = (ROOT / "docs" / "permissions.md").read_text("utf-8")
    role = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    granted = {
        (group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "/" not in resource
    }
    assert granted == {(resource.group, resource.plural) for resource in RESOURCES}
    assert not any("secrets" in rule["resources"] for rule in role["rules"])


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_report_in_the_readme_is_one_of_the_reports() -> None:
    shown = README.partition("<!-- reports/istio-apis.txt -->\n```\n")[2].partition("```")[0]
    assert shown
    assert shown == (ROOT / "reports" / "istio-apis.txt").read_text("utf-8")


def test_every_key_of_the_json_report_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text("utf-8")))
    report = json.loads((ROOT / "reports" / "forged.json").read_text("utf-8"))
    verdict = report["verdicts"][0]
    parts = [report, verdict, verdict["source"], verdict["probe"], verdict["probe"]["curl"], verdict["hops"][0]]
    parts += [report["logs"][0], report["tool"]]
    assert {key for part in parts for key in part} - documented == set()


# ---------------------------------------------------------------- docs/evidence.md

EVIDENCE = (ROOT / "docs" / "evidence.md").read_text("utf-8")


def words_of(section: str) -> list[str]:
    """The words in the first column of the first table of a section."""
    body = EVIDENCE.partition(f"\n{section}\n")[2]
    assert body, f"{section} is not there"
    table = next(part for part in body.lstrip().split("\n\n") if part.startswith("|"))
    return [word for row in table.splitlines()[2:] for word in re.findall(r"`([a-z-]+)`", row.split("|")[1])]


@pytest.mark.parametrize(
    ("section", "known"),
    [
        ("## Fates", [str(each) for each in Fate]),
        ("## Places", [str(each) for each in Place if each]),
        ("## Paths", [str(each) for each in FlowPath]),
        ("## Reasons", list(REASONS)),
        ("### Confidence", [str(each) for each in Confidence]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_page_of_evidence_has_every_word_and_no_other(section: str, known: list[str]) -> None:
    assert sorted(words_of(section)) == sorted(known)


def test_the_page_of_evidence_has_the_table_of_outcomes() -> None:
    def rows(text: str) -> list[list[str]]:
        return [
            [cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")
        ]

    shown = rows(EVIDENCE.partition("\n## Outcomes\n")[2].partition("\nA probe is sent")[0])
    kept = rows(outcome.__doc__ or "")
    assert [row for row in shown if set(row) != {"---"}] == [row for row in kept if not row[0].startswith("--")]
    for code in {code for row in kept for code in re.findall(r"EA\d+", row[2])}:
        assert code in controls()


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_on_the_page_of_evidence(code: ExitCode) -> None:
    outcomes = EVIDENCE.partition("\n## Outcomes\n")[2].partition("\n## ")[0]
    assert any(re.search(rf"^\| [0-9, ]*\b{code.value}\b", row) for row in outcomes.splitlines())


@pytest.mark.parametrize("number", range(1, 13))
def test_every_rule_has_a_section_with_a_line(number: int) -> None:
    section = EVIDENCE.partition(f"\n### {number}. ")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert re.search(r"<!-- \S+: \S+", section)


def shown_lines() -> list[tuple[str, str, str]]:
    """The log lines of the page: whose, the fate and reason that it claims, and the line in one piece."""
    found = re.findall(r"<!-- (\S+): (.+?) -->\n\n((?:    .+\n)+)", EVIDENCE)
    return [(log, said, " ".join(row.strip() for row in text.splitlines())) for log, said, text in found]


MIXED = entry("egress/mixed", "mixed.example.com", resolution="STATIC", endpoints=[
    {"address": "6.6.6.6"}, {"address": "10.0.0.9", "ports": {"http": 8080}}])  # fmt: skip
CHOSEN = entry("curl/s3", "*.s3.example.com", port=443, protocol="TLS", resolution="NONE")
SHOWN = Mesh.of([*AMBIENT, MIXED, CHOSEN, pod("evil/x-1", "10.0.5.7", "istio-proxy", owner="StatefulSet/x")], READ)


@pytest.mark.parametrize(("log", "said", "text"), shown_lines(), ids=lambda value: value[:40])
def test_every_line_that_is_shown_has_the_fate_that_the_page_says(log: str, said: str, text: str) -> None:
    source = LogSource(*log.split("/"), "istio-proxy")
    writers = {own: each for each in SHOWN.pods if (own := SHOWN.proxy_log(each)) is not None}
    reporter = dict(SHOWN.expected_logs()).get(source)
    if said == "nothing":
        assert reporter is None
        return
    parsed = parse([LogLine(source, 1, text)], {source: reporter})
    [hop] = parsed.hops
    assert hop.clean
    surfaces = Surfaces(SHOWN.places, SHOWN.cluster_ends, writers, owners(SHOWN.pods))
    found = fate_of(facts_of(hop, surfaces))
    assert f"{found.fate} {found.reason}".strip().startswith(said)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", head.lower()).replace(" ", "-") for head in heads}


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_page_and_a_section(page: Path) -> None:
    text = page.read_text("utf-8")
    for file, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", text):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {file}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text("utf-8")), f"{page.name}: {file}#{anchor}"


# ---------------------------------------------------------------- the map of the code

code_map = load_tool("code_map")


def test_the_map_of_the_code_is_the_one_of_its_docstrings() -> None:
    assert (ROOT / "docs" / "map.md").read_text("utf-8") == code_map.page(), "run tools/code_map.py"


def test_every_module_says_what_it_is() -> None:
    files = [file for package in ("egressaudit", "egressaudit_lab") for file in (ROOT / package).rglob("*.py")]
    assert [str(file) for file in files if not code_map.said(file)] == []


SAY_IT_OTHERWISE: dict[str, str] = {}
"""Folders whose modules need no In, Out or Example, each with the reason."""


def test_every_module_says_what_comes_in_and_goes_out() -> None:
    silent = []
    for file in sorted((ROOT / "egressaudit").rglob("*.py")):
        text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
        exempt = file.parent.relative_to(ROOT).as_posix() in SAY_IT_OTHERWISE
        if not exempt and file.name not in ("__init__.py", "__main__.py"):
            silent += [str(file)] if not ("In:" in text and "Out:" in text) and "Example" not in text else []
    assert silent == []


# ---------------------------------------------------------------- a line's way through the code

ROOMS = (
    "mesh",
    "cluster",
    "evidence",
    "collect",
    "sources",
    "hops",
    "model",
    "join",
    "judge",
    "causes",
    "findings",
    "report",
    "cli",
)


def ways() -> list[list[str]]:
    """The files of each way that docs/architecture.md tells, in the order of its steps."""
    parts = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("| | file |")[1:]
    return [re.findall(r"^\| \d+ \| (.*?) \|", part, re.MULTILINE) for part in parts]


def test_a_lines_way_names_files_that_are_there() -> None:
    named = [each for steps in ways() for step in steps for each in re.findall(r"`([a-z_/]+(?:\.py|/))`", step)]
    assert len(named) > 30
    assert [each for each in named if not (ROOT / "egressaudit" / each).exists()] == []


@pytest.mark.parametrize("steps", ways(), ids=["verify", "audit"])
def test_no_step_goes_back(steps: list[str]) -> None:
    rooms = [step.strip("`").partition("/")[0] for step in steps]
    assert rooms[:2] == ["cli", "pipeline"]
    places = [ROOMS.index(room) for room in rooms[2:]]
    assert places == sorted(places)
