"""Write sample_logs/ anew: run every scenario of the lab, with `verify --save-logs` as a user would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
TOOL = str(BIN / "egressaudit")


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
        verify = [TOOL, "verify", *scenario["verify"], "--save-logs", str(folder), "-q"]
        lab = [TOOL, "lab", "run", "--scenario", name, "--", *verify]
        done = subprocess.run(lab, check=False, capture_output=True, text=True)
        fine = done.returncode == scenario["expect"]["exit"]
        wrong += not fine
        print(f"{'ok   ' if fine else 'WRONG'} {name}: exit {done.returncode}")
        if not fine:
            print(done.stdout, done.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
