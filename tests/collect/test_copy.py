"""A window of logs copied out of a cluster: no line lost or doubled, and said of each log what it covers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lab_fakes import Lab, pod, running_lab
from support.scenarios import mesh as scenario_mesh

from egressaudit.cluster import Cluster
from egressaudit.collect import CollectedLog, Collection, State, collect_window, load_collection, select_sources
from egressaudit.collect.copy.log_copy import Copy
from egressaudit.collect.copy.proven import ProvenSpan, Reading, covered, earlier_run, joined
from egressaudit.errors import BadLogs, ClusterError, ExitCode, Forbidden, Interrupted, NotFound, Unauthorized
from egressaudit.evidence.collection import save_collection
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, LogSource, ObjectRef
from egressaudit.pipeline.collecting import CollectSettings, collect, collected, snapshot
from egressaudit.selectors import Selector
from egressaudit.sources import Sources
from egressaudit_lab.world import Fault

T = datetime(2025, 1, 1, 14, 0, tzinfo=UTC)
"""The window of most tests is [T, T + 1 h); the pods began an hour before it."""
HOUR = timedelta(hours=1)
GW = LogSource("curl", "gw-1", "istio-proxy")
APP = LogSource("curl", "app-1", "istio-proxy")
ODD = [b"plain", b"", b"\xff\xfe \xc3\x28", b"ends in CR\r", "ä 中 \u2028 \x1b[31m".encode(), b'"' * 3000]


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def gateway(name: str) -> list[dict[str, Any]]:
    """A gateway's Deployment and ReplicaSet, and a pod of theirs: what proves that it is a gateway.

    The controllers of the lab name pods themselves; this pod has the name that tests know, so they want none.
    """
    notes = {"inject.istio.io/templates": "gateway"}
    spec = {"containers": [{"name": "istio-proxy", "image": "proxy"}]}
    template = {"metadata": {"labels": {"app": name}, "annotations": notes}, "spec": spec}
    wanted = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    above = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d8f", "uid": "of-nobody"}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": "of-nobody"}
    one = pod(f"{name}-1", "istio-proxy")
    one["metadata"] |= {"annotations": notes, "ownerReferences": [above]}
    meta = {"namespace": "curl", "name": name}
    owned = {"namespace": "curl", "name": f"{name}-5d8f", "ownerReferences": [owner]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": wanted},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned, "spec": wanted},
        one,
    ]


class Bench:
    """A lab with a gateway pod and an app pod with a sidecar, whose containers began at T - 1 h."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
        lab.apply(*gateway("gw"), pod("app-1", sidecar="yes"))
        for name in ("gw-1", "app-1"):
            self.began(name, T - HOUR)
            self.write(name, T - HOUR, b"info\tthe first line of the run")

    def began(self, name: str, when: datetime, **more: Any) -> None:
        found = self.cluster.pod(ObjectRef("curl", name))
        assert found is not None
        for each in found["status"]["containerStatuses"]:
            each |= {"state": {"running": {"startedAt": f"{when:%Y-%m-%dT%H:%M:%SZ}"}}, **more}
        found["status"]["startTime"] = f"{when:%Y-%m-%dT%H:%M:%SZ}"
        self.lab.apply(found)

    def write(self, name: str, when: datetime, *lines: bytes) -> None:
        log = self.lab.dataplane.pods[name].logs["istio-proxy"]
        for n, line in enumerate(lines):
            self.lab.run(log.append(line, round(when.timestamp() * 1e9) + n))

    def restart(self, name: str, when: datetime) -> None:
        self.lab.run(self.lab.api.restart_container("curl", name, "istio-proxy"))
        found = self.cluster.pod(ObjectRef("curl", name))
        assert found is not None
        before = next(each["lastState"] for each in found["status"]["containerStatuses"] if "lastState" in each)
        before["terminated"]["finishedAt"] = f"{when:%Y-%m-%dT%H:%M:%SZ}"
        self.began(name, when, restartCount=1, lastState=before)

    def collect(self, **how: Any) -> Collection:
        mesh, _ = snapshot(self.cluster)
        given: dict[str, Any] = {
            "since": T,
            "until": T + HOUR,
            "sources": select_sources(mesh, None),
            "patience": 3.0,
            **how,
        }
        return collect_window(self.cluster, given.pop("mesh", mesh), given.pop("folder", self.folder), **given)

    def entry(self, source: LogSource = GW, **how: Any) -> CollectedLog:
        return next(each for each in self.collect(**how).logs if each.source == source)

    def lines(self, path: str = str(GW) + ".log", folder: Path | None = None) -> list[bytes]:
        data = ((folder or self.folder) / path).read_bytes()
        assert data == b"" or data.endswith(b"\n")
        return data.split(b"\n")[:-1]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with running_lab() as lab:
        yield Bench(lab, tmp_path / "evidence")


