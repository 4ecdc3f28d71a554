"""Sixty faults by lot, across the catalogue: the true cause first in nine of ten, among the first three in all.

The seed is fixed, so that this is no test that sometimes fails; `tools/injected.py` draws others.
"""

from __future__ import annotations

import pytest
from support.tools import SAMPLES

from egressaudit.causes import causes
from egressaudit.model import Outcome
from egressaudit.pipeline.replay import audit
from injected.every import NOT_INJECTED, faults, healthy
from injected.judged import Ranked, ranked
from injected.report import COUNT, FIRST, SEED, drawn, figures
from injected.saved import HEALTHY


@pytest.fixture(scope="module")
def found() -> list[Ranked]:
    return [ranked(each) for each in drawn(SEED, COUNT)]


def test_the_lot_takes_no_cause_twice_before_all_had_one() -> None:
    chosen = drawn(SEED, COUNT)
    assert len(chosen) == COUNT == len({each.code for each in chosen})
    assert drawn(SEED, COUNT) == chosen != drawn(SEED + 1, COUNT)


def test_every_cause_is_injected_or_it_is_said_why_not() -> None:
    injected = {each.code for each in faults().values()}
    assert injected | set(NOT_INJECTED) == set(causes())
    assert not injected & set(NOT_INJECTED)


def test_the_true_cause_is_first_in_nine_of_ten(found: list[Ranked]) -> None:
    wrong = "\n".join(str(each) for each in found if each.rank != 1)
    assert sum(each.rank == 1 for each in found) >= FIRST * COUNT, f"{figures(found)}\n{wrong}"


def test_the_true_cause_is_among_the_first_three(found: list[Ranked]) -> None:
    assert [str(each) for each in found if not 1 <= each.rank <= 3] == []


def test_no_fault_passes(found: list[Ranked]) -> None:
    assert [str(each) for each in found if each.outcome is Outcome.PASS] == []


def test_a_mesh_that_works_has_no_cause() -> None:
    assert [str(each) for each in map(ranked, healthy().values()) if not each.is_clean] == []


def test_a_scenario_of_the_lab_that_works_has_no_cause() -> None:
    for sample in HEALTHY:
        for verdict in audit(SAMPLES / sample).verdicts:
            assert (verdict.outcome, verdict.causes) == (Outcome.PASS, ()), sample
