"""What a copy makes of a cluster that fails: cut streams, refusals, pods that go."""

from __future__ import annotations

import threading
import time

import pytest
from support.copies import APP, GW, HOUR, ODD, Bench, T, at

from egressaudit.errors import ExitCode, Forbidden, Interrupted, Unauthorized
from egressaudit.evidence.collection import Collection, State, load_collection
from egressaudit.model import ObjectRef
from egressaudit.pipeline.collecting import CollectSettings, collect, snapshot
from egressaudit_lab.world import Fault


def faulty(bench: Bench, *rules: Fault) -> None:
    bench.lab.faults.rules[:] = rules


@pytest.mark.parametrize(
    "rule",
    [
        Fault("get", "pods/log", status=429, times=1),
        Fault("get", "pods/log", status=500, times=2),
        Fault("get", "pods/log", status=503, times=3),
        Fault("get", "pods/log", name="gw-1", cut_after_lines=0, times=2),
        Fault("get", "pods/log", name="gw-1", cut_after_lines=3, times=2),
        Fault("get", "pods/log", name="gw-1", cut_after_lines=7, times=2),
    ],
    ids=lambda rule: f"{rule.status or rule.cut_after_lines}",
)
def test_refused_and_cut_streams_lose_and_double_no_line(bench: Bench, rule: Fault) -> None:
    bench.write("gw-1", at(1), *ODD, b"twin", b"twin")
    faulty(bench, rule)
    entry = bench.entry(since=None)
    assert bench.lines() == [b"info\tthe first line of the run", *ODD, b"twin", b"twin"]
    assert (entry.state, entry.reason) == (State.COMPLETE, "")


def test_a_log_that_is_refused_for_good_is_failed_and_the_others_are_had(bench: Bench) -> None:
    bench.write("app-1", at(1), b"had")
    faulty(bench, Fault("get", "pods/log", name="gw-1", status=503))
    collection = bench.collect(patience=0.5)
    states = {each.source: each.state for each in collection.logs}
    assert states == {GW: State.FAILED, APP: State.COMPLETE}
    assert "503" in collection.logs[0].reason
    assert collection.logs[0].covered_from is None
    assert not (bench.folder / f"{GW}.log").exists()


def test_a_stream_that_is_cut_for_good_is_partial_and_covers_what_came(bench: Bench) -> None:
    bench.write("gw-1", at(1), b"one")
    bench.write("gw-1", at(2), b"two")
    faulty(bench, Fault("get", "pods/log", name="gw-1", cut_after_lines=1))
    entry = bench.entry(patience=0.5)
    assert bench.lines() == [b"one"]
    assert (entry.state, entry.covered_to) == (State.PARTIAL, at(1))
    assert "not read to its end" in entry.reason


def test_a_pod_that_is_gone_has_vanished(bench: Bench) -> None:
    mesh, _ = snapshot(bench.cluster)
    bench.cluster.delete_pod(ObjectRef("curl", "gw-1"))
    collection = bench.collect(mesh=mesh, sources=[GW, APP])
    assert [each.state for each in collection.logs] == [State.VANISHED, State.COMPLETE]


def test_a_log_that_may_not_be_read_is_forbidden_and_the_others_are_had(bench: Bench) -> None:
    faulty(bench, Fault("get", "pods/log", name="gw-1", status=403))
    collection = bench.collect()
    assert [each.state for each in collection.logs] == [State.FORBIDDEN, State.COMPLETE]


def test_where_no_log_may_be_read_the_hint_is_a_cluster_role(bench: Bench) -> None:
    faulty(bench, Fault("get", "pods/log", status=403))
    with pytest.raises(Forbidden) as caught:
        collect(bench.cluster, CollectSettings(since=T, until=T + HOUR), lambda _: None, bench.folder)
    for word in ("kind: ClusterRole", "resources: [pods/log]", "verbs: [get]"):
        assert word in caught.value.hint


def test_credentials_that_expire_end_the_collection_and_keep_what_is_there(bench: Bench) -> None:
    bench.write("gw-1", at(1), b"one")

    def say(_: str) -> None:
        faulty(bench, Fault("get", "pods/log", status=401))

    with pytest.raises(Unauthorized):
        bench.collect(max_concurrency=1, say=say)
    kept = load_collection(bench.folder)
    assert kept is not None
    assert kept.finished is None
    assert kept.logs[0].state is State.COMPLETE
    assert bench.lines() == [b"one"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Interrupted(ExitCode.TERMINATED)], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_collection_ends_soon_and_is_usable(bench: Bench, stop: BaseException) -> None:
    bench.write("gw-1", at(1), b"one")
    faulty(bench, Fault("get", "pods/log", name="app-1", status=503))

    def say(_: str) -> None:
        raise stop

    before = threading.active_count()
    with pytest.raises(type(stop)):
        bench.collect(patience=60, say=say)
    kept = load_collection(bench.folder)
    assert kept is not None
    assert kept.finished is None
    assert {each.source: each.state for each in kept.logs} == {GW: State.COMPLETE, APP: State.PENDING}
    assert bench.lines() == [b"one"]
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_collection_that_was_killed_says_what_it_lacks(bench: Bench) -> None:
    seen: list[Collection | None] = []
    bench.collect(say=lambda _: seen.append(load_collection(bench.folder)))
    # Whenever it is killed, there is a manifest, and a log that it does not call complete may lack lines.
    assert seen[0] is not None
    assert {each.source for each in seen[0].logs} == {GW, APP}
    assert all(each.state is State.PENDING for each in seen[0].logs)