def faulty(bench: Bench, *rules: Fault) -> None:
    bench.lab.faults.rules[:] = rules


# ---------------------------------------------------------------- what is collected


def test_the_lines_of_the_window_are_there_byte_for_byte_and_no_others(bench: Bench) -> None:
    bench.write("gw-1", at(-1), b"before")
    bench.write("gw-1", at(0), *ODD)
    bench.write("gw-1", at(59), b"last")
    bench.write("gw-1", at(60) + timedelta(seconds=30), b"of a request that ended after the window")
    bench.write("gw-1", at(70), b"after")
    collection = bench.collect()
    assert bench.lines() == [*ODD, b"last", b"of a request that ended after the window"]
    entry = next(each for each in collection.logs if each.source == GW)
    assert (entry.state, entry.reason) == (State.COMPLETE, "")
    assert (entry.covered_from, entry.covered_to) == (T, T + HOUR)
    assert (entry.first_time, entry.last_time) == (T, at(60.5))
    data = b"".join(each + b"\n" for each in bench.lines())
    assert (entry.lines, entry.bytes, entry.sha256) == (len(bench.lines()), len(data), sha256(data).hexdigest())
    assert entry.log_begins == T - HOUR
    assert (entry.lines, entry.bytes) == (8, (bench.folder / entry.path).stat().st_size)
    assert (entry.container_started_at, entry.restart_count) == (T - HOUR, 0)
    assert collection.finished is not None


def test_what_is_collected_is_what_load_collection_says_and_the_mesh_is_beside_it(bench: Bench) -> None:
    collection = bench.collect(notes=["ServiceEntry objects were not read"])
    assert load_collection(bench.folder) == collection
    assert collection.context == bench.cluster.context != ""
    mesh = Mesh.from_json(json.loads((bench.folder / "mesh.json").read_text()))
    assert [str(each.ref) for each in mesh.pods] == ["curl/app-1", "curl/gw-1"]
    assert mesh.pods[0].run("istio-proxy").started == T - HOUR
    assert not list(bench.folder.glob(".*"))


def test_a_silent_log_is_complete_because_its_older_lines_are_there(bench: Bench) -> None:
    entry = bench.entry(APP)
    assert (entry.state, entry.lines, entry.covered_from, entry.covered_to) == (State.COMPLETE, 0, T, T + HOUR)
    assert bench.lines(f"{APP}.log") == []


def test_an_empty_log_covers_nothing(bench: Bench) -> None:
    bench.lab.dataplane.pods["gw-1"].logs["istio-proxy"].rotate()
    entry = bench.entry()
    assert (entry.state, entry.covered_from) == (State.PARTIAL, None)
    assert "empty" in entry.reason


def test_a_rotated_log_covers_only_what_the_node_still_has(bench: Bench) -> None:
    bench.write("gw-1", at(10), b"rotated away")
    bench.lab.dataplane.pods["gw-1"].logs["istio-proxy"].rotate()
    bench.write("gw-1", at(20), b"kept")
    entry = bench.entry()
    assert (entry.state, entry.rotated) == (State.PARTIAL, True)
    assert (entry.covered_from, entry.covered_to) == (at(20), T + HOUR)
    assert bench.lines() == [b"kept"]


