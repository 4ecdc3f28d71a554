"""The file of a history: opened without trusting it, changed in one step or not at all, and errors in our own words.

In: a path. Out: a connection in which the file is the database `history`, e.g.

    with reading(File("egress.duckdb")) as db:
        db.execute("SELECT count(*) FROM history.main.runs")

Anybody may have made the file. It is attached to an empty database in memory, so that no function or view of the file
is found by its name; no extension is loaded, no other file can be opened, and its tables must be exactly ours.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path as File

import duckdb

from egressaudit.errors import BadHistory, NotFound, OutputFailed, UsageError, why_refused
from egressaudit.history.history_tables import TABLES, VERSION, columns, statements

_MEMORY = "1GB"
_PATIENCE = 10.0
"""Seconds to wait for another process that has the file open."""
_STEP = 0.25
_HINT = "Restore it from a backup, or name another file to begin a new history."


@contextmanager
def reading(file: File) -> Iterator[duckdb.DuckDBPyConnection]:
    """The history, to be read. NotFound, BadHistory."""
    if not file.exists():
        raise NotFound(f"{file}: no such file", hint="`egressaudit audit --history FILE` makes a history.")
    with _open(file, "READ_ONLY") as db:
        yield db


@contextmanager
def writing(file: File) -> Iterator[duckdb.DuckDBPyConnection]:
    """The history, to be changed, made if it is not there: all that the block does is stored, or nothing of it.

    BadHistory; OutputFailed if the disk is full.
    """
    with _private():
        if not file.exists():
            _make(file)
        with _open(file, "READ_WRITE") as db:
            db.execute("BEGIN")
            yield db
            db.execute("COMMIT")
            # Into the file itself, so that it is whole when it is copied.
            db.execute("CHECKPOINT history")


@contextmanager
def rewriting(file: File) -> Iterator[duckdb.DuckDBPyConnection]:
    """The history, and an empty one, `fresh`, that takes its place when the block ends."""
    with _private(), _beside(file) as name:
        try:
            with _open(file, "READ_WRITE", name) as db:
                for statement in statements("fresh"):
                    db.execute(statement)
                db.execute("BEGIN")
                yield db
                db.execute("COMMIT")
                db.execute("CHECKPOINT fresh")
                db.execute("DETACH fresh")
                # Before it is closed: until then no other process can open it.
                _like(name, file)
                name.replace(file.resolve())
        except OSError as error:
            raise OutputFailed(f"cannot write {file}: {why_refused(error)}") from error


@contextmanager
def _open(file: File, mode: str, fresh: File | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    _check_file(file)
    db = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _MEMORY,
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        db.execute("SET enable_progress_bar = false")
        db.execute("SET TimeZone = 'UTC'")
        with _in_our_words(file):
            _attach(db, file, mode)
            if fresh is not None:
                db.execute(f"ATTACH {_quoted(fresh)} AS fresh (TYPE duckdb)")
            db.execute("SET enable_external_access = false")
            db.execute("SET lock_configuration = true")
            _check_tables(db, file)
            yield db
    finally:
        with suppress(duckdb.Error):
            db.close()


def _attach(db: duckdb.DuckDBPyConnection, file: File, mode: str) -> None:
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            db.execute(f"ATTACH {_quoted(file)} AS history (TYPE duckdb, {mode})")
        except duckdb.IOException as error:
            if not _is_locked(error) or time.monotonic() > give_up:
                raise
            time.sleep(_STEP)
        else:
            return


def _check_file(file: File) -> None:
    """Check that it is a readable file: DuckDB's errors are its own, and it would wait for a pipe forever."""
    if not file.is_file():
        raise UsageError(f"{file} is not a file", hint="Name a file for the history.")
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadHistory(f"cannot read {file}: {why_refused(error)}") from error


def _check_tables(db: duckdb.DuckDBPyConnection, file: File) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    rows = db.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) WHERE database_name = 'history' AND schema_name = 'main' "
        "ORDER BY table_name, column_index"
    ).fetchall()
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    computing = _tables_that_compute(db)
    if found.get("meta") != list(columns("meta")) or "meta" in computing:
        raise BadHistory(f"{file} is not a history of egressaudit", hint=_HINT)
    versions = db.execute("SELECT version FROM history.main.meta").fetchall()
    if versions != [(VERSION,)]:
        version = versions[0][0] if len(versions) == 1 else None
        if isinstance(version, int) and version > VERSION:
            raise BadHistory(
                f"{file} is a history in format {version}, and this egressaudit knows {VERSION}",
                hint="Use the version that wrote it, or a newer one. It is left as it is.",
            )
        raise BadHistory(f"{file} does not say which format it has", hint=_HINT)
    if odd := [table for table in TABLES if found.get(table) != list(columns(table)) or table in computing]:
        raise BadHistory(f"{file} is damaged: its table {odd[0]} is not as egressaudit makes it", hint=_HINT)


def _tables_that_compute(db: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Tables with columns that are expressions, with defaults or with conditions: whoever made them chose what runs."""
    rows = db.execute(
        "SELECT table_name FROM duckdb_columns() WHERE database_name = 'history' AND column_default IS NOT NULL "
        "UNION SELECT table_name FROM duckdb_constraints() WHERE database_name = 'history'"
    ).fetchall()
    return frozenset(str(table) for (table,) in rows)


def _make(file: File) -> None:
    """A new history, which is there as a whole or not at all, also if two processes begin it at the same time."""
    try:
        with _beside(file) as name:
            db = duckdb.connect(":memory:")
            try:
                db.execute(f"ATTACH {_quoted(name)} AS fresh (TYPE duckdb)")
                for statement in statements("fresh"):
                    db.execute(statement)
            finally:
                db.close()
            with suppress(FileExistsError):
                os.link(name, file.resolve())
    except duckdb.Error as error:
        raise OutputFailed(f"cannot make the history {file}: the disk may be full") from error
    except OSError as error:
        raise OutputFailed(f"cannot make the history {file}: {why_refused(error)}") from error


@contextmanager
def _beside(file: File) -> Iterator[File]:
    """The name of a file to be, in a folder of its own on the same disk."""
    with tempfile.TemporaryDirectory(prefix=".egressaudit-", dir=file.resolve().parent) as folder:
        yield File(folder) / "history"


def _like(written: File, file: File) -> None:
    there = file.stat()
    with suppress(OSError):
        os.chown(written, there.st_uid, there.st_gid)
    written.chmod(there.st_mode & 0o7777)


@contextmanager
def _private() -> Iterator[None]:
    """Only the owner can read new files, including those that DuckDB makes while it writes."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _quoted(file: File) -> str:
    text = str(file.resolve()).replace("'", "''")
    return f"'{text}'"


@contextmanager
def _in_our_words(file: File) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        said = str(error)
        if _is_locked(error):
            raise BadHistory(
                f"another process has the history {file} open",
                hint="Try again later: only one audit can be stored at a time.",
            ) from error
        if "No space left" in said:
            raise OutputFailed(f"cannot write {file}: No space left on device") from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise BadHistory(f"{file} needs more memory than {_MEMORY} to be read") from error
        if "not a valid DuckDB" in said:
            raise BadHistory(f"{file} is not a DuckDB file", hint=_HINT) from error
        raise BadHistory(f"{file} is damaged, or was written by a newer DuckDB", hint=_HINT) from error


def _is_locked(error: duckdb.Error) -> bool:
    return "Could not set lock" in str(error)
