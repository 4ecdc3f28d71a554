"""What a copied log provably covers, from rows and from cuts anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.copies import GW, HOUR, T, at
from support.lab_fakes import pod

from egressaudit.collect.copy.log_copy import Copy
from egressaudit.collect.copy.many_logs import Collecting
from egressaudit.collect.copy.one_log import CopyPlan
from egressaudit.collect.copy.proven import LogReading, ProvenSpan, covered, earlier_run, joined
from egressaudit.errors import ClusterError
from egressaudit.evidence.collection import State
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, LogSource, ObjectRef

# ---------------------------------------------------------------- coverage, from rows


def run(started: datetime | None, restarts: int = 0, ended: datetime | None = None) -> ContainerRun:
    return ContainerRun("istio-proxy", started=started, restarts=restarts, previous_ended=ended)


@pytest.mark.parametrize(
    ("begins", "reached", "started", "since", "expected"),
    [
        # the log goes back before the window
        (at(-5), at(60), at(-60), T, (T, at(60), False)),
        # the container began in the window, and so did its log
        (at(10), at(60), at(10), T, (at(10), at(60), False)),
        # the log lacks its beginning
        (at(10), at(60), at(-60), T, (at(10), at(60), True)),
        # it lacks its beginning, and nobody knows when it should be
        (at(10), at(60), None, T, (at(10), at(60), False)),
        # it begins before the window: when its container started does not matter
        (at(-5), at(60), None, T, (T, at(60), False)),
        # nothing shows since when an empty log is kept
        (None, at(60), at(-60), T, (None, None, False)),
        # it was not read up to the window, or not at all
        (at(-60), at(-1), at(-60), T, (None, None, False)),
        (at(-60), None, at(-60), T, (None, None, False)),
        # no window: from the container's start
        (at(-60), at(60), at(-60), None, (at(-60), at(60), False)),
    ],
)
def test_what_a_log_covers(
    begins: datetime | None,
    reached: datetime | None,
    started: datetime | None,
    since: datetime | None,
    expected: tuple[datetime | None, datetime | None, bool],
) -> None:
    found = covered(LogReading(begins, reached, started), since)
    assert (found.begin, found.end, found.rotated) == expected


@pytest.mark.parametrize(
    ("container", "matters"),
    [
        (run(at(10)), False),
        (run(at(10), 1), True),
        (run(at(10), 1, ended=at(9)), True),
        # down since before the window: nothing of the earlier run is in it
        (run(at(10), 1, ended=at(-1)), False),
        (run(at(-10), 1), False),
        (run(None, 1), True),
    ],
)
def test_when_a_run_before_the_restart_matters(container: ContainerRun, *, matters: bool) -> None:
    assert earlier_run(container, T) is matters


def test_two_runs_are_one_only_where_the_later_one_has_its_beginning() -> None:
    earlier, later = ProvenSpan(T, at(20)), ProvenSpan(at(20), at(60))
    assert joined(earlier, later, T) == ProvenSpan(T, at(60))
    rotated = ProvenSpan(at(40), at(60), rotated=True, reason="rotated")
    assert joined(earlier, rotated, T) == rotated
    assert joined(ProvenSpan(None, None), later, T) == later


# ---------------------------------------------------------------- cuts, anywhere


class Cuts:
    """A log whose streams break after so many lines each, with an error or in order; the last ones do not break."""

    def __init__(self, written: Sequence[tuple[datetime, bytes]], cuts: Sequence[tuple[int, bool]]) -> None:
        self.written = written
        self.cuts = list(cuts)
        self.context = ""

    def logs(self, source: LogSource, *, since: datetime | None = None, previous: bool = False) -> Any:
        floor = since.replace(microsecond=0) if since else None
        served = [row for row in self.written if floor is None or row[0] >= floor]
        upto, error = self.cuts.pop(0) if self.cuts else (len(served), False)
        return _Served(served, upto, error=error)


class _Served:
    too_long = 0

    def __init__(self, rows: Sequence[tuple[datetime, bytes]], upto: int, *, error: bool) -> None:
        self.rows, self.upto, self.error = rows, upto, error

    def __iter__(self) -> Iterator[bytes]:
        for when, text in self.rows[: self.upto]:
            yield f"{when:%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + text
        if self.error:
            raise ClusterError("cut")

    def close(self) -> None:
        pass


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-3000, 9000), st.sampled_from([b"", b"x", b"y y", b"\xff\r"])), max_size=30),
    st.lists(st.integers(0, 30), max_size=3),
)
def test_wherever_streams_are_cut_the_file_holds_the_window_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    written = [(T + timedelta(milliseconds=ms), text) for ms, text in sorted(rows, key=lambda row: row[0])]
    file = tmp_path_factory.mktemp("cuts") / "a.log"
    copy = Copy(
        Cuts(written, [(cut, True) for cut in cuts]),
        GW,
        file,
        since=T,
        until=T + timedelta(seconds=8),
        max_bytes=10**6,
        patience=30,
        stopping=_NeverWaits(),
    )
    copy.run()
    assert copy.whole
    expected = [text for when, text in written if when >= T]
    assert file.read_bytes() == b"".join(text + b"\n" for text in expected)
    assert (copy.lines, copy.bytes) == (len(expected), file.stat().st_size)


class _NeverWaits(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return False


def test_a_stream_that_ends_in_order_too_early_is_asked_again(tmp_path: Path) -> None:
    written = [(at(n), b"%d" % n) for n in range(4)]
    copy = Copy(
        Cuts(written, [(1, False), (2, False)]),
        GW,
        tmp_path / "a.log",
        since=T,
        until=T + HOUR,
        max_bytes=10**6,
        patience=1,
        stopping=threading.Event(),
    )
    copy.run()
    assert (tmp_path / "a.log").read_bytes() == b"0\n1\n2\n3\n"


class Raw:
    """A log that gives these stamped lines each time it is asked, and a pod that says nothing of its containers."""

    context = ""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines

    def logs(self, source: LogSource, **how: Any) -> Any:
        return _Served([], 0, error=False) if not self.lines else _RawStream(self.lines)

    def log_head(self, source: LogSource, **how: Any) -> bytes:
        return b"2025-01-01T13:00:00.000000000Z begin"

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        return {"status": {"containerStatuses": "nonsense"}}


class _RawStream(_Served):
    def __init__(self, lines: Sequence[bytes]) -> None:
        super().__init__([], 0, error=False)
        self.lines = lines

    def __iter__(self) -> Iterator[bytes]:
        yield from self.lines


def test_what_the_node_says_of_itself_is_no_line_and_the_log_is_partial(tmp_path: Path) -> None:
    cluster = Raw(b"unable to retrieve container logs for containerd://abc\x1b[31m")
    [entry] = Collecting(cluster, Mesh.of([]), CopyPlan(tmp_path, T, T + HOUR), [GW]).run().logs
    assert (entry.state, entry.lines) == (State.PARTIAL, 0)
    assert (
        "the kubelet reported in its log: 'unable to retrieve container logs for containerd://abc\\x1b[31m'"
        in entry.reason
    )


def test_a_container_that_waits_to_be_started_again_has_the_log_of_its_last_run_once(tmp_path: Path) -> None:
    status = {
        "name": "istio-proxy",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"startedAt": "2025-01-01T14:10:00Z", "finishedAt": "2025-01-01T14:11:00Z"}},
    }
    manifest = pod("gw-1", "istio-proxy") | {"status": {"containerStatuses": [status]}}
    cluster = Raw(b"2025-01-01T14:10:00.000000000Z only run")
    plan = CopyPlan(tmp_path, T, T + HOUR, previous=True)
    [entry] = Collecting(cluster, Mesh.of([manifest]), plan, [GW]).run().logs
    assert (entry.state, entry.lines) == (State.PARTIAL, 1)
    assert entry.previous is not None
    assert entry.previous.state == "missing"
    assert [each.name for each in tmp_path.glob("*/*/*")] == ["istio-proxy.log"]
