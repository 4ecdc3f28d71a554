"""Faults of simulated meshes: `audit` names the true cause first, and none where all is well.

The seed is fixed, as in `test_injected.py`; `tools/injected.py --worlds N` draws others.
"""

from __future__ import annotations

import pytest
from worlds.fault_table import faults

from egressaudit.causes import causes
from injected.in_worlds import audited_world, drawn
from injected.judged import Ranked
from injected.report import COUNT, FIRST, SEED, figures

HEALTHY = 15


@pytest.fixture(scope="module")
def found() -> list[Ranked]:
    return [audited_world(*each) for each in drawn(SEED, COUNT)]


def test_the_faults_of_worlds_are_of_the_catalogue() -> None:
    names = [each.name for each in faults()]
    assert len(names) == len(set(names)) > 50
    assert {each.code for each in faults()} <= set(causes())
    assert len({each.code for each in faults()}) > 30


def test_the_lot_takes_no_cause_twice_before_all_had_one() -> None:
    codes = [each.code for _, each in drawn(SEED, COUNT)]
    every = {each.code for each in faults()}
    assert set(codes[: len(every)]) == every
    assert [each.name for _, each in drawn(SEED, COUNT)] != [each.name for _, each in drawn(SEED + 1, COUNT)]


def test_the_true_cause_is_first_in_nine_of_ten(found: list[Ranked]) -> None:
    wrong = "\n".join(str(each) for each in found if each.rank != 1)
    assert sum(each.rank == 1 for each in found) >= FIRST * COUNT, f"{figures(found)}\n{wrong}"


def test_the_true_cause_is_among_the_first_three(found: list[Ranked]) -> None:
    assert [str(each) for each in found if not 1 <= each.rank <= 3] == []


@pytest.mark.parametrize("number", range(HEALTHY))
def test_a_world_in_which_nothing_is_wrong_has_no_cause(number: int) -> None:
    found = audited_world(SEED * 1000 + number)
    assert found.is_clean, str(found)
