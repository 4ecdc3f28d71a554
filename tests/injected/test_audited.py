"""The same sixty faults as windows of logs: `audit` names the true cause as well as `verify` does.

A fault of which a window shows nothing, e.g. that curl's report is missing, is left out: `audited.py` says which.
"""

from __future__ import annotations

import pytest

from egressaudit.model import Outcome
from injected import saved
from injected.audited import audited, is_of_audit, of_sample
from injected.every import faults, healthy
from injected.judged import Ranked
from injected.report import COUNT, FIRST, SEED, drawn, figures
from injected.saved import HEALTHY


@pytest.fixture(scope="module")
def found() -> list[Ranked]:
    return [audited(each) for each in drawn(SEED, COUNT) if is_of_audit(each)]


def test_few_faults_show_in_no_window() -> None:
    assert sum(not is_of_audit(each) for each in faults().values()) == 13


def test_the_true_cause_is_first_in_nine_of_ten(found: list[Ranked]) -> None:
    wrong = "\n".join(str(each) for each in found if each.rank != 1)
    assert sum(each.rank == 1 for each in found) >= FIRST * len(found), f"{figures(found)}\n{wrong}"


def test_the_true_cause_is_among_the_first_three(found: list[Ranked]) -> None:
    assert [str(each) for each in found if not 1 <= each.rank <= 3] == []


def test_no_fault_passes(found: list[Ranked]) -> None:
    assert [str(each) for each in found if each.outcome is Outcome.PASS] == []


def test_a_mesh_that_works_has_no_cause() -> None:
    assert [str(each) for each in map(audited, healthy().values()) if not each.is_clean] == []


def test_a_scenario_of_the_lab_that_works_has_no_cause() -> None:
    # In ambient mode the ztunnel of the other node was not followed.
    lacks = ("ambient", "waypoint-gateway")
    assert {each.fault.name: each.named for each in map(of_sample, HEALTHY)} == {
        each: ("EC72",) if each in lacks else () for each in HEALTHY
    }


def test_a_scenario_of_the_lab_that_breaks_something_names_it_first() -> None:
    assert [str(each) for each in map(audited, saved.faults()) if each.rank != 1] == []