def test_a_container_that_began_in_the_window_covers_it_from_there(bench: Bench) -> None:
    bench.lab.dataplane.pods["gw-1"].logs["istio-proxy"].rotate()
    bench.began("gw-1", at(30))
    bench.write("gw-1", at(30) + timedelta(seconds=2), b"info\tthe first line of the run")
    entry = bench.entry()
    assert (entry.state, entry.covered_from, entry.rotated) == (State.COMPLETE, at(30), False)


def test_without_a_beginning_of_the_window_all_that_the_node_has_is_collected(bench: Bench) -> None:
    bench.write("gw-1", at(1), b"one")
    entry = bench.entry(since=None)
    assert bench.lines() == [b"info\tthe first line of the run", b"one"]
    assert (entry.state, entry.covered_from) == (State.COMPLETE, T - HOUR)


def test_a_log_larger_than_is_kept_is_cut_at_a_line_and_said_to_be(bench: Bench) -> None:
    bench.write("gw-1", at(1), *[b"0123456789"] * 10)
    entry = bench.entry(max_bytes=35)
    assert bench.lines() == [b"0123456789"] * 3
    assert (entry.state, entry.truncated) == (State.PARTIAL, True)
    assert entry.covered_to is not None
    assert entry.covered_to < at(2)


def test_two_collections_of_the_same_window_have_the_same_lines(bench: Bench, tmp_path: Path) -> None:
    bench.write("gw-1", at(1), *ODD, *[b"x"] * 500)
    bench.collect()
    bench.write("gw-1", at(90), b"later traffic")
    bench.collect(folder=tmp_path / "again", max_concurrency=1)
    for path in (f"{GW}.log", f"{APP}.log", "mesh.json"):
        assert (bench.folder / path).read_bytes() == (tmp_path / "again" / path).read_bytes()


# ---------------------------------------------------------------- restarts


def test_a_restart_in_the_window_leaves_a_gap_unless_the_previous_log_is_asked_for(bench: Bench) -> None:
    bench.write("gw-1", at(10), b"of the run before")
    bench.restart("gw-1", at(20))
    bench.write("gw-1", at(20), b"of the present run")
    entry = bench.entry()
    assert (entry.state, entry.covered_from, entry.restart_count) == (State.PARTIAL, at(20), 1)
    assert "restarted at 2025-01-01T14:20:00Z" in entry.reason
    assert entry.previous is not None
    assert entry.previous.state == "not-asked"
    assert bench.lines() == [b"of the present run"]


def test_with_the_previous_log_both_runs_cover_the_window_and_both_are_read_as_the_proxys(bench: Bench) -> None:
    bench.write("gw-1", at(10), b"of the run before")
    bench.restart("gw-1", at(20))
    bench.write("gw-1", at(20), b"of the present run")
    entry = bench.entry(previous=True)
    assert (entry.state, entry.reason) == (State.COMPLETE, "")
    assert (entry.covered_from, entry.covered_to) == (T, T + HOUR)
    assert entry.previous is not None
    assert (entry.previous.state, entry.previous.lines, entry.previous.first_time) == ("fetched", 1, at(10))
    assert bench.lines(entry.previous_path) == [b"of the run before"]
    assert bench.lines() == [b"of the present run"]
    named = {origin.name: [each.line.text for each in lines] for origin, lines in Sources([str(bench.folder)])}
    previous = f"{GW}@{bench.folder.as_posix()}/{GW}.previous.log"
    assert named == {str(APP): [], str(GW): ["of the present run"], previous: ["of the run before"]}


def test_a_previous_log_that_the_node_has_no_more_is_missing(bench: Bench) -> None:
    bench.lab.dataplane.pods["gw-1"].logs["istio-proxy"].rotate()
    bench.began("gw-1", at(20), restartCount=3)
    bench.write("gw-1", at(20), b"of the present run")
    entry = bench.entry(previous=True)
    assert (entry.state, entry.covered_from) == (State.PARTIAL, at(20))
    assert entry.previous is not None
    assert entry.previous.state == "missing"
    assert not (bench.folder / entry.previous_path).exists()


