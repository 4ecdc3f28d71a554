"""Make the logs of a mesh of any size, with its snapshot and policy: `python tools/generated_mesh.py FOLDER --lines 10000000`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from generated_mesh import generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="must not exist yet")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--workloads", type=int, default=200)
    parser.add_argument("--violations", type=int, default=137)
    parser.add_argument("--blind-spots", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="access lines as JSON")
    given = parser.parse_args()
    given.folder.mkdir(parents=True)
    truth = generate(
        given.folder,
        seed=given.seed,
        workloads=given.workloads,
        lines=given.lines,
        violations=given.violations,
        blind=given.blind_spots,
        as_json=given.json,
    )
    print(f"{truth.total} lines in {len(truth.lines)} logs, {truth.start:%Y-%m-%dT%H:%M:%SZ} to {truth.end:%H:%M:%SZ}")
    print(f"{sum(truth.flows.values())} flows that left or should have, {truth.internal} inside the mesh")
    print(f"{len(truth.planted)} violations and {len(truth.blind_spots)} blind spots are planted")


if __name__ == "__main__":
    main()
