"""Laws of the judge: what a tenant adds, and what is lost, never improves an outcome; how logs are filed changes none.

Worlds are drawn from seeds: `EGRESSAUDIT_LAWS=100 pytest tests/worlds/test_laws.py` draws more.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from worlds import laws
from worlds.laws import RANK, fails, groups, judged, passes, world_of

SEEDS = range(20_000, 20_000 + int(os.environ.get("EGRESSAUDIT_LAWS", "6")))
KINDS = ("honest", "lossy", "adversary")


def kind_of(seed: int) -> str:
    return KINDS[seed % len(KINDS)]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_tenant_adds_improves_nothing(seed: int, tmp_path: Path) -> None:
    before = judged(world_of(seed, kind_of(seed)), tmp_path, "before")
    for turn in range(2):
        rng, world = random.Random(seed + turn), world_of(seed, kind_of(seed))
        if turn:
            said = laws.mark(rng, world)
        else:
            added = laws.tenant_objects(rng, world)
            world.objects += added
            said = str(added)
        after = judged(world, tmp_path, f"after-{turn}")
        assert RANK[after.exit_code] <= RANK[before.exit_code], said
        assert passes(after) <= passes(before), said
        assert fails(after) >= fails(before), said


@pytest.mark.parametrize("seed", SEEDS)
def test_a_line_that_is_missing_improves_nothing(seed: int, tmp_path: Path) -> None:
    rng, world = random.Random(seed), world_of(seed, kind_of(seed))
    before = judged(world, tmp_path, "before")
    if not laws.access_lines(world):
        pytest.skip("no line of this world is in a file")
    line = rng.choice(laws.access_lines(world))
    line.lost = "removed"
    unnoticed = judged(world, tmp_path, "unnoticed")
    assert passes(unnoticed) <= passes(before), line
    if world.collection and world.manifest.get(line.log):
        world.manifest[line.log].claims_more += 1
        noticed = judged(world, tmp_path, "noticed")
        assert noticed.exit_code != 0, line
        assert passes(noticed) <= passes(before), line


@pytest.mark.parametrize("seed", SEEDS)
def test_how_logs_are_filed_changes_nothing(seed: int, tmp_path: Path) -> None:
    before = groups(judged(world_of(seed), tmp_path, "before"))
    for change in (laws.split, laws.copy):
        world = world_of(seed)
        log = change(world, random.Random(seed))
        assert groups(judged(world, tmp_path, change.__name__)) == before, (change.__name__, log)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_lines_and_files_changes_nothing(seed: int, tmp_path: Path) -> None:
    before = groups(judged(world_of(seed, kind_of(seed)), tmp_path, "world"))
    laws.reordered(tmp_path / "world", random.Random(seed))
    assert groups(laws.audit(tmp_path / "world")) == before


@pytest.mark.parametrize("seed", SEEDS)
def test_the_window_that_was_collected_may_be_named(seed: int, tmp_path: Path) -> None:
    without = judged(world_of(seed), tmp_path, "world")
    named = laws.audit(tmp_path / "world", *laws.WINDOW)
    assert (groups(named), named.exit_code) == (groups(without), without.exit_code)
