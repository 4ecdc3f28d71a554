"""Logs followed through cuts, restarts and refusals: no line twice, none lost, and said where that is not sure."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.collect.follow.follower import Follower
from egressaudit.collect.resume import Resume
from egressaudit.errors import ClusterError, Forbidden, UsageError
from egressaudit.model import LogSource, ObjectRef

LOG = LogSource("curl", "curl-1", "istio-proxy")
OTHER = LogSource("egress-gateway", "gw-1", "istio-proxy")
START = datetime(2026, 11, 7, 14, 35, 52, tzinfo=UTC)


def stamped(millis: int, text: bytes) -> bytes:
    return f"{START + timedelta(milliseconds=millis):%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + text


class Script:
    """One stream: what it gives, and how it ends."""

    def __init__(self, *items: bytes | Exception, stay: bool = False, asked: bool = True) -> None:
        self.items = items
        self.stay = stay
        self.asked = time.monotonic() if asked else None
        self.too_long = 0
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for item in self.items:
            if isinstance(item, Exception):
                raise item
            yield item
        if self.stay:
            self._closed.wait(30)

    def close(self) -> None:
        self._closed.set()


class Scripted:
    """A cluster whose streams are written down, by source; the last one is given again and again."""

    def __init__(self, streams: dict[LogSource, list[Script]], *pods: dict[str, Any] | None) -> None:
        self.streams = streams
        self.asked_for: list[dict[str, object]] = []
        self._pods = list(pods) or [pod()]

    def follow(self, source: LogSource, **how: object) -> Script:
        self.asked_for.append(how)
        scripts = self.streams[source]
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        return self._pods.pop(0) if len(self._pods) > 1 else self._pods[0]


def pod(identity: str = "a", state: str = "running", started: str = "2026-11-07T14:00:00Z") -> dict[str, Any]:
    status = {
        "name": LOG.container,
        "containerID": identity,
        "restartCount": 0,
        "state": {state: {"startedAt": started}},
    }
    return {"spec": {"containers": [{"name": LOG.container}]}, "status": {"containerStatuses": [status]}}


def texts(follower: Follower, count: int) -> list[str]:
    until = time.monotonic() + 5
    while len(follower.lines) < count and time.monotonic() < until:
        follower.take(0.2)
    return [line.text for line in follower.lines]


def noted(follower: Follower, words: str) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if any(words in note for note in follower.notes):
            return True
        time.sleep(0.01)
    return False


# ---------------------------------------------------------------- resuming


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.sampled_from([b"", b"x", b"y y", b"\xff\x00"])), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_wherever_the_stream_is_cut_the_lines_are_the_original_sequence(
    rows: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    written = [stamped(millis, text) for millis, text in sorted(rows, key=lambda row: row[0])]
    resume, read, position = Resume(), [], 0
    for cut in [*cuts, 40]:
        resume.begin()
        since = resume.since
        served = [raw for raw in written if since is None or datetime.fromisoformat(raw[:26].decode() + "Z") >= since]
        upto = max(position, min(len(written), cut))
        served = served[: max(0, len(served) - (len(written) - upto))]
        read += [line for raw in served if (line := resume.take(raw)) is not None]
        position = max(position, upto)
    assert read == [raw.partition(b" ")[2] for raw in written]


def test_two_equal_lines_with_one_stamp_are_two_lines_also_after_a_cut() -> None:
    resume = Resume()
    twin = stamped(0, b"x")
    resume.begin()
    assert [resume.take(twin), resume.take(twin)] == [b"x", b"x"]
    resume.begin()
    assert [resume.take(twin), resume.take(twin), resume.take(twin)] == [None, None, b"x"]


def test_lines_slightly_out_of_order_are_asked_for_again() -> None:
    resume = Resume()
    resume.begin()
    resume.take(stamped(1100, b"later"))
    assert resume.since == START
    resume.begin()
    assert resume.take(stamped(900, b"earlier")) == b"earlier"
    assert resume.take(stamped(1100, b"later")) is None


@pytest.mark.parametrize("raw", [b"", b"failed to watch file", b"2026-11-07 x", b"\xff x"])
def test_a_line_without_a_stamp_is_no_line_of_the_container(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Resume().take(raw)


# ---------------------------------------------------------------- following


def test_lines_are_numbered_from_1_and_keep_what_is_not_utf_8() -> None:
    long = b"a" * 1024 * 1024
    cluster = Scripted({LOG: [Script(stamped(0, b"one"), stamped(1, b"\xff\xfe two"), stamped(2, long), stay=True)]})
    with Follower(cluster, [LOG]) as follower:
        assert follower.wait_ready(5)
        assert texts(follower, 3) == ["one", "\udcff\udcfe two", long.decode()]
        assert [line.number for line in follower.lines] == [1, 2, 3]
        assert follower.notes == ()
        assert follower.failed == frozenset()
    assert cluster.asked_for == [{"tail": 10}]


def test_a_cut_stream_is_resumed_and_noted() -> None:
    one, two, three = stamped(0, b"one"), stamped(700, b"two"), stamped(900, b"three")
    cluster = Scripted({LOG: [Script(one, two), Script(one, two, three, stay=True)]})
    with Follower(cluster, [LOG]) as follower:
        assert texts(follower, 3) == ["one", "two", "three"]
        assert follower.notes == (f"log stream of {LOG} was cut and resumed",)
        assert follower.failed == frozenset()
    assert cluster.asked_for[1] == {"since": START - timedelta(seconds=1)}


def test_a_log_that_was_cut_before_its_first_line_is_asked_for_from_the_beginning_of_the_run() -> None:
    cluster = Scripted({LOG: [Script(ClusterError("cut")), Script(stamped(0, b"one"), stay=True)]})
    with Follower(cluster, [LOG]) as follower:
        assert texts(follower, 1) == ["one"]
    assert cluster.asked_for[1] == {"since_seconds": 2}


def test_an_empty_log_is_ready_after_a_moment_and_noted() -> None:
    with Follower(Scripted({LOG: [Script(stay=True)]}), [LOG]) as follower:
        began = time.monotonic()
        assert follower.wait_ready(5)
        assert time.monotonic() - began < 5
        assert follower.notes == (f"the log of {LOG} was empty before the probe",)


def test_a_log_that_is_not_connected_is_not_ready() -> None:
    with Follower(Scripted({LOG: [Script(stay=True, asked=False)]}), [LOG]) as follower:
        assert not follower.wait_ready(0.2)
        assert "not being followed yet" in follower.notes[0]


def test_leaving_does_not_wait_for_a_line() -> None:
    began = time.monotonic()
    with Follower(Scripted({LOG: [Script(stay=True)], OTHER: [Script(stay=True)]}), [LOG, OTHER, LOG]) as follower:
        assert follower.take(0.05) == []
    assert time.monotonic() - began < 10


def test_take_gives_what_is_new_and_lines_all() -> None:
    cluster = Scripted({LOG: [Script(stamped(0, b"a"), stay=True)], OTHER: [Script(stamped(0, b"b"), stay=True)]})
    with Follower(cluster, [LOG, OTHER]) as follower:
        assert follower.wait_ready(5)
        assert sorted(line.text for line in follower.take(1)) == ["a", "b"]
        assert follower.take(0) == []
        assert [line.source for line in follower.lines] == [LOG, OTHER]


def test_forbidden_is_raised_where_the_user_hears_it() -> None:
    cluster = Scripted({LOG: [Script(Forbidden("not allowed", hint="a Role"))]})
    with Follower(cluster, [LOG]) as follower:
        with pytest.raises(Forbidden):
            follower.wait_ready(5)
        with pytest.raises(Forbidden):
            follower.take(5)


def test_a_log_that_cannot_be_opened_is_given_up_and_said() -> None:
    with Follower(Scripted({LOG: [Script(ClusterError("answered 500"))]}), [LOG]) as follower:
        assert noted(follower, "could not be followed to the end: answered 500")
        assert follower.failed == {LOG}


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        ([None], "the pod is gone"),
        ([pod("a"), pod("b")], "its container restarted"),
        ([pod("a", started="2026-11-07T14:40:00Z")], "its container restarted"),
        ([{"spec": {"containers": [{"name": "other"}]}}], "no such container"),
    ],
    ids=["gone", "other instance", "began later", "no container"],
)
def test_a_log_whose_container_is_not_the_same_any_more_ends_with_a_reason(
    pods: list[dict[str, Any] | None], says: str
) -> None:
    with Follower(Scripted({LOG: [Script(stamped(0, b"one"))]}, *pods), [LOG]) as follower:
        assert noted(follower, says)
        assert follower.failed == {LOG}
        assert texts(follower, 1) == ["one"]


def test_a_container_that_ended_was_read_to_its_end() -> None:
    one, two = stamped(0, b"one"), stamped(1, b"two")
    cluster = Scripted({LOG: [Script(one), Script(one, two)]}, pod(state="terminated"))
    with Follower(cluster, [LOG]) as follower:
        assert noted(follower, "has ended")
        assert [line.text for line in follower.lines] == ["one", "two"]
        assert follower.notes == (f"the container of {LOG} has ended",)
        assert follower.failed == frozenset()


def test_what_does_not_fit_in_memory_is_counted_and_the_log_is_not_whole() -> None:
    script = Script(*(stamped(n, b"0123456789") for n in range(5)), stay=True)
    with Follower(Scripted({LOG: [script]}), [LOG], most_bytes=25) as follower:
        assert noted(follower, f"3 lines of the log of {LOG} were not read")
        assert texts(follower, 2) == ["0123456789"] * 2
        assert follower.failed == {LOG}


def test_what_the_node_says_of_itself_is_a_note_and_no_line() -> None:
    script = Script(b"failed to create fsnotify watcher: too many open files\x1b[31m", stamped(0, b"one"), stay=True)
    with Follower(Scripted({LOG: [script]}), [LOG]) as follower:
        assert texts(follower, 1) == ["one"]
        assert "too many open files\\x1b[31m" in follower.notes[0]


def test_a_fault_of_ours_in_a_thread_is_not_a_silent_log() -> None:
    with Follower(Scripted({LOG: [Script(RuntimeError("bug"))]}), [LOG]) as follower:
        assert noted(follower, "RuntimeError")
        assert follower.failed == {LOG}


def test_too_many_logs_are_refused() -> None:
    sources = [LogSource("a", f"pod-{n}", "c") for n in range(65)]
    with pytest.raises(UsageError, match="65 logs"):
        Follower(Scripted({}), sources)
