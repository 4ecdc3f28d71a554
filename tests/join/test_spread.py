"""When the flows of a group began, counted in equal parts of the window, if a report asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.hops import CURL, FAR, HOUR, START, flows, straight
from support.reports import TAKEN

from egressaudit.judge.merging import merged_groups
from egressaudit.model import Window


def spread_of(seconds: list[float], parts: int, window: Window = HOUR) -> list[tuple[int, ...]]:
    """The spread of each group of one workload that went straight to a host at these times."""
    lines = [straight(at, port=50_000 + n) for n, at in enumerate(seconds)]
    return [group.spread for group, _ in flows({CURL: lines}, window, parts=parts).groups]


@pytest.mark.parametrize(
    ("seconds", "parts", "spread"),
    [
        ([0, 899, 900, 3599], 4, (2, 1, 0, 1)),
        ([0, 1800, 3599.999], 1, (3,)),
        # Each part has its beginning and not its end.
        ([0, 1799.999, 1800], 2, (2, 1)),
        ([60] * 7, 255, (0, 0, 0, 0, 7, *[0] * 250)),
    ],
)
def test_a_flow_counts_in_the_part_in_which_it_began(seconds: list[float], parts: int, spread: tuple[int, ...]) -> None:
    assert spread_of(seconds, parts) == [spread]


def test_what_began_before_the_window_counts_in_its_first_part() -> None:
    later = Window(START + timedelta(seconds=60, milliseconds=1), HOUR.end)
    # The first began a moment before the window, and ended within it.
    assert spread_of([60, 3000], 2, later) == [(1, 1)]


def test_nobody_asked_and_nothing_is_counted() -> None:
    assert spread_of([0, 1], 0) == [()]


def test_every_flow_of_a_group_is_counted_though_its_lines_are_of_several_kinds() -> None:
    lines = [straight(at, port=50_000 + at, response_code=200 + at % 3, upstream_host=FAR) for at in range(90)]
    groups = [group for group, _ in flows({CURL: lines}, parts=10).groups]
    assert [sum(each.spread) for each in groups] == [each.flows for each in groups]
    assert sum(each.flows for each in groups) == 90


def test_groups_that_are_merged_are_added_part_by_part() -> None:
    one = replace(TAKEN, flows=3, spread=(1, 2, 0), reached=(("203.0.113.7", 80),))
    other = replace(TAKEN, flows=4, spread=(0, 1, 3), reached=(("203.0.113.8", 80),))
    [merged] = merged_groups([one, other])
    assert (merged.flows, merged.spread) == (7, (1, 3, 3))
    [without] = merged_groups([replace(one, spread=()), replace(other, spread=())])
    assert without.spread == ()
