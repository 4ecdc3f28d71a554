"""Trying again: how long, how often, and what a server's own wish changes."""

from __future__ import annotations

import threading

import pytest

from egressaudit import attempts
from egressaudit.attempts import Backoff, persist
from egressaudit.errors import ClusterError, Forbidden, LogRefused


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 3))
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(attempts.time, "monotonic", made.monotonic)
    monkeypatch.setattr(attempts.random, "uniform", lambda _low, high: high)
    return made


def waits(clock: Clock, backoff: Backoff, retry_after: float = 0.0) -> list[float]:
    backoff._stopping = clock  # type: ignore[assignment]
    while backoff.wait(retry_after):
        pass
    return clock.waits


@pytest.mark.parametrize(
    ("patience", "most", "retry_after", "expected"),
    [
        (2.9, float("inf"), 0.0, [0.2, 0.4, 0.8]),
        (3.0, 3, 0.0, [0.2, 0.4]),
        (100.0, float("inf"), 0.0, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]),
        (2.9, float("inf"), 1.0, [1.0, 1.0]),
        (60.0, float("inf"), 86400.0, [30.0, 30.0]),
        (20.0, float("inf"), 86400.0, []),
        (0.1, float("inf"), 0.0, []),
        (-5.0, float("inf"), 0.0, []),
    ],
)
def test_how_long_is_waited(
    clock: Clock, patience: float, most: float, retry_after: float, expected: list[float]
) -> None:
    assert waits(clock, Backoff(patience, attempts=most), retry_after) == expected


def test_a_wait_is_shorter_by_chance_so_that_threads_do_not_come_back_together() -> None:
    seen = set()
    for _ in range(20):
        backoff, clock = Backoff(10.0), Clock()
        backoff._stopping = clock  # type: ignore[assignment]
        backoff.wait()
        seen.add(clock.waits[0])
    assert len(seen) > 1
    assert all(0.15 <= each <= 0.2 for each in seen)


def test_progress_begins_anew(clock: Clock) -> None:
    backoff = Backoff(1.0)
    backoff._stopping = clock  # type: ignore[assignment]
    assert [backoff.wait(), backoff.wait(), backoff.wait(), backoff.wait(progress=True)] == [True, True, False, True]
    assert clock.waits == [0.2, 0.4, 0.2]


def test_who_is_stopped_does_not_try_again() -> None:
    stopping = threading.Event()
    stopping.set()
    assert Backoff(60.0, stopping).wait() is False


@pytest.mark.parametrize(
    ("errors", "asked"),
    [
        ([ClusterError("cut"), ClusterError("cut")], 3),
        ([LogRefused("later", passing=True)], 2),
        ([LogRefused("gone", gone=True)], 1),
        ([Forbidden("no")], 1),
    ],
)
def test_what_may_pass_is_asked_again(clock: Clock, errors: list[ClusterError], asked: int) -> None:
    left, count = list(errors), 0

    def ask() -> str:
        nonlocal count
        count += 1
        if left:
            raise left.pop(0)
        return "answer"

    backoff = Backoff(60.0)
    backoff._stopping = clock  # type: ignore[assignment]
    if asked > len(errors):
        assert persist(ask, backoff) == "answer"
    else:
        with pytest.raises(type(errors[0])):
            persist(ask, backoff)
    assert count == asked