def test_a_restart_before_the_window_is_no_matter(bench: Bench) -> None:
    bench.restart("gw-1", T - timedelta(minutes=30))
    bench.write("gw-1", T - timedelta(minutes=30), b"info\tthe first line of the run")
    entry = bench.entry()
    assert (entry.state, entry.previous) == (State.COMPLETE, None)


def test_a_restart_after_the_snapshot_is_seen(bench: Bench) -> None:
    mesh, _ = snapshot(bench.cluster)
    bench.restart("gw-1", at(50))
    bench.write("gw-1", at(50), b"of the present run")
    entry = bench.entry(mesh=mesh)
    assert (entry.state, entry.container_started_at, entry.covered_from) == (State.PARTIAL, at(50), at(50))


# ---------------------------------------------------------------- faults


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


# ---------------------------------------------------------------- the folder


def test_a_folder_that_cannot_be_written_is_a_clear_error(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadLogs, match=r"could not be written to .*file/below: Not a directory"):
        bench.collect(folder=tmp_path / "file" / "below")


def test_a_log_file_that_cannot_be_written_ends_the_collection_and_keeps_the_rest(bench: Bench) -> None:
    bench.write("gw-1", at(1), b"one")
    (bench.folder / f"{APP}.log").mkdir(parents=True)
    with pytest.raises(BadLogs, match="could not be written"):
        bench.collect(max_concurrency=1)
    assert bench.lines() == [b"one"]
    kept = load_collection(bench.folder)
    assert kept is not None
    assert [each.state for each in kept.logs] == [State.COMPLETE, State.PENDING]


_FULL_DISK = """
import resource, sys
from pathlib import Path
from egressaudit.collect.copy.line_file import LineFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a disk that is full: a write is a part, then fails
file = LineFile(Path(sys.argv[1]))
for n in range(3):
    file.write(b"kept" * 2_000)
file._flush()
file.write(b"lost" * 50_000)
try:
    file.close()
except OSError as error:
    print("OSError")
"""


def test_after_a_write_that_failed_half_way_the_file_still_ends_with_a_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "log"
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(file)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "OSError\n"
    assert file.read_bytes() == (b"kept" * 2_000 + b"\n") * 3


def test_a_name_that_leads_out_of_the_folder_is_not_written(bench: Bench, tmp_path: Path) -> None:
    bad = LogSource("..", "..", "istio-proxy")
    [entry] = bench.collect(sources=[bad]).logs
    assert entry.state is State.FAILED
    assert sorted(each.name for each in tmp_path.iterdir()) == ["evidence"]


def test_a_temporary_folder_is_gone_afterwards_however_the_block_ends(bench: Bench) -> None:
    how = CollectSettings(since=T, until=T + HOUR)
    seen: list[Path] = []
    with collected(bench.cluster, how, lambda _: None) as (folder, collection):
        assert load_collection(folder) == collection
        seen.append(folder)

    def say(message: str) -> None:
        raise Interrupted(ExitCode.TERMINATED)

    with pytest.raises(Interrupted), collected(bench.cluster, how, say) as (folder, _):
        raise AssertionError

    def stopped() -> None:
        with collected(bench.cluster, how, lambda _: None) as (folder, _):
            seen.append(folder)
            raise Interrupted(ExitCode.TERMINATED)

    with pytest.raises(Interrupted):
        stopped()
    assert len(set(seen)) == 2
    assert not any(each.exists() for each in seen)


def test_a_folder_with_something_in_it_and_a_namespace_that_is_not_there_are_refused(bench: Bench) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        collect(
            bench.cluster,
            CollectSettings(since=T, until=T + HOUR, namespaces=("curl", "nowhere")),
            lambda _: None,
            bench.folder,
        )
    bench.collect()
    with pytest.raises(BadLogs, match="not empty"):
        collect(bench.cluster, CollectSettings(since=T, until=T + HOUR), lambda _: None, bench.folder)


# ---------------------------------------------------------------- the manifest


def test_a_folder_without_a_collection_has_none(tmp_path: Path) -> None:
    assert load_collection(tmp_path) is None


