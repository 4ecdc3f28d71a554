"""The documents say what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
import yaml

from egressaudit.cli.commands import cli
from egressaudit.errors import ExitCode
from egressaudit.mesh import RESOURCES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCS = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def commands(group: click.Group, *before: str) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
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
