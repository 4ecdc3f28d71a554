"""Write sample_logs/ anew: run every scenario of the lab with `--save-logs`, as a user would."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TOOL = str(BIN / "egressaudit")
TRAFFIC = 3
"""Seconds of traffic in a sample of a window."""
MANY = "many-hosts"
"""The sample of a run with several hosts and sources, on the lab's whole mesh."""


def verified(scenario: dict[str, Any], folder: Path) -> tuple[list[str], int]:
    """The command that probes and saves, and its exit code."""
    return [TOOL, "verify", *scenario["verify"], "--save-logs", str(folder), "-q"], scenario["expect"]["exit"]


def audited(scenario: dict[str, Any], folder: Path) -> tuple[list[str], int]:
    """The command that audits some seconds of the scenario's own traffic and saves, and its exit code."""
    audit = [TOOL, "audit", "-A", "--since", "1m", "--policy", scenario["policy"], "--save-logs", str(folder), "-q"]
    keep = ["cp", scenario["policy"], str(folder / "policy.yaml")]
    script = f"sleep {TRAFFIC}; {shlex.join(audit)}; code=$?; {shlex.join(keep)}; exit $code"
    return ["sh", "-c", script], scenario["audit"]


def many(folder: Path) -> tuple[list[str], int]:
    """The command that probes two hosts from three workloads of the whole mesh and saves, and its exit code."""
    pods = [f"--from $(kubectl get pods -n {each} -o name | sed s,^pod,{each},)" for each in ("shop", "payments")]
    hosts = "--host docs.redhat.com --host httpbin.org --from deploy/curl -n curl"
    return ["sh", "-c", f"{TOOL} verify {hosts} {' '.join(pods)} --save-logs {folder} -q"], 10


def main() -> int:
    """Run the scenarios named on the command line, or all; 1 where one gave another exit code than it should."""
    listed = subprocess.run([TOOL, "lab", "list", "-o", "json"], check=True, capture_output=True, text=True)
    wrong = 0
    for scenario in json.loads(listed.stdout):
        name = scenario["name"]
        folder = ROOT / "sample_logs" / name
        run = verified(scenario, folder) if scenario["audit"] is None else audited(scenario, folder)
        wrong += not written(name, name, run)
    return 1 if wrong + (not written(MANY, "whole-mesh", many(ROOT / "sample_logs" / MANY))) else 0


def written(name: str, scenario: str, run: tuple[list[str], int]) -> bool:
    """Write a sample, if it is asked for; whether its command gave the exit code that it should."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return True
    shutil.rmtree(ROOT / "sample_logs" / name, ignore_errors=True)
    command, expected = run
    lab = [TOOL, "lab", "run", "--scenario", scenario, "--", *command]
    done = subprocess.run(lab, check=False, capture_output=True, text=True)
    fine = done.returncode == expected
    print(f"{'ok   ' if fine else 'WRONG'} {name}: exit {done.returncode}")
    if not fine:
        print(done.stdout, done.stderr)
    return fine


if __name__ == "__main__":
    sys.exit(main())
