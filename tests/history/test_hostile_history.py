"""A history that is damaged, in use, of another version or made to do harm: an error in our own words, or the truth."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from support.history_runs import stored
from support.reports import FULL

from egressaudit.errors import BadHistory, NotFound, UsageError
from egressaudit.history import database
from egressaudit.history.history_tables import statements
from egressaudit.history.past_flows import past_groups
from egressaudit.history.stored_runs import History


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    history = History(tmp_path_factory.mktemp("history") / "egress.duckdb")
    stored(history, FULL)
    return history.file.read_bytes()


@pytest.fixture
def history(tmp_path: Path, whole: bytes) -> History:
    file = tmp_path / "egress.duckdb"
    file.write_bytes(whole)
    return History(file)


def everything(history: History) -> object:
    return history.runs(), history.kept(1), list(past_groups(history, {1: 0}))


FILES = {
    "empty": b"",
    "text": b"hello\n" * 1000,
    "a report": b'{"schema_version": 1}',
    "a header and no more": b"\x00" * 8 + b"DUCK" + b"\x00" * 5000,
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    history = History(tmp_path / "egress.duckdb")
    history.file.write_bytes(content)
    for use in (history.check, history.runs, lambda: stored(history, FULL)):
        with pytest.raises(BadHistory, match=r"egress.duckdb"):
            use()
    assert history.file.read_bytes() == content


def test_a_database_of_others_is_refused(tmp_path: Path) -> None:
    history = History(tmp_path / "others.duckdb")
    with duckdb.connect(str(history.file)) as db:
        db.execute("CREATE TABLE runs (a INTEGER)")
    with pytest.raises(BadHistory, match="is not a history of egressaudit"):
        stored(history, FULL)
    lite = History(tmp_path / "lite.db")
    with sqlite3.connect(lite.file) as other:
        other.execute("CREATE TABLE runs (a INTEGER)")
    with pytest.raises(BadHistory, match="is not a DuckDB file"):
        lite.runs()


@pytest.mark.parametrize(
    ("table", "column", "instead", "said"),
    [
        ("runs", "policy VARCHAR", "policy VARCHAR AS (repeat(outcome, 9))", "its table runs is not as"),
        ("runs", "policy VARCHAR", "policy VARCHAR DEFAULT (repeat('x', 9))", "its table runs is not as"),
        (
            "findings",
            "code VARCHAR",
            "code VARCHAR CHECK (length(code) > 0)",
            "its table findings is not as",
        ),
        ("meta", "version INTEGER", "version INTEGER AS (1 + 0)", "is not a history of egressaudit"),
    ],
)
def test_no_expression_of_the_file_is_computed(
    tmp_path: Path, table: str, column: str, instead: str, said: str
) -> None:
    """`repeat` with a large number takes memory that no limit of DuckDB counts."""
    history = History(tmp_path / "egress.duckdb")
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{history.file}' AS made")
        for statement in statements("made"):
            made = statement.replace(column, instead) if f".{table} (" in statement else statement
            db.execute(made.replace("VALUES (1, ", "VALUES (") if table == "meta" else made)
    with pytest.raises(BadHistory, match=said):
        history.runs()


def test_a_folder_or_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(UsageError, match="is not a file"):
            History(tmp_path / name).runs()
    with pytest.raises(NotFound, match="no such file"):
        History(tmp_path / "nothing").runs()


def test_a_truncated_file_is_refused(history: History, whole: bytes) -> None:
    for size in (1, 5000, len(whole) // 2, len(whole) - 4096):
        history.file.write_bytes(whole[:size])
        with pytest.raises(BadHistory):
            everything(history)


@pytest.mark.slow
def test_a_changed_bit_is_noticed_or_changes_nothing(history: History, whole: bytes) -> None:
    rng, wanted, refused = random.Random(1), everything(history), 0
    for _ in range(60):
        changed = bytearray(whole)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        history.file.write_bytes(changed)
        try:
            assert everything(history) == wanted
        except BadHistory:
            refused += 1
    assert refused > 10


# ---------------------------------------------------------------- files with our tables, changed by somebody

CHANGED = {
    "another version": ("UPDATE meta SET version = 2", "in format 2, and this egressaudit knows 1"),
    "no version": ("DELETE FROM meta", "does not say which format"),
    "two versions": ("INSERT INTO meta SELECT * FROM meta", "does not say which format"),
    "no version number": ("UPDATE meta SET version = NULL", "does not say which format"),
    "a table is gone": ("DROP TABLE seen", "its table seen is not as"),
    "another column": ("ALTER TABLE runs ADD COLUMN x VARCHAR", "its table runs is not as"),
    "another type": ("ALTER TABLE shapes ALTER host TYPE BLOB", "its table shapes is not as"),
    "a view in its place": (
        "DROP TABLE findings; CREATE VIEW findings AS SELECT * FROM read_csv('/etc/passwd')",
        "its table findings is not as",
    ),
    "a view of files": (
        "DROP TABLE meta; CREATE VIEW meta AS SELECT * FROM read_csv('/etc/passwd')",
        "is not a history",
    ),
    "an outcome that is none": ("UPDATE runs SET outcome = 'GOOD'", "runs cannot be understood"),
    "no time": ("UPDATE runs SET window_start = NULL", "runs cannot be understood"),
    "a time beyond all years": ("UPDATE runs SET window_end = '290000-12-22'::TIMESTAMP", "egress.duckdb"),
    "no texts": ("UPDATE runs SET policy = NULL, trusted = NULL", "runs cannot be understood"),
    "a path that is none": ("UPDATE shapes SET path = 'x'", "cannot be understood"),
    "no host": ("UPDATE shapes SET via = NULL", "cannot be understood"),
    "JSON that is none": ("UPDATE shapes SET judged_by = '{'", "cannot be understood"),
    "JSON of another shape": ("UPDATE shapes SET judged_by = '[]'", "cannot be understood"),
    "JSON without end": ("UPDATE shapes SET judged_by = repeat('[', 100000)", "cannot be understood"),
    "another severity": ("UPDATE findings SET severity = 'x'", "cannot be understood"),
    "another reporter": ("UPDATE logs SET reporter = 'x'", "cannot be understood"),
}


@pytest.mark.parametrize(("statement", "words"), CHANGED.values(), ids=CHANGED)
def test_what_nobody_of_us_wrote_is_refused(history: History, statement: str, words: str) -> None:
    with duckdb.connect(str(history.file)) as db:
        db.execute(statement)
    with pytest.raises(BadHistory) as refused:
        everything(history)
    assert words in refused.value.message


def test_functions_and_views_of_the_file_are_not_called(history: History) -> None:
    wanted = everything(history)
    with duckdb.connect(str(history.file)) as db:
        for name in ("sum", "min", "max", "coalesce_", "unnest_", "count"):
            db.execute(f"CREATE MACRO {name}(x) AS 42")
        db.execute("CREATE VIEW chosen AS SELECT 1 AS run, 0 AS class")
        db.execute("CREATE VIEW duckdb_tables AS SELECT 1")
    assert everything(history) == wanted
    assert stored(history, FULL) == 2


def test_the_file_opens_no_other_file(history: History, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    statements = (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
    )
    for statement in statements:
        with pytest.raises(BadHistory), database.reading(history.file) as db:
            db.execute(statement)
    assert {each.name for each in tmp_path.iterdir()} == {"egress.duckdb", "secret.csv"}


# ---------------------------------------------------------------- in use

HOLDING = """
import sys, duckdb
db = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_history_in_use_is_said_to_be(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.3)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(history.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for use in (history.runs, lambda: stored(history, FULL)):
            with pytest.raises(BadHistory, match="another process has the history"):
                use()
        other.communicate()
    assert stored(history, FULL) == 2


def test_a_change_that_fails_leaves_what_was_there(history: History) -> None:
    wanted = everything(history)
    for change in (database.writing, database.rewriting):
        with pytest.raises(ZeroDivisionError), change(history.file) as db:
            db.execute("DELETE FROM history.main.runs").fetchall()[1 // 0]
    assert everything(history) == wanted
    assert [each.name for each in history.file.parent.iterdir()] == ["egress.duckdb"]
