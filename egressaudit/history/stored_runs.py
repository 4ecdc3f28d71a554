"""The history of audits: each run is stored with its flows, findings and coverage, and read back.

In: what is kept of a report (`KeptReport`), and its groups with all that judging them reads (`JudgedFacts`). Out: the
same again, e.g. `History(file).kept(7)`. NotFound and BadHistory, as `database` has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path as File

import duckdb

from egressaudit.errors import BadHistory, NotFound
from egressaudit.history.database import reading, rewriting, writing
from egressaudit.history.history_tables import TABLES
from egressaudit.history.run_rows import (
    NOT_OURS,
    finding_from,
    finding_row,
    flow_from,
    log_from,
    log_row,
    run_row,
    seen_row,
    summary_from,
    text_of,
)
from egressaudit.history.shape_rows import digest_of, shape_row
from egressaudit.model import Window
from egressaudit.model.group_facts import JudgedFacts, RunSummary
from egressaudit.model.kept import KeptCoverage, KeptReport

_RUN = (
    "SELECT run, created, window_start, window_end, outcome, policy, policy_digest, cluster_uid, version, fraction, "
    "groups, findings, violations, unproven, trusted FROM history.main.runs"
)
_FLOWS = (
    "SELECT DISTINCT flow, namespace, workload, host, port, path, via, mode, outcome, waived "
    "FROM history.main.seen JOIN history.main.shapes USING (shape) WHERE run = ? "
    # Threads join in any order; the same run must read the same.
    "ORDER BY ALL"
)
_FINDINGS = (
    "SELECT fingerprint, code, severity, outcome, subject, message, about, log, waived, flow "
    "FROM history.main.findings WHERE run = ? ORDER BY rowid"
)
_OF_OTHERS = "SELECT run, workload FROM history.main.unlogged WHERE kind = ?"
_LEFT_OUT = ""
"""In `unlogged`: not blind, but not asked for."""


class History:
    """A history in a file."""

    def __init__(self, file: File) -> None:
        self.file = file

    def check(self) -> None:
        """That it can be read, if it is there. BadHistory."""
        if self.file.exists():
            self.runs()

    def runs(self) -> tuple[RunSummary, ...]:
        """All runs, in the order in which they were stored."""
        with reading(self.file) as db, self._understood("runs"):
            rows = db.execute(f"{_RUN} ORDER BY run").fetchall()
            return tuple(map(summary_from, rows))

    def add(self, summary: RunSummary, report: KeptReport, judged: Sequence[JudgedFacts]) -> int:
        """Store a run, all of it or nothing; its number, which is the next one whatever the summary says."""
        with writing(self.file) as db:
            found = db.execute("SELECT coalesce(max(run), 0) + 1 FROM history.main.runs").fetchone()
            run = int(found[0]) if found else 1
            _insert(db, "runs", [run_row(summary, run)])
            shapes = _stored_shapes(db, judged)
            _insert(db, "seen", [seen_row(run, shape, each) for shape, each in zip(shapes, judged, strict=True)])
            _insert(db, "findings", [finding_row(run, each) for each in report.findings])
            coverage = report.coverage
            _insert(db, "logs", [log_row(run, each) for each in coverage.logs])
            silent = [*coverage.unlogged, *((each, _LEFT_OUT) for each in coverage.left_out)]
            _insert(db, "unlogged", [(run, workload, kind) for workload, kind in sorted(silent)])
        return run

    def kept(self, run: int) -> KeptReport:
        """What was kept of a run. NotFound if no run has this number."""
        with reading(self.file) as db, self._understood(f"run {run}"):
            row = db.execute(f"{_RUN} WHERE run = ?", [run]).fetchone()
            if row is None:
                raise NotFound(f"{self.file} has no run {run}", hint="`egressaudit history list FILE` shows all runs.")
            summary = summary_from(row)
            flows = tuple(map(flow_from, db.execute(_FLOWS, [run]).fetchall()))
            by_flow = {each.fingerprint: each for each in flows}
            found = db.execute(_FINDINGS, [run]).fetchall()
            return KeptReport(
                name=f"{self.file.name} run {run}",
                window=Window(summary.start, summary.end),
                outcome=summary.outcome,
                policy=summary.policy,
                policy_digest=summary.policy_digest,
                cluster_uid=summary.cluster_uid,
                findings=tuple(finding_from(each, by_flow) for each in found),
                flows=flows,
                coverage=_coverage(db, run, summary.fraction),
            )

    def left_out(self) -> Mapping[int, frozenset[str]]:
        """The workloads that runs were not asked about, by the run; nothing for those that were asked about all."""
        with reading(self.file) as db, self._understood("runs"):
            found: dict[int, set[str]] = {}
            for run, workload in db.execute(_OF_OTHERS, [_LEFT_OUT]).fetchall():
                found.setdefault(int(run), set()).add(text_of(workload))
            return {run: frozenset(workloads) for run, workloads in found.items()}

    def before(self, window: Window, cluster_uid: str) -> KeptReport | None:
        """What was kept of the run of this cluster whose window is the last that starts before this one."""
        if not self.file.exists():
            return None
        earlier = [each for each in self.runs() if each.start < window.start and each.cluster_uid == cluster_uid]
        last = max(earlier, key=lambda each: (each.end, each.number), default=None)
        return None if last is None else self.kept(last.number)

    def prune(self, before: datetime) -> int:
        """Remove the runs whose windows end before this time, and give back their room; how many there were."""
        gone = [each.number for each in self.runs() if each.end < before]
        if gone:
            with rewriting(self.file) as db:
                for table in TABLES:
                    _copy_without(db, table, gone)
        return len(gone)

    @contextmanager
    def _understood(self, what: str) -> Iterator[None]:
        try:
            yield
        except NOT_OURS as error:
            raise BadHistory(f"{self.file} is damaged: {what} cannot be understood") from error


def _copy_without(db: duckdb.DuckDBPyConnection, table: str, runs: Sequence[int]) -> None:
    if table == "meta":
        return
    # S608: only names from this file are put into these statements, never text from a log.
    kept, order = "run NOT IN (SELECT unnest($1))", "run"
    if table == "shapes":
        kept, order = f"shape IN (SELECT shape FROM history.main.seen WHERE {kept})", "shape"  # noqa: S608
    copied = f"INSERT INTO fresh.main.{table} SELECT * FROM history.main.{table} WHERE {kept} ORDER BY {order}"  # noqa: S608
    db.execute(copied, [list(runs)])


def _stored_shapes(db: duckdb.DuckDBPyConnection, judged: Sequence[JudgedFacts]) -> list[int]:
    """The number of the shape of each group; those that are not there yet are added."""
    rows = [shape_row(each.facts) for each in judged]
    digests = list(map(digest_of, rows))
    known: dict[str, int] = dict(
        db.execute(
            "SELECT digest, shape FROM history.main.shapes WHERE digest IN (SELECT unnest($1))", [digests]
        ).fetchall()
    )
    found = db.execute("SELECT coalesce(max(shape), 0) FROM history.main.shapes").fetchone()
    last = int(found[0]) if found else 0
    new = []
    for row, digest, each in zip(rows, digests, judged, strict=True):
        if digest not in known:
            last += 1
            known[digest] = last
            new.append((last, digest, each.flow, *row))
    _insert(db, "shapes", new)
    return [known[each] for each in digests]


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Add rows, as one list for each column: inserting row by row is slow."""
    if rows:
        columns = ", ".join(f"unnest(${n})" for n in range(1, len(rows[0]) + 1))
        values = [[_storable(each) for each in column] for column in zip(*rows, strict=True)]
        db.execute(f"INSERT INTO history.main.{table} SELECT {columns}", values)


def _storable(value: object) -> object:
    """Text that a log had in another encoding is no text for DuckDB."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return list(map(_storable, value)) if isinstance(value, list) else value


def _coverage(db: duckdb.DuckDBPyConnection, run: int, fraction: float | None) -> KeptCoverage:
    logs = db.execute(
        "SELECT name, workload, reporter, read, whole, throughout FROM history.main.logs WHERE run = ? "
        "ORDER BY name, rowid",
        [run],
    ).fetchall()
    silent = db.execute("SELECT workload, kind FROM history.main.unlogged WHERE run = ?", [run]).fetchall()
    return KeptCoverage(
        fraction=fraction,
        logs=tuple(map(log_from, logs)),
        unlogged=frozenset((text_of(workload), kind) for workload, kind in silent if kind != _LEFT_OUT),
        left_out=frozenset(text_of(workload) for workload, kind in silent if kind == _LEFT_OUT),
    )
