"""When a proxy was there, and which part of that time its log covers."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.coverage import at
from support.folders import gateway_log, in_json
from support.tools import SAMPLES

from egressaudit.findings.coverage.spans import in_words, present, rhythm, uncovered
from egressaudit.model import ContainerRun, LineCount, Outcome, Window
from egressaudit.pipeline.replay import audit as saved_run


def span(text: str) -> Window:
    start, end = text.split("-")
    return Window(at(start), at(end))


def shown(spans: Iterable[Window]) -> list[str]:
    return [f"{each.start:%H:%M}-{each.end:%H:%M}" for each in spans]


PRESENT: tuple[tuple[str, dict[str, Any], list[str]], ...] = (
    ("nothing is said", {}, ["14:00-15:00"]),
    ("it ran before", {"started": at("13:00")}, ["14:00-15:00"]),
    ("it came later", {"started": at("14:20")}, ["14:20-15:00"]),
    ("it came after the window", {"started": at("15:20")}, []),
    ("it ended", {"started": at("13:00"), "ended": at("14:20")}, ["14:00-14:20"]),
    (
        "one restart, and nothing between the two runs",
        {"started": at("14:40"), "restarts": 1, "previous_started": at("14:10"), "previous_ended": at("14:30")},
        ["14:10-14:30", "14:40-15:00"],
    ),
    (
        "more restarts than the snapshot has times of",
        {"started": at("14:40"), "restarts": 2, "previous_started": at("14:10"), "previous_ended": at("14:30")},
        ["14:00-14:30", "14:40-15:00"],
    ),
    ("restarted, and no word of the run before", {"started": at("14:40"), "restarts": 1}, ["14:00-15:00"]),
)


@pytest.mark.parametrize(("runs", "there"), [row[1:] for row in PRESENT], ids=[row[0] for row in PRESENT])
def test_when_a_container_ran(runs: dict[str, Any], there: list[str]) -> None:
    assert shown(present(ContainerRun("istio-proxy", **runs), span("14:00-15:00"))) == there


UNCOVERED = (
    (["14:00-15:00"], [], ["14:00-15:00"]),
    (["14:00-15:00"], ["13:00-16:00"], []),
    (["14:00-15:00"], ["14:10-14:50"], ["14:00-14:10", "14:50-15:00"]),
    (["14:00-15:00"], ["14:40-15:00", "14:00-14:20"], ["14:20-14:40"]),
    (["14:00-15:00"], ["14:00-14:30", "14:20-14:40"], ["14:40-15:00"]),
    (["14:00-14:20", "14:40-15:00"], ["14:10-14:50"], ["14:00-14:10", "14:50-15:00"]),
)


@pytest.mark.parametrize(("there", "covered", "left"), UNCOVERED)
def test_what_is_not_covered(there: list[str], covered: list[str], left: list[str]) -> None:
    assert shown(uncovered(map(span, there), map(span, covered))) == left


RHYTHM = (
    # from first to last line, lines, seconds of silence that say nothing
    ("14:00-15:00", 3601, 10),
    ("14:00-15:00", 36001, 1),
    ("14:00-15:00", 2, 60),
    ("14:00-15:00", 1, 1),
)


@pytest.mark.parametrize(("when", "lines", "seconds"), RHYTHM)
def test_how_long_a_log_may_be_silent(when: str, lines: int, seconds: int) -> None:
    assert rhythm([span(when)], lines) == timedelta(seconds=seconds)


def test_lengths_in_words() -> None:
    assert [in_words(timedelta(seconds=each)) for each in (5, 65, 3590, 3660)] == [
        "5 s",
        "1 min 5 s",
        "59 min 50 s",
        "1 h 1 min",
    ]


def test_counts_of_lines_add() -> None:
    assert LineCount(5, 3, 1, 1, 1) + LineCount(2, 1, 0, 1, 0) == LineCount(7, 4, 1, 2, 1)


def test_verify_counts_only_the_lines_that_came_after_its_first_probe(tmp_path: Path) -> None:
    """The gateway's log is off, and holds lines from before: none of them was written while the probe ran."""
    folder = Path(shutil.copytree(SAMPLES / "istio-apis", tmp_path / "saved"))
    log = gateway_log(folder)
    old = [each for each in log.read_text().splitlines() if each.startswith("[")] * 5
    log.write_text("".join(f"{each}\n" for each in old))

    def change(probes: Any) -> None:
        probes["lines_before"] = {"/".join(log.relative_to(folder).with_suffix("").parts): 5}

    in_json(folder, "probes.json", change)
    [verdict] = saved_run(folder).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "wrote no access line at all while this ran (0 lines read)" in verdict.reason
