"""Tables in a file, and the process that answers a query on them within limits.

In: tables of Arrow, a query. Out: a `QueryAnswer`. Raises `QueryFailed` if the query cannot be answered, BadLogs if the
disk is full.

Example: with `QueryDatabase(folder, {"hops": schema}, QueryLimits())` and its `loading`, rows are put into `hops`;
`answer("select count(*) from hops")` has one row.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as File

import duckdb
import pyarrow as pa

from egressaudit.errors import BadLogs
from egressaudit.join.query.query_cage import Task
from egressaudit.join.query.query_failures import ended_early, not_answered, took_too_long

_CAGE = "egressaudit.join.query.query_cage"
_MOST_SAID = 64 * 1024
"""Bytes of an error that are read."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How much a query may take."""

    seconds: float = 60.0
    memory: int = 1_000_000_000
    """Bytes, for the query as well as for storing the tables; what does not fit there goes to disk."""
    rows: int = 10_000


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The rows, and whether there are more than were asked for."""

    rows: pa.Table
    more: bool


class QueryDatabase:
    """Tables of one run, in a folder that is the caller's to remove."""

    def __init__(self, folder: File, tables: Mapping[str, pa.Schema], limits: QueryLimits) -> None:
        self._folder, self._limits = folder, limits
        self._file = str(folder / "tables.duckdb")
        self._columns = {name: tuple(schema.names) for name, schema in tables.items()}
        with self._open() as database:
            for name, schema in tables.items():
                self._insert(database, name, schema.empty_table(), create=True)

    @contextmanager
    def loading(self) -> Iterator[Callable[[str, pa.Table], None]]:
        """Takes rows for a table, several times. BadLogs if the disk is full."""
        with self._open() as database:
            yield lambda name, rows: self._insert(database, name, rows, create=False)

    def tables_of(self, sql: str) -> frozenset[str]:
        """The tables that a query reads, if it fits to their columns; QueryFailed if it does not. No row is needed."""
        said = json.loads(self._run(sql, only_check=True) or b"[]")
        return frozenset(str(each) for each in said if str(each) in self._columns)

    def answer(self, sql: str) -> QueryAnswer:
        """The rows of a query. QueryFailed."""
        try:
            rows = pa.ipc.open_stream(self._run(sql)).read_all()
        except pa.ArrowInvalid as error:
            raise ended_early(self._memory) from error
        return QueryAnswer(rows.slice(0, self._limits.rows), rows.num_rows > self._limits.rows)

    def _open(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            self._file,
            config={
                "memory_limit": f"{self._limits.memory // 1024}KiB",
                "threads": 2,
                "temp_directory": str(self._folder / "spilled"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            },
        )

    def _insert(self, database: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, *, create: bool) -> None:
        # S608: the names of tables are ours.
        statement = f"CREATE TABLE {name} AS FROM given" if create else f"INSERT INTO {name} FROM given"
        try:
            database.execute("SET enable_progress_bar = false")
            database.register("given", rows)
            database.execute(statement)
            database.unregister("given")
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise BadLogs(
                "the hops did not fit on the disk, or into the memory that may be used",
                hint=f"Free space where {self._folder} is, set TMPDIR to a larger disk, or raise --memory-limit.",
            ) from error

    def _run(self, sql: str, *, only_check: bool = False) -> bytes:
        """What the process sent."""
        limits = self._limits
        task = Task(
            file=self._file,
            folder=str(self._folder / "asked"),
            sql=sql,
            memory=limits.memory,
            rows=limits.rows,
            seconds=limits.seconds,
            only_check=only_check,
        )
        # S603: the command is ours; the query goes to its standard input.
        with subprocess.Popen(
            # -P: nothing in the working directory can be imported.
            [sys.executable, "-P", "-m", _CAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            late = threading.Event()
            timer = threading.Timer(limits.seconds, _end, (process, late))
            timer.daemon = True
            timer.start()
            try:
                sent, said = process.communicate(task.text().encode())
            finally:
                timer.cancel()
                process.kill()
        if late.is_set():
            raise took_too_long(limits.seconds)
        if process.returncode != 0:
            raise self._failure(said[:_MOST_SAID], sql)
        return sent

    def _failure(self, said: bytes, sql: str) -> Exception:
        try:
            told = json.loads(said)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            return ended_early(self._memory)
        return not_answered(told, sql, self._columns, self._memory)

    @property
    def _memory(self) -> str:
        return f"{self._limits.memory / 1e6:.0f} MB"


def _end(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()
