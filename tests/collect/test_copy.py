"""A window of logs copied out of a cluster: no line lost or doubled, and said of each log what it covers."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from support.copies import APP, GW, HOUR, ODD, Bench, T, at

from egressaudit.evidence.collection import State, load_collection
from egressaudit.mesh import Mesh
from egressaudit.pipeline.collecting import snapshot
from egressaudit.sources import Sources

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
