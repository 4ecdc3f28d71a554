"""The process that runs one query: it can read the tables that it was given, and nothing else.

In: a `Task` as JSON, on standard input. Out: the rows as an Arrow stream, on standard output; what failed, as JSON, on
standard error. It is run as `python -m egressaudit.join.query.query_cage`.

DuckDB's own limits do not hold everywhere: `repeat('x', 4000000000)` takes memory that its limit does not count, and
runs on when it is interrupted (DuckDB 2.0.1). So the kernel limits the memory of the process, and its parent ends
it when its time is up. Before DuckDB sees the query, it is configured to open no file, no network and no extension, and
to take no further settings (duckdb.org/docs/stable/operations_manual/securing_duckdb/overview).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, BinaryIO

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa

_THREADS = 2
_ROWS = 1000
"""Rows of a batch."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of a batch; a row of hops has some hundred."""
_BESIDE = 256 * 1024 * 1024
"""What the process may take beside what DuckDB counts: its own code, sorting, the batches that it sends."""
_SPILLED = "10GB"
_GRACE = 10
"""Seconds."""

_EXPLAIN = "EXPLAIN "

_LOCKED = (
    "SET enable_progress_bar = false",
    # Not the machine's: the same query gives the same answer everywhere.
    "SET TimeZone = 'UTC'",
    "SET errors_as_json = true",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run, and within which limits."""

    file: str
    """The DuckDB file with the tables."""
    folder: str
    """Where DuckDB may spill."""
    sql: str
    memory: int
    """Bytes."""
    rows: int
    """Rows that are sent; one more if there are more."""
    seconds: float
    """How long it may take; who started the process ends it then."""
    only_check: bool = False
    """Send the names of the tables that the query reads instead of rows."""

    def text(self) -> str:
        """As JSON, in one line."""
        return json.dumps(asdict(self))


class _NoQuery(Exception):
    """What is wrong with a query, as `query_failures` reads it."""

    def __init__(self, told: dict[str, object]) -> None:
        super().__init__()
        self.told = told


def main() -> int:
    """Run the task of standard input; 0 if all rows were sent."""
    out = sys.stdout.buffer
    try:
        task = Task(**json.loads(sys.stdin.read()))
        with duckdb.connect(task.file, read_only=True, config=_config(task)) as database:
            for each in _LOCKED:
                database.execute(each)
            _bound(task)
            _run(database, task, out)
    except _NoQuery as error:
        return _failed(error.told)
    except MemoryError:
        return _failed({"exception_type": "Out of Memory"})
    except Exception as error:  # noqa: BLE001  the caller must learn that there is no answer, whatever the reason
        return _failed(_told(error))
    return 0


def _config(task: Task) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{task.memory // 1024}KiB",
        "threads": _THREADS,
        "temp_directory": task.folder,
        "max_temp_directory_size": _SPILLED,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        # A name in the query must not be a variable of this module.
        "python_enable_replacements": False,
    }


def _run(database: duckdb.DuckDBPyConnection, task: Task, out: BinaryIO) -> None:
    statements = database.extract_statements(task.sql)
    if len(statements) != 1:
        raise _NoQuery({"exception_type": "several" if statements else "empty"})
    if statements[0].type is not duckdb.StatementType.SELECT:
        raise _NoQuery({"exception_type": "no select"})
    try:
        # DuckDB says to programs what is wrong, and where, only of what it executes.
        database.execute(f"{_EXPLAIN}{task.sql}")
    except duckdb.Error as error:
        raise _NoQuery(_told(error, len(_EXPLAIN))) from error
    if task.only_check:
        out.write(json.dumps(sorted(database.get_table_names(task.sql))).encode())
        return
    # Import here: to check a query needs no Arrow, which takes long to import.
    import pyarrow as pa

    reader = database.sql(task.sql).to_arrow_reader(_ROWS)
    sent = 0
    with pa.ipc.new_stream(out, reader.schema) as stream:
        for batch in _first(reader, task.rows + 1):
            if batch.nbytes > _LARGEST:
                raise _NoQuery({"exception_type": "too large"})
            # Who asked holds the whole answer, so it counts as memory too.
            sent += batch.nbytes
            if sent > task.memory:
                raise _NoQuery({"exception_type": "Out of Memory"})
            stream.write_batch(batch)


def _first(reader: pa.RecordBatchReader, rows: int) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return


def _bound(task: Task) -> None:
    """Let the kernel refuse memory beyond the limit to the whole process. Only Linux does.

    The limit of processor time is for a process that nobody is left to end.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        seconds = int(task.seconds) * _THREADS + _GRACE
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        used = _used()
        if used is not None:
            most = used + task.memory + _BESIDE
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _used() -> int | None:
    """Bytes of data that the process has now (proc(5), VmData)."""
    with suppress(OSError):
        for line in File("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return None


def _told(error: Exception, before: int = 0) -> dict[str, object]:
    """What DuckDB says of an error, as it says it to programs (`errors_as_json`); `before` the query stood so much."""
    _, _, told = str(error).partition(": ")
    try:
        found = json.loads(told)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"exception_type": type(error).__name__.removesuffix("Exception")}
    at = found.get("position")
    return {**found, "position": int(at) - before} if isinstance(at, str) and at.isdigit() else found


def _failed(told: dict[str, object]) -> int:
    sys.stderr.write(json.dumps(told))
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
