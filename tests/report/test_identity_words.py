"""Which run made a report and from what, in the formats that people and CI systems read."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.reports import CLEAN
from support.tools import SAMPLES

from egressaudit.model import AuditReport, MadeFrom, Run, VerifyReport
from egressaudit.model.analysis import AnalyzeReport
from egressaudit.pipeline.replay import audit
from egressaudit.report import Screen, render
from egressaudit.report.identity_words import identity_facts, identity_properties

RUN = Run("5b1f2c4e-0000-4000-8000-000000000001", datetime(2026, 11, 28, 17, 0, 1, 5, tzinfo=UTC), ("a/", "b"), "files")
MADE = MadeFrom("https://api.shop:6443", "7c0e", ("1.26.4", "1.27.1"), "a" * 64, "b" * 64, "c" * 64)
PROPERTIES = {
    "run.id": "5b1f2c4e-0000-4000-8000-000000000001",
    "run.created": "2026-11-28T17:00:01.000005Z",
    "run.paths": "a/, b",
    "run.runner": "files",
    "server": "https://api.shop:6443",
    "cluster_uid": "7c0e",
    "mesh_versions": "1.26.4, 1.27.1",
    "policy_sha256": "a" * 64,
    "snapshot_sha256": "b" * 64,
    "logs_sha256": "c" * 64,
}
Report = VerifyReport | AuditReport | AnalyzeReport


def reports() -> dict[str, Report]:
    verified = audit(SAMPLES / "istio-apis")
    plain: dict[str, Report] = {"verify": verified, "audit": CLEAN, "analyze": AnalyzeReport((), (), ())}
    return {name: replace(each, run=RUN, made_from=MADE) for name, each in plain.items()}


@pytest.mark.parametrize("command", ["verify", "audit", "analyze"])
def test_junit_has_them_as_properties_before_the_cases(command: str) -> None:
    suites = list(ET.fromstring(render(reports()[command], "junit")).iter("testsuite"))
    assert suites[0][0].tag == "properties"
    assert {each.get("name"): each.get("value") for each in suites[0][0]} == PROPERTIES
    assert all(suite.find("properties") is None for suite in suites[1:])


@pytest.mark.parametrize("command", ["verify", "audit", "analyze"])
def test_json_says_the_same_and_null_where_nothing_is_known(command: str) -> None:
    document = json.loads(render(reports()[command], "json"))
    wanted = {"id": RUN.id, "created": "2026-11-28T17:00:01.000005Z", "paths": ["a/", "b"], "runner": "files"}
    assert document["run"].items() >= wanted.items()
    assert document["made_from"] == {
        "server": "https://api.shop:6443",
        "cluster_uid": "7c0e",
        "mesh_versions": ["1.26.4", "1.27.1"],
        "policy_sha256": "a" * 64,
        "snapshot_sha256": "b" * 64,
        "logs_sha256": "c" * 64,
    }
    empty = json.loads(render(replace(reports()[command], run=Run(), made_from=MadeFrom()), "json"))
    assert empty["run"].items() >= {"id": None, "created": None, "paths": [], "runner": None}.items()
    assert [each for each in empty["made_from"].values() if each is not None] == [[]]


@pytest.mark.parametrize("command", ["verify", "analyze"])
def test_text_with_all_evidence_says_it_in_a_line_each(command: str) -> None:
    lines = str(render(reports()[command], "text", Screen(width=200, verbose=True))).splitlines()
    for said in (
        "run: 5b1f2c4e-0000-4000-8000-000000000001 of 2026-11-28T17:00:01Z",
        "cluster: https://api.shop:6443, UID of kube-system 7c0e",
        "proxies: of version 1.26.4, 1.27.1",
        f"snapshot: SHA-256 {'b' * 64}",
        f"all logs: SHA-256 {'c' * 64}",
    ):
        assert said in lines


def test_text_and_markdown_of_an_audit_say_it_beside_the_policy() -> None:
    text = str(render(reports()["audit"], "text", Screen(width=200))).splitlines()
    markdown = str(render(reports()["audit"], "markdown"))
    for label, said in identity_facts(reports()["audit"]):
        assert f"  {label:<9} {said}" in text
        assert f"| {label} | " in markdown
    assert "c" * 64 in markdown


def test_what_is_not_known_is_left_out() -> None:
    assert list(identity_facts(CLEAN)) == list(identity_properties(CLEAN)) == []
    named = replace(CLEAN, made_from=MadeFrom(cluster_uid="7c0e"))
    assert list(identity_facts(named)) == [("cluster", "UID of kube-system 7c0e")]


def test_of_many_versions_text_names_some() -> None:
    many = replace(CLEAN, made_from=MadeFrom(mesh_versions=tuple(f"1.{n}.0" for n in range(10, 30))))
    [(_, said)] = identity_facts(many)
    assert said == "of version 1.10.0, 1.11.0, 1.12.0, 1.13.0, 1.14.0, 1.15.0, 1.16.0, 1.17.0 and 12 more"
