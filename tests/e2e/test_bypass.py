"""The bypass battery against the lab: every ruling is held to what the external hosts themselves received."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.lab_thread import RunningLab, running_lab
from support.runs import without_run

from egressaudit.cluster import Cluster
from egressaudit_lab.scenario import load_scenario

TOOL = str(Path(sys.executable).parent / "egressaudit")
GATEWAYS = {
    "bypass-open": "egress-gateway/egressgateway",
    "bypass-closed": "egress-gateway/egressgateway",
    "ambient": "egress-gateway/waypoint",
}

NOT_TRIED = {"http3", "ipv6"}
OF_SIDECARS = {"inject-false", "exclude-ranges", "exclude-ports", "include-nothing", "interception-none", "uid-1337"}

# One row: the scenario, the exit code, and the ways that come out open, not provable, and not tried; all others closed.
ROWS = (
    (
        "bypass-open",
        10,
        {"address", "other-port", "other-scheme", "udp", "no-sni", "other-sni", "other-gateway", "host-network"}
        | OF_SIDECARS,
        set(),
        NOT_TRIED | {"ambient-opt-out"},
    ),
    # What only a network policy closes has no line: curl's failure alone closes nothing, the policy does.
    ("bypass-closed", 0, set(), set(), NOT_TRIED | {"ambient-opt-out"}),
    (
        "ambient",
        10,
        {"address", "address-with-host", "ambient-opt-out", "host-network"},
        # No server is at these ports.
        {"other-port", "other-scheme", "udp", "no-sni", "other-sni"},
        NOT_TRIED | OF_SIDECARS | {"other-gateway"},
    ),
)


def bypassed(lab: RunningLab, scenario: str, folder: Path) -> subprocess.CompletedProcess[str]:
    verify = load_scenario(scenario).behaviour.verify
    battery = () if "--bypass" in verify else ("--bypass", "--bypass-with", "uid-1337,host-network")
    command = [
        *(TOOL, "verify", *verify, *battery, "--kubeconfig", str(lab.kubeconfig)),
        *("--save-logs", str(folder / "saved"), "-o", f"json={folder / 'live.json'}"),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=os.environ.copy())


def truth(lab: RunningLab, nonce: str, expected: str) -> str:
    """Whether the request with this mark got out, and which way, by the hosts that received it."""
    peers = {each.peer for each in lab.arrivals if nonce in each.mark}
    if not peers:
        return "not received"
    return "through" if peers <= lab.addresses(expected) else "around"


def left_behind(lab: RunningLab) -> list[str]:
    """The pods of ours that are still there; a pod takes a moment to end."""
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
    names = ["?"]
    until = time.monotonic() + 5
    while names and time.monotonic() < until:
        pods = cluster.pods("app.kubernetes.io/managed-by=egressaudit", None)
        names = [each["metadata"]["name"] for each in pods]
    return names


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("scenario", "code", "opened", "not_provable", "not_tried"), ROWS, ids=[str(row[0]) for row in ROWS]
)
def test_every_way_around_is_told_as_the_hosts_outside_saw_it(
    scenario: str, code: int, opened: set[str], not_provable: set[str], not_tried: set[str], tmp_path: Path
) -> None:
    with running_lab(load_scenario(scenario)) as lab:
        done = bypassed(lab, scenario, tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        document: dict[str, Any] = json.loads((tmp_path / "live.json").read_text())
        [battery] = document["bypass"]
        attempts = {each["name"]: each for each in battery["attempts"]}
        standings = {name: each["standing"] for name, each in attempts.items()}
        assert standings == {
            name: "open"
            if name in opened
            else "not provable"
            if name in not_provable
            else "not tried"
            if name in not_tried
            else "closed"
            for name in attempts
        }
        for name, each in attempts.items():
            if each["probe"] is None:
                assert each["standing"] in ("not tried", "closed"), name
                continue
            seen = truth(lab, each["probe"]["nonce"], GATEWAYS[scenario])
            assert (each["standing"] == "open") == (seen == "around"), (name, seen)
            if each["standing"] == "closed":
                assert ("expected way" in each["because"]) == (seen == "through"), (name, seen)
        assert left_behind(lab) == []

    replay = [TOOL, "verify", "--replay", str(tmp_path / "saved"), "-o", "json"]
    again = subprocess.run(replay, check=False, capture_output=True, text=True)
    assert again.returncode == done.returncode
    assert without_run(again.stdout) == without_run(document)
