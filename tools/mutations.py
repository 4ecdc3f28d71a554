"""Drop one rule of the judge after the other, and see who notices: `tools/mutations.py --worlds 150`.

Each mutation of `tests/worlds/mutations.py` is made in a copy of the package. Prints a table in Markdown: by how many
worlds it was noticed (it stops at `--enough`) and by which test first; exit code 1 where nobody did. Tests that fail
without a mutation count for nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from worlds.mutations import MUTATIONS, Mutation  # noqa: E402

TESTS = (
    *("judge/test_fate.py", "judge/test_fate_places.py", "judge/test_verdicts.py", "join/test_engines.py"),
    *(
        "mesh/test_ranges.py",
        "mesh/test_places.py",
        "mesh/test_pods.py",
        "mesh/test_retries.py",
        "mesh/test_mirrors.py",
    ),
    *("join/test_engines_ambient.py", "findings", "mesh/test_gone_pods.py", "adversary/test_adversary.py", "cases"),
)
"""Those that are about judging, the quick ones first."""
WRONG = {"false_pass": "false PASS", "false_fail": "false FAIL", "lost": "lost", "blind": "blind"}


def main() -> int:
    """The table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--enough", type=int, default=3)
    parser.add_argument("--no-tests", action="store_true", help="worlds alone")
    parser.add_argument("--only", default="", help="mutations whose name has this in it")
    asked = parser.parse_args()
    print("| mutation | caught by worlds | caught by tests |\n|---|---|---|")
    missed, red = 0, () if asked.no_tests else _red()
    for each in [each for each in MUTATIONS if asked.only in each.name]:
        worlds, test = _noticed(each, asked, red)
        missed += not worlds and test in ("", "not run")
        print(f"| {each.name} | {worlds or 'no'} | {test or 'no'} |", flush=True)
    return int(missed > 0)


def _noticed(mutation: Mutation, asked: argparse.Namespace, red: tuple[str, ...]) -> tuple[str, str]:
    with tempfile.TemporaryDirectory(prefix="mutation-") as place:
        for name in ("egressaudit", "egressaudit_lab", "grammars"):
            shutil.copytree(ROOT / name, Path(place) / name, ignore=shutil.ignore_patterns("__pycache__"))
        file = Path(place) / "egressaudit" / mutation.file
        file.write_text(file.read_text().replace(mutation.old, mutation.new))
        return _by_worlds(Path(place), asked), "not run" if asked.no_tests else _by_tests(Path(place), red)


def _run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P: not the checkout in which this runs, but the copy.
    environment = {**os.environ, "PYTHONPATH": str(place)}
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _by_worlds(place: Path, asked: argparse.Namespace) -> str:
    out = place / "worlds.jsonl"
    done = _run(
        place, "tools/worlds.py", "--worlds", str(asked.worlds), "--seed", str(asked.seed), "--jobs", str(asked.jobs),
        "--enough", str(asked.enough), "--out", str(out), "--wrong", "0",
    )  # fmt: skip
    if not out.exists():
        return f"it does not run: {done.stderr.strip().splitlines()[-1]}"
    results = [json.loads(line) for line in out.read_text().splitlines()]
    found = Counter(WRONG[name] for each in results for name in WRONG if each[name])
    said = ", ".join(f"{count} {name}" for name, count in found.items())
    return f"{said} in {len(results)} worlds" if said else ""


def _by_tests(place: Path, red: tuple[str, ...]) -> str:
    failed = _failed(place, "-x", *(f"--deselect={each}" for each in red))
    return f"`{failed[0].removeprefix('tests/').partition('[')[0]}`" if failed else ""


def _red() -> tuple[str, ...]:
    """The tests that fail without any mutation."""
    return tuple(_failed(ROOT))


def _failed(place: Path, *options: str) -> list[str]:
    files = [f"tests/{each}" for each in TESTS]
    done = _run(place, "-m", "pytest", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", *options, *files)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode > 1 and not lines:
        return [f"pytest itself, which ended with {done.returncode}"]
    return [name.partition(" - ")[0] for _, name in lines]


if __name__ == "__main__":
    sys.exit(main())
