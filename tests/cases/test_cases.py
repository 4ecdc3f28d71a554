"""Each case of `cases/` gives one of the answers that are right for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import run

from cases import asked, attacks, captures, ended, reports, turned
from cases.build import Case, write

CASES = (*attacks.CASES, *asked.CASES, *turned.CASES, *ended.CASES, *reports.CASES, *captures.CASES)


def _parameters() -> list[object]:
    """The cases; those whose answer is still wrong are to fail, and the suite says when they no longer do."""
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.xfail(reason=each.not_yet)] if each.not_yet else [])
        for each in CASES
    ]


@pytest.mark.parametrize("case", _parameters())
def test_every_case_gives_a_right_answer(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    write(case, folder)
    judged = run.verify(folder) if case.probe is not None else run.audit(folder)
    assert judged.exit_code in case.exits, f"{case.shows}\n{judged.text[:6000]}"
    for word in case.says:
        assert word in judged.text, f"{case.shows}\n{judged.text[:6000]}"
    for word in case.never_says:
        assert word not in judged.text, f"{case.shows}\n{judged.text[:6000]}"


def test_every_case_has_a_name_and_a_reason_of_its_own() -> None:
    names = [each.name for each in CASES]
    assert sorted(names) == sorted(set(names))
    assert all(each.shows.endswith((".", ")")) or each.shows.endswith(").") for each in CASES)
