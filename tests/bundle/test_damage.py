"""A bit of a bundle is flipped: it is found and named. `tools/bundle_damage.py` does the same 10,000 times."""

from __future__ import annotations

import os

import pytest
from support.bundle_damage import Damage
from support.bundles import bundled, keys

SEED = int(os.environ.get("BUNDLE_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


@pytest.fixture(scope="module", params=["all", "relevant", "none"])
def damage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Damage:
    folder = tmp_path_factory.mktemp("damage")
    key, _ = keys(folder, "ours")
    bundle = bundled(folder / "b.tar.zst", "--bundle-logs", request.param, "--sign-key", key)
    return Damage(bundle, folder / "damaged.tar.zst", SEED)


def test_a_flipped_bit_of_a_member_is_found_and_named(damage: Damage) -> None:
    assert [wrong for _ in range(100) if (wrong := damage.in_a_member())] == [], f"BUNDLE_SEED={SEED}"


def test_a_flipped_bit_of_the_archive_is_found(damage: Damage) -> None:
    assert [wrong for _ in range(50) if (wrong := damage.in_the_archive())] == [], f"BUNDLE_SEED={SEED}"


def test_a_flipped_bit_of_the_file_is_found_or_changes_nothing(damage: Damage) -> None:
    assert [wrong for _ in range(50) if (wrong := damage.in_the_file())] == [], f"BUNDLE_SEED={SEED}"
