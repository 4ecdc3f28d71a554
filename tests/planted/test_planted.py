"""The whole audit on a generated mesh: all that was planted is found, nothing invented, every line and flow counted."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from egressaudit.model import Outcome
from egressaudit.pipeline.joined_logs import PARTS
from egressaudit.report import Screen, render
from egressaudit.report.explained import explanations
from egressaudit.report.screen import UNFOLDED
from planted.check import audited, compare
from planted.mesh import generate

_SMALL = {"lines": 20_000, "workloads": 60, "violations": 62, "blind_spots": 22}
_TINY = {"lines": 4_000, "workloads": 60, "violations": 31, "blind_spots": 11}


@pytest.mark.parametrize(("seed", "form"), [(1, "text"), (2, "text"), (3, "json")])
def test_every_planted_violation_is_found_and_none_is_invented(tmp_path: File, seed: int, form: str) -> None:
    truth = generate(tmp_path, seed=seed, form=form, **_SMALL)

    report = audited(tmp_path, truth)

    difference = compare(report, truth)
    assert difference.missed == ()
    assert difference.invented == ()
    assert difference.miscounted == ()
    assert difference.found == truth.violations == _SMALL["violations"]
    assert report.outcome is Outcome.FAIL


def test_reports_for_people_stay_short_and_link_what_explains_what(tmp_path: File) -> None:
    truth = generate(tmp_path, seed=5, form="text", **_SMALL)
    report = audited(tmp_path, truth)

    screen = str(render(report, "text", Screen(width=80)))
    assert len(screen.partition("\n\nFINDINGS (")[0].splitlines()) <= 22
    assert len(screen.splitlines()) < 1_100
    assert len(str(render(report, "text", Screen(width=UNFOLDED))).splitlines()) < 1_200
    assert len(str(render(report, "markdown")).encode()) <= 65_536
    assert "Left out here" not in str(render(report, "markdown"))
    assert len(str(render(report, "junit")).encode()) < 100_000
    known = explanations(report)
    lost = [each for each in report.findings if each.code == "EA201" and each.causes[0].code == "EC72"]
    assert lost
    assert {other.code for each in lost for other in known.of([each])} == {"EA301"}


def test_the_page_of_a_large_mesh_is_under_three_megabytes(tmp_path: File) -> None:
    truth = generate(tmp_path, seed=1, lines=40_000, workloads=200, violations=137, blind_spots=40)
    report = audited(tmp_path, truth, parts=PARTS)
    assert len(report.judged) > 1_000
    assert 1_000_000 < len(render(report, "html")) < 3_000_000


def test_a_log_that_is_left_out_is_noticed(tmp_path: File) -> None:
    truth = generate(tmp_path, seed=4, **_TINY)
    gateway = next(each for each in sorted(truth.lines) if each.pod.startswith("istio-egressgateway-5d8"))
    (tmp_path / f"{gateway}.log").unlink()

    difference = compare(audited(tmp_path, truth), truth)

    assert str(("EA301", str(gateway))) in difference.invented
    assert any("EA303" in each for each in difference.invented)


def test_a_policy_that_forbids_more_finds_more(tmp_path: File) -> None:
    truth = generate(tmp_path, seed=5, **_TINY)
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace('["*.api.example.com"]', '["nothing.example.com"]'))

    difference = compare(audited(tmp_path, truth), truth)

    assert any("EA104" in each and "api.example.com" in each for each in difference.invented)
    assert difference.miscounted == ()
