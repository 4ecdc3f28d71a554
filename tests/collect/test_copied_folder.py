"""The folder that a collection leaves, and its collection.json."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.copies import APP, GW, HOUR, Bench, T, at

from egressaudit.errors import BadLogs, ExitCode, Interrupted, NotFound
from egressaudit.evidence.collection import CollectedLog, Collection, State, load_collection, save_collection
from egressaudit.model import LogSource
from egressaudit.pipeline.collecting import CollectSettings, collect, collected

# ---------------------------------------------------------------- the folder


def test_a_folder_that_cannot_be_written_is_a_clear_error(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadLogs, match=r"cannot write the logs to .*file/below: Not a directory"):
        bench.collect(folder=tmp_path / "file" / "below")


def test_a_log_file_that_cannot_be_written_ends_the_collection_and_keeps_the_rest(bench: Bench) -> None:
    bench.write("gw-1", at(1), b"one")
    (bench.folder / f"{APP}.log").mkdir(parents=True)
    with pytest.raises(BadLogs, match="cannot write"):
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
        (lambda text: text[: len(text) // 2], "it is not JSON"),
        (lambda _: "[]", "not a collection"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "schema_version"),
        (lambda text: text.replace('"state": "complete"', '"state": "fine"'), "state"),
        (lambda text: text.replace('"pod": "gw-1"', '"pod": "../gw-1"'), "not a Kubernetes name"),
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
