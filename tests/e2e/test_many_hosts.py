"""Many hosts and sources on the lab's whole mesh, in one lab: by the mesh, by a policy, and by nobody."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.runs import without_run

TOOL = str(Path(sys.executable).parent / "egressaudit")
SCENARIO = Path(__file__).parent.parent.parent / "egressaudit_lab" / "scenarios" / "whole-mesh"
FROM = ("--from", "deploy/curl", "-n", "curl")
# A pod of another namespace is named with its own; its name is the lab's to choose.
SHOP = "$(kubectl get pods -n shop -o name | sed 's,^pod,shop,')"
RUNS = {
    "many": ("--host", "docs.redhat.com", "--host", "httpbin.org", "--host", "http://updates.example.com/x", *FROM),
    "policy": ("--policy", str(SCENARIO / "policy.yaml"), "--save-logs", "saved", "-o", "junit=policy.xml"),
    "nothing": ("--host", "updates.example.com", *FROM),
    "typo": ("--host", "docs.redhat.com", "--from", "deploy/crul", "-n", "curl"),
    "again": ("--replay", "saved"),
}
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exit code and the JSON report of each run."""
    folder = tmp_path_factory.mktemp("many")
    script = [f"cd {shlex.quote(str(folder))}"]
    for name, asked in RUNS.items():
        shop = f" --from {SHOP}" if name == "many" else ""
        script.append(
            f"{TOOL} verify {shlex.join(asked)}{shop} -q -o text={name}.txt -o json={name}.json; echo $? >{name}.code"
        )
    audit = f"{TOOL} audit saved --policy {SCENARIO / 'policy.yaml'} -o json=audit.json"
    script.append(f"{audit}; echo $? >audit.code")
    (folder / "script").write_text("\n".join(script))
    lab = [TOOL, "lab", "run", "--scenario", "whole-mesh", "--", "bash", str(folder / "script")]
    done = subprocess.run(lab, check=False, capture_output=True, text=True, timeout=240)
    assert "Traceback" not in done.stderr, done.stderr
    return folder


def code(ran: Path, name: str) -> int:
    return int((ran / f"{name}.code").read_text())


def document(ran: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran / f"{name}.json").read_text())
    return found


def matrix(ran: Path, name: str) -> list[tuple[str, str, str, str]]:
    return [(row["url"], row["source"], row["outcome"], row["path_seen"]) for row in document(ran, name)["matrix"]]


def test_each_host_is_proven_from_each_source(ran: Path) -> None:
    assert matrix(ran, "many") == [
        ("http://docs.redhat.com/", "curl/curl", "PASS", "via-gateway"),
        ("http://docs.redhat.com/", "shop/checkout", "PASS", "via-gateway"),
        ("http://httpbin.org/", "curl/curl", "FAIL", "direct"),
        ("http://httpbin.org/", "shop/checkout", "FAIL", "direct"),
        ("http://updates.example.com/x", "curl/curl", "INCONCLUSIVE", "passthrough"),
        ("http://updates.example.com/x", "shop/checkout", "INCONCLUSIVE", "passthrough"),
    ]
    assert code(ran, "many") == 10
    text = (ran / "many.txt").read_text().splitlines()
    assert text[0] == text[-1] == "FAIL  3 hosts from 2 sources: 2 PASS, 2 FAIL, 2 INCONCLUSIVE"


def test_a_policy_is_proven_from_the_workloads_of_its_rules_and_an_audit_says_the_same(ran: Path) -> None:
    assert matrix(ran, "policy") == [
        ("http://httpbin.org/", "payments/ledger", "PASS", "via-waypoint"),
        ("http://docs.redhat.com/", "curl/curl", "PASS", "via-gateway"),
        ("http://docs.redhat.com/", "shop/checkout", "PASS", "via-gateway"),
    ]
    assert code(ran, "policy") == 0
    assert code(ran, "again") == 0
    assert without_run(document(ran, "again")) == without_run(document(ran, "policy"))
    judged = {
        (f"{each['namespace']}/{each['workload']}", each["host"]): each["outcome"]
        for each in document(ran, "audit")["flows"]
    }
    assert judged["payments/Deployment/ledger", "httpbin.org"] == "PASS"
    assert judged["curl/Deployment/curl", "docs.redhat.com"] == "PASS"
    assert judged["shop/Deployment/checkout", "docs.redhat.com"] == "PASS"


def test_what_nothing_is_declared_for_is_a_result_and_a_typo_is_not(ran: Path) -> None:
    assert code(ran, "nothing") == 3
    [row] = document(ran, "nothing")["matrix"]
    assert (row["outcome"], row["path_expected"], row["code"]) == ("INCONCLUSIVE", None, "EA406")
    assert row["cause"]
    assert code(ran, "typo") == 2
    assert "found no pod for --from deploy/crul" in document(ran, "typo")["error"]["message"]
