"""Simulated meshes that know the truth: no verdict may be wrong, and what nothing hides must be decided.

`EGRESSAUDIT_WORLDS=2000 pytest tests/worlds/test_worlds.py` judges more worlds than the usual run does. Their seeds follow
from the commit, so that every commit meets worlds of its own; `EGRESSAUDIT_WORLDS_SEED` asks for certain ones. A seed that
fails is shown by `python tools/worlds.py --show SEED`, and belongs into `failed_seeds.txt` once its cause is fixed.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from worlds.compare import Result
from worlds.report import figures, one

HERE = Path(__file__).resolve().parent
WORLDS = int(os.environ.get("EGRESSAUDIT_WORLDS", "500"))
CHUNKS = 10
ENOUGH_FLOWS = 1000
"""Fewer honest flows say nothing about one in a hundred: few worlds have most of what is undecided."""


def first_seed() -> int:
    """Where the seeds begin: asked for, of the commit, or always the same where there is no git."""
    if asked := os.environ.get("EGRESSAUDIT_WORLDS_SEED"):
        return int(asked)
    try:
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return 1
    return int(said.stdout[:6], 16)


def once_failed() -> list[tuple[int, str | None]]:
    """The seeds of `failed_seeds.txt`, each with the kind of world that it asks for."""
    lines = (line.partition("#")[0].split() for line in (HERE / "failed_seeds.txt").read_text().splitlines())
    return [(int(words[0]), words[1] if len(words) > 1 else None) for words in lines if words]


FIRST = first_seed()


def wrong(result: Result) -> list[str]:
    """What was wrong in a world, with how to see it."""
    kind = " --kind probe" if result.kind == "probe" else ""
    return [
        f"tools/worlds.py --show {result.seed}{kind}: {name}: {said}"
        for name in ("false_pass", "false_fail", "lost", "blind")
        for said in getattr(result, name)
    ]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_verdict_is_wrong(chunk: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    print(f"{WORLDS} worlds from seed {FIRST} (EGRESSAUDIT_WORLDS_SEED={FIRST})")
    results = [one(FIRST + number) for number in range(chunk, WORLDS, CHUNKS)]
    assert [said for result in results for said in wrong(result)] == []
    batch = _together(results, chunk, tmp_path_factory)
    if batch:
        _held_to_share([each for each in batch if each.kind == "honest"])


def _together(results: list[Result], chunk: int, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """All results, for the chunk that ends last; workers have their folders in one."""
    base = tmp_path_factory.getbasetemp()
    file = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "worlds.jsonl"
    with file.open("a") as stream:
        stream.write(json.dumps({"chunk": chunk, "results": [asdict(each) for each in results]}) + "\n")
    said = {each["chunk"]: each["results"] for each in map(json.loads, file.read_text().splitlines())}
    return [Result(**each) for results in said.values() for each in results] if len(said) == CHUNKS else []


def _held_to_share(honest: list[Result]) -> None:
    flows, undecided = sum(each.flows for each in honest), [each for each in honest if each.undecided]
    print("honest worlds:", figures(honest))
    told = [f"seed {each.seed}: {each.undecided} of {each.flows}, {each.open_codes}" for each in undecided]
    assert flows < ENOUGH_FLOWS or 100 * sum(each.undecided for each in undecided) <= flows, told


@pytest.mark.parametrize(("seed", "kind"), once_failed())
def test_a_seed_that_failed_once(seed: int, kind: str | None) -> None:
    assert wrong(one(seed, kind)) == []
