"""A history gives back what was stored, run by run; what is pruned is gone, and nothing else."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.history_runs import FACTS, remembered, stored
from support.reports import END, FULL, START

from egressaudit.errors import NotFound
from egressaudit.findings.kept_reports import kept_report
from egressaudit.history.past_flows import past_groups
from egressaudit.history.stored_runs import History
from egressaudit.model import AuditReport, MadeFrom, Outcome, Window


def later(report: AuditReport, days: float) -> AuditReport:
    return replace(report, window=Window(START + timedelta(days=days), END + timedelta(days=days)))


def test_a_run_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    assert stored(history, FULL) == 1
    wanted, found = kept_report(FULL, "egress.duckdb run 1"), history.kept(1)
    assert (found.name, found.window, found.outcome, found.policy) == (
        *(wanted.name, wanted.window, wanted.outcome, wanted.policy),
    )
    assert set(found.flows) == set(wanted.flows)
    assert sorted(found.findings, key=repr) == sorted(wanted.findings, key=repr)
    assert (found.coverage.fraction, set(found.coverage.logs)) == (wanted.coverage.fraction, set(wanted.coverage.logs))
    assert (found.coverage.unlogged, found.coverage.left_out) == (wanted.coverage.unlogged, wanted.coverage.left_out)


def test_the_list_says_what_each_run_found(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    stored(history, FULL)
    stored(history, later(FULL, 1))
    first, second = history.runs()
    assert (first.number, second.number) == (1, 2)
    assert (first.start, second.end) == (START, END + timedelta(days=1))
    assert (first.outcome, first.violations, first.unproven, first.findings) == (Outcome.FAIL, 1, 1, 3)
    assert (first.trusted, first.policy) == (("named istio-egress/gateway",), "baseline")


def test_all_that_judging_reads_comes_back(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    stored(history, FULL)
    found = {each.facts: (each.outcome, each.code, each.waived) for each in past_groups(history, {1: 0})}
    assert found == {each.facts: (each.outcome, each.code, each.waived) for each in FACTS}


def test_the_same_group_of_many_days_is_one(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    for day in range(3):
        stored(history, later(FULL, day))
    once = {each.shape: each for each in past_groups(history, {1: 0})}
    thrice = {each.shape: each for each in past_groups(history, {1: 0, 2: 0, 3: 0})}
    assert once.keys() == thrice.keys()
    for shape, each in thrice.items():
        assert each.facts.group.flows == 3 * once[shape].facts.group.flows
    assert len(list(past_groups(history, {1: 0, 2: 1, 3: 1}))) == 2 * len(once)


def test_text_in_another_encoding_is_stored_all_the_same(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    odd = "h\udcff\ud800'; DROP TABLE runs; --\x00é"
    group = replace(FACTS[0].facts.group, host=odd, server_names=(odd,))
    facts = replace(FACTS[0], facts=replace(FACTS[0].facts, group=group, hosts_at=((odd, (odd,)),)))
    remembered(history, FULL, (facts,))
    (found,) = past_groups(history, {1: 0})
    assert found.facts.group.host == "h\\udcff\\ud800'; DROP TABLE runs; --\x00é"


def test_the_run_before_is_the_last_of_this_cluster(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    assert history.before(FULL.window, "") is None
    other = replace(FULL, made_from=MadeFrom(cluster_uid="another"))
    for each in (later(FULL, 0), later(FULL, 1), later(other, 1.5), later(FULL, 2), later(FULL, 1)):
        stored(history, each)
    asked = Window(START + timedelta(days=2), END + timedelta(days=2))
    names = {uid: history.before(asked, uid) for uid in ("", "another", "a third")}
    assert {uid: each.name if each else None for uid, each in names.items()} == {
        "": "egress.duckdb run 5",
        "another": "egress.duckdb run 3",
        "a third": None,
    }


def test_pruning_keeps_the_rest_and_gives_back_room(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    for day in range(30):
        stored(history, later(FULL, day))
    history.file.chmod(0o640)
    before = history.file.stat().st_size
    kept = history.kept(29)
    assert history.prune(END + timedelta(days=27)) == 27
    assert [each.number for each in history.runs()] == [28, 29, 30]
    assert history.kept(29) == kept
    assert history.file.stat().st_size < before
    assert stat.S_IMODE(history.file.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["egress.duckdb"]
    assert history.prune(datetime(2100, 1, 1, tzinfo=UTC)) == 3
    assert history.runs() == ()
    assert stored(history, FULL) == 1


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    umask = os.umask(0)
    try:
        stored(history, FULL)
        assert os.umask(0) == 0
    finally:
        os.umask(umask)
    assert stat.S_IMODE(history.file.stat().st_mode) == 0o600


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    history = History(tmp_path / "egress.duckdb")
    with pytest.raises(NotFound, match="no such file"):
        history.kept(1)
    stored(history, FULL)
    with pytest.raises(NotFound, match="has no run 2"):
        history.kept(2)


KILLED = """
import os, sys
from pathlib import Path
from support.history_runs import stored
from support.reports import FULL
import egressaudit.history.stored_runs as runs

after, kept = int(sys.argv[2]), runs._insert

def insert(db, table, rows):
    global after
    if after == 0:
        os.kill(os.getpid(), 9)
    after -= 1
    kept(db, table, rows)

runs._insert = insert
stored(runs.History(Path(sys.argv[1])), FULL)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("after", range(7))
def test_a_run_that_is_killed_is_stored_or_not_at_all(tmp_path: Path, after: int) -> None:
    history = History(tmp_path / "egress.duckdb")
    stored(history, FULL)
    wanted = history.kept(1)
    assert _run(KILLED, history.file, after).wait(60) == -9
    runs = [each.number for each in history.runs()]
    assert runs == ([1, 2] if after == 6 else [1])
    assert history.kept(1) == wanted
    assert stored(history, FULL) == len(runs) + 1


FOR_EVER = """
import sys
from pathlib import Path
from support.history_runs import stored
from support.reports import FULL
from egressaudit.history.stored_runs import History

history = History(Path(sys.argv[1]))
while True:
    stored(history, FULL)
"""


@pytest.mark.slow
def test_whenever_it_is_killed_all_runs_are_whole(tmp_path: Path) -> None:
    history, rng = History(tmp_path / "egress.duckdb"), random.Random(1)
    stored(history, FULL)
    wanted = set(history.kept(1).flows), len(history.kept(1).findings)
    for _ in range(8):
        process = _run(FOR_EVER, history.file)
        time.sleep(1 + rng.random() * 2)
        process.kill()
        process.wait(60)
        numbers = [each.number for each in history.runs()]
        assert numbers == list(range(1, len(numbers) + 1))
        last = history.kept(numbers[-1])
        assert (set(last.flows), len(last.findings)) == wanted
    assert len(numbers) > 8


def _run(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], env=environment)