def _collection(*logs: CollectedLog) -> Collection:
    return Collection(since=T, until=T + HOUR, collected_at=T, context="x", logs=logs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[: len(text) // 2], "EOF"),
        (lambda _: "[]", "not a collection"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "schema_version"),
        (lambda text: text.replace('"state": "complete"', '"state": "fine"'), "state"),
        (lambda text: text.replace('"pod": "gw-1"', '"pod": "../gw-1"'), "no Kubernetes name"),
        (lambda text: text.replace('"pod": "app-1"', '"pod": "gw-1"'), "names a log twice"),
        (lambda text: text.replace('"until": "2025-01-01T15:00:00Z"', '"until": "2025-01-01T15:00:00"'), "time zone"),
        (lambda text: re.sub(r'"until": .*,', "", text), "until"),
    ],
)
def test_a_broken_manifest_is_a_clear_error(tmp_path: Path, change: Any, says: str) -> None:
    save_collection(_collection(CollectedLog(GW, State.COMPLETE), CollectedLog(APP)), tmp_path)
    file = tmp_path / "collection.json"
    text = file.read_text()
    assert load_collection(tmp_path) is not None
    assert change(text) != text
    file.write_text(change(text))
    with pytest.raises(BadLogs, match=says):
        load_collection(tmp_path)


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
    found = covered(Reading(begins, reached, started), since)
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
    [entry] = collect_window(cluster, Mesh.of([]), tmp_path, since=T, until=T + HOUR, sources=[GW]).logs
    assert (entry.state, entry.lines) == (State.PARTIAL, 0)
    assert "the node says: 'unable to retrieve container logs for containerd://abc\\x1b[31m'" in entry.reason


def test_a_container_that_waits_to_be_started_again_has_the_log_of_its_last_run_once(tmp_path: Path) -> None:
    status = {
        "name": "istio-proxy",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"startedAt": "2025-01-01T14:10:00Z", "finishedAt": "2025-01-01T14:11:00Z"}},
    }
    manifest = pod("gw-1", "istio-proxy") | {"status": {"containerStatuses": [status]}}
    cluster = Raw(b"2025-01-01T14:10:00.000000000Z only run")
    [entry] = collect_window(
        cluster, Mesh.of([manifest]), tmp_path, since=T, until=T + HOUR, sources=[GW], previous=True
    ).logs
    assert (entry.state, entry.lines) == (State.PARTIAL, 1)
    assert entry.previous is not None
    assert entry.previous.state == "missing"
    assert [each.name for each in tmp_path.glob("*/*/*")] == ["istio-proxy.log"]


# ---------------------------------------------------------------- which logs


def test_all_gateways_come_first_whatever_namespaces_are_chosen() -> None:
    mesh = scenario_mesh("istio-apis")
    every = select_sources(mesh, None)
    assert [each.namespace for each in every] == ["egress-gateway", "curl"]
    assert select_sources(mesh, ("elsewhere",)) == every[:1]
    assert select_sources(mesh, ("curl",), Selector.parse("app=curl")) == every
    assert select_sources(mesh, ("curl",), Selector.parse("app=other")) == every[:1]
    assert select_sources(mesh, ("curl",), Selector.parse("app!=other")) == every
    assert select_sources(mesh, ("curl",), Selector.parse("app notin (curl)")) == every[:1]


def test_in_ambient_mode_the_waypoint_and_every_ztunnel_are_chosen() -> None:
    sources = select_sources(scenario_mesh("ambient"), ("curl",))
    assert [each.pod.rpartition("-")[0] for each in sources] == ["waypoint-5d8f", "ztunnel-node", "ztunnel-node"]


def test_a_snapshot_of_before_has_no_times_and_still_loads() -> None:
    mesh = Mesh.from_json({"version": 1, "objects": scenario_mesh("istio-apis").to_json()["objects"]})
    assert mesh.pods
    assert all(each.started is None and each.runs == () for each in mesh.pods)
    assert mesh.pods[0].run("istio-proxy") == ContainerRun("istio-proxy")
