"""Every scenario, end to end: the lab's real Envoys, real curl, `verify` as a user runs it; then from saved logs."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.runs import without_run
from support.tools import SAMPLES

from egressaudit.evidence.saved_run import load
from egressaudit.model import Outcome
from egressaudit.pipeline.replay import report_on

TOOL = str(Path(sys.executable).parent / "egressaudit")

SCENARIOS = (
    "ambient",
    "bypass-closed",
    "bypass-open",
    "forged",
    "gateway-api",
    "gateway-down",
    "istio-apis",
    "logging-off",
    "mesh-gateway-missing",
    "no-service-entry",
    "no-sidecar",
    "noisy",
    "rbac-denied",
    "redirect-escapes",
    "registry-only",
    "tls-passthrough",
    "upstream-down",
    "waypoint-gateway",
    "waypoint-ignored",
    "whole-mesh",
)
SAVED = tuple(name for name in SCENARIOS if (SAMPLES / name / "probes.json").is_file())
"""Those whose sample is a saved run of verify; that of a whole mesh is a collected window."""


BATTERIES = ("bypass-closed", "bypass-open")
"""Those that `test_bypass` runs, with what the hosts outside saw."""


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    done = subprocess.run([TOOL, "lab", "list", "-o", "json"], check=True, capture_output=True, text=True)
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_the_lab_lists_every_scenario() -> None:
    assert tuple(sorted(scenarios())) == SCENARIOS


def lab(scenario: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOL, "lab", "run", "--scenario", scenario, "--", *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def rows(document: dict[str, Any]) -> list[dict[str, str]]:
    return [{"outcome": v["outcome"], "path_seen": v["path_seen"]} for v in document["verdicts"]]


@pytest.mark.e2e
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in BATTERIES])
def test_verify_answers_as_the_scenario_must(name: str, tmp_path: Path) -> None:
    scenario = scenarios()[name]
    live, saved = tmp_path / "live.json", tmp_path / "saved"
    done = lab(name, TOOL, "verify", *scenario["verify"], "-o", f"json={live}", "--save-logs", str(saved))
    assert done.returncode == scenario["expect"]["exit"], done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    document = json.loads(live.read_text())
    assert rows(document) == scenario["expect"]["verdicts"]
    for log in document["logs"]:
        assert log["access"] + log["other"] + log["unparsed"] == log["read"]

    replay = [TOOL, "verify", "--replay", str(saved), "-o", "json"]
    again = subprocess.run(replay, check=False, capture_output=True, text=True)
    assert again.returncode == done.returncode
    assert without_run(again.stdout) == without_run(document)


@pytest.mark.e2e
def test_registry_only_is_a_pass_where_blocked_is_expected() -> None:
    verify = ["--host", "httpbin.org", "--expect", "blocked", "--from", "deploy/curl", "-n", "curl"]
    done = lab("registry-only", TOOL, "verify", *verify)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("PASS  http://httpbin.org/  blocked")


@pytest.mark.parametrize("name", SAVED)
def test_the_saved_sample_gives_the_verdicts_of_its_scenario(name: str) -> None:
    report = report_on(load(SAMPLES / name))
    found = [{"outcome": v.outcome.value, "path_seen": v.path_seen.value} for v in report.verdicts]
    assert found == scenarios()[name]["expect"]["verdicts"]


@pytest.mark.parametrize("name", SAVED)
def test_removing_any_line_from_a_sample_never_makes_a_pass_and_removing_evidence_unmakes_it(name: str) -> None:
    from dataclasses import replace

    capture = load(SAMPLES / name)
    whole = report_on(capture)
    for position, verdict in enumerate(whole.verdicts):
        evidence = {hop.line for hop in verdict.flow.hops}
        for gone in evidence | set(capture.lines[:3]):
            left = replace(capture, lines=tuple(line for line in capture.lines if line != gone))
            outcome = report_on(left).verdicts[position].outcome
            if verdict.outcome is not Outcome.PASS or gone in evidence:
                assert outcome is not Outcome.PASS, gone
