"""Full-size check of the audit: a generated mesh with everything planted in it, and what was found, missed, invented.

    python tools/planted.py --lines 10000000

Exit code 1 where anything was missed, invented or counted wrong. The audit runs in a process of its own, whose peak
memory is printed; the folder (about 250 bytes a line) is removed at the end unless it is named.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from planted.check import Difference, audited, compare
from planted.mesh import Truth, generate


def check(folder: Path, truth: Truth, memory_limit: str) -> tuple[Difference, float, int]:
    """The difference, the seconds of the audit, and the most bytes of memory that its process had."""
    start = time.perf_counter()
    difference = compare(audited(folder, truth, memory_limit=memory_limit), truth)
    taken = time.perf_counter() - start
    return difference, taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Generate, audit, compare, print."""
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="planted-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        print(f"{folder} is not empty", file=sys.stderr)
        return 2
    try:
        start = time.perf_counter()
        truth = generate(
            folder,
            seed=options.seed,
            lines=options.lines,
            workloads=options.workloads,
            violations=options.violations,
            blind_spots=options.blind_spots,
            form=options.form,
            without=tuple(options.without),
        )
        lines = sum(each.read for each in truth.lines.values())
        size = sum(each.stat().st_size for each in folder.rglob("*.log"))
        made = time.perf_counter() - start
        print(f"generated {lines:,} lines in {len(truth.lines)} logs, {size / 1e9:.2f} GB, in {made:.0f} s")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            difference, taken, memory = pool.submit(check, folder, truth, options.memory_limit).result()
        print(f"audited   in {taken:.1f} s, {lines / taken:,.0f} lines/s, at most {memory / 2**30:.2f} GiB")
        _print(difference, truth)
        return 1 if difference else 0
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def _print(difference: Difference, truth: Truth) -> None:
    print(f"flows     {sum(truth.flows.values()):,} in {len(truth.flows):,} groups")
    print(f"found     {difference.found} of {truth.violations} violations, {len(truth.blind_spots)} blind spots")
    for name in ("missed", "invented", "miscounted"):
        found = getattr(difference, name)
        print(f"{name:<9} {len(found)}")
        print(json.dumps(found[:20], indent=2) if found else "", end="\n" if found else "")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workloads", type=int, default=200)
    parser.add_argument("--violations", type=int, default=137)
    parser.add_argument("--blind-spots", type=int, default=40)
    parser.add_argument("--form", choices=("text", "json"), default="text")
    parser.add_argument("--without", action="append", default=[], help="a way that nothing goes")
    parser.add_argument("--memory-limit", default="1GB", help="of DuckDB")
    parser.add_argument("--folder", help="keep what is generated there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
