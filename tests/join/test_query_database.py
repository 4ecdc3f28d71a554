"""A query reads its tables and nothing else, keeps to its limits, and its errors say where they are."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from egressaudit.join.query.query_database import QueryDatabase, QueryLimits
from egressaudit.join.query.query_failures import QueryFailed

HOPS = pa.schema(
    [("source", pa.string()), ("line", pa.int64()), ("host", pa.string()), ("names", pa.list_(pa.string()))]
)
ROWS = [
    {"source": "a", "line": 1, "host": "docs.example.com", "names": ["x", "y"]},
    {"source": "a", "line": 2, "host": "httpbin.org", "names": []},
    {"source": "b", "line": 1, "host": None, "names": None},
]
LIMITS = QueryLimits(seconds=60.0, memory=200_000_000, rows=1000)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> QueryDatabase:
    return filled(tmp_path_factory.mktemp("query"), LIMITS)


def filled(folder: Path, limits: QueryLimits) -> QueryDatabase:
    made = QueryDatabase(folder, {"hops": HOPS, "logs": pa.schema([("source", pa.string())])}, limits)
    with made.loading() as load:
        load("hops", pa.Table.from_pylist(ROWS[:2], schema=HOPS))
        load("hops", pa.Table.from_pylist(ROWS[2:], schema=HOPS))
    return made


def test_rows_come_back_as_they_were_in_their_order(database: QueryDatabase) -> None:
    answer = database.answer("select * from hops")
    assert answer.rows.to_pylist() == ROWS
    assert not answer.more


def test_the_tables_that_are_read_are_known_before_a_row_is(database: QueryDatabase) -> None:
    assert database.tables_of("with h as (select * from hops) select * from h") == {"hops"}
    assert database.tables_of("select (select count(*) from logs) from hops") == {"hops", "logs"}
    assert database.tables_of("describe logs") == {"logs"}
    assert database.tables_of("select 1") == frozenset()


REFUSED = [
    ("", "the query is empty"),
    (";", "the query is empty"),
    ("select 1; select 2", "the query has several statements"),
    ("drop table hops", "the query is not a SELECT"),
    ("insert into hops values ('x', 1, 'x', [])", "the query is not a SELECT"),
    ("copy hops to 'out.csv'", "the query is not a SELECT"),
    ("attach 'other.db'", "the query is not a SELECT"),
    ("install httpfs", "the query is not a SELECT"),
    ("set memory_limit = '9GB'", "the query is not a SELECT"),
    ("pragma database_size", "the query is not a SELECT"),
    ("selct 1", "line 1, column 1: it is not valid SQL"),
    ("select hst from hops", "line 1, column 8: there is no column hst"),
    ("select 1,\n  'é', nofn(2)", "line 2, column 8: there is no function nofn"),
    ("select *\nfrom hopps", "line 2, column 6: there is no table hopps"),
    ("select host::int from hops", "line 1, column 12: a value cannot be converted to the type that is asked for"),
    ("select sum(host) from hops", "line 1, column 8: the names or types in it do not fit together"),
    ("select error('S3CR3T ' || host) from hops", "a function was given what it cannot take"),
    ("select ?", "a function was given what it cannot take"),
]


@pytest.mark.parametrize(("sql", "said"), REFUSED)
def test_what_is_no_query_is_told_with_its_place_and_in_our_words(database: QueryDatabase, sql: str, said: str) -> None:
    with pytest.raises(QueryFailed) as refused:
        database.answer(sql)
    assert refused.value.message.startswith(said)
    assert "S3CR3T" not in refused.value.message + refused.value.hint
    assert "docs.example.com" not in refused.value.message + refused.value.hint


def test_a_mistyped_name_has_help(database: QueryDatabase) -> None:
    hints = []
    for sql in ("select hots from hops", "select * from hopps", "select cont(*) from hops"):
        with pytest.raises(QueryFailed) as refused:
            database.tables_of(sql)
        hints.append(refused.value.hint)
    assert hints == [
        "Did you mean host?\nColumns of hops: source, line, host, names.",
        "The tables are hops, logs.",
        "Did you mean count?",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('{file}')",
        "select * from read_csv('{file}')",
        "select * from '{file}'",
        "select * from glob('{folder}/*')",
        "select * from parquet_scan('{file}')",
        "select * from 'https://example.com/x.csv'",
        "select * from sqlite_scan('{file}', 'x')",
        "select getenv('HOME')",
        "select * from enable_logging()",
        "select * from duckdb_secrets()",
        "select * from query('select * from read_text(''{file}'')')",
        # Names of the process that runs it.
        "select * from task",
        "select * from _LOCKED",
    ],
)
def test_a_query_reads_nothing_but_its_tables(database: QueryDatabase, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("S3CR3T\n")
    with pytest.raises(QueryFailed) as refused:
        database.answer(sql.format(file=tmp_path / "secret.csv", folder=tmp_path))
    assert "S3CR3T" not in refused.value.message + refused.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["secret.csv"]


def test_a_module_in_the_working_directory_is_none_of_the_query(
    database: QueryDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb.py").write_text("raise SystemExit(7)")
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    assert database.answer("select 1 as one").rows.to_pylist() == [{"one": 1}]


def test_settings_that_protect_are_set(database: QueryDatabase) -> None:
    rows = database.answer("select name, value from duckdb_settings()").rows.to_pylist()
    wanted = {
        "TimeZone": "UTC",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    assert {each["name"]: each["value"] for each in rows if each["name"] in wanted} == wanted


def test_only_so_many_rows_are_given_and_more_are_told(database: QueryDatabase) -> None:
    for rows, more in ((1000, False), (1001, True), (1_000_000, True)):
        answer = database.answer(f"select range as n from range({rows})")
        assert answer.rows.column("n").to_pylist() == list(range(1000))
        assert answer.more is more


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(100000000000000)",
        "with recursive r as (select 1 as x union all select x + 1 from r) select max(x) from r",
        # Neither stops when it is interrupted.
        "select count(levenshtein(repeat('a', 100000), repeat('b', 100000) || range)) from range(1000)",
    ],
)
def test_a_query_whose_time_is_over_is_ended(tmp_path: Path, sql: str) -> None:
    database = filled(tmp_path, QueryLimits(seconds=3.0, memory=200_000_000, rows=10))
    began = time.monotonic()
    with pytest.raises(QueryFailed, match="the query took longer than 3 s"):
        database.answer(sql)
    assert time.monotonic() - began < 20
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limit is Linux's")
@pytest.mark.parametrize(
    "sql",
    [
        "select length(repeat('x', 4000000000))",
        "select length(list_sort(range(300000000)))",
    ],
)
def test_a_query_that_needs_too_much_memory_is_refused(database: QueryDatabase, sql: str) -> None:
    with pytest.raises(QueryFailed, match=r"more memory than 200 MB|before it had answered"):
        database.answer(sql)


def test_an_answer_with_endless_cells_is_refused(database: QueryDatabase) -> None:
    with pytest.raises(QueryFailed, match="larger than 64 MB"):
        database.answer("select repeat('x', 350000) || range from range(200)")


def test_an_answer_counts_as_memory(tmp_path: Path) -> None:
    database = filled(tmp_path, QueryLimits(seconds=60.0, memory=200_000_000, rows=1_000_000))
    with pytest.raises(QueryFailed, match="more memory than 200 MB"):
        database.answer("select repeat('x', 5000) || range from range(60000)")
