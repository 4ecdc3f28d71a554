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


def verified(scenario: dict[str, Any], folder: Path) -> tuple[list[str], int]:
    """The command that probes and saves, and its exit code."""
    return [TOOL, "verify", *scenario["verify"], "--save-logs", str(folder), "-q"], scenario["expect"]["exit"]


def audited(scenario: dict[str, Any], folder: Path) -> tuple[list[str], int]:
    """The command that audits some seconds of the scenario's own traffic and saves, and its exit code."""
    audit = [TOOL, "audit", "-A", "--since", "1m", "--policy", scenario["policy"], "--save-logs", str(folder), "-q"]
    keep = ["cp", scenario["policy"], str(folder / "policy.yaml")]
    script = f"sleep {TRAFFIC}; {shlex.join(audit)}; code=$?; {shlex.join(keep)}; exit $code"
    return ["sh", "-c", script], scenario["audit"]


def main() -> int:
    """Run the scenarios named on the command line, or all; 1 where one gave another exit code than it should."""
    listed = subprocess.run([TOOL, "lab", "list", "-o", "json"], check=True, capture_output=True, text=True)
    wrong = 0
    for scenario in json.loads(listed.stdout):
        name = scenario["name"]
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        folder = ROOT / "sample_logs" / name
        shutil.rmtree(folder, ignore_errors=True)
        run, expected = verified(scenario, folder) if scenario["audit"] is None else audited(scenario, folder)
        done = subprocess.run(
            [TOOL, "lab", "run", "--scenario", name, "--", *run], check=False, capture_output=True, text=True
        )
        fine = done.returncode == expected
        wrong += not fine
        print(f"{'ok   ' if fine else 'WRONG'} {name}: exit {done.returncode}")
        if not fine:
            print(done.stdout, done.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
