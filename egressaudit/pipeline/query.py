"""A question in SQL about logs: what `query` composes.

query ─▶ which tables it reads ─▶ logs ─▶ hops, logs ────────┐
                              └─▶ audit ─▶ flows, findings ──┴─▶ redacted ─▶ the answer

In: a query, the paths of logs, a snapshot if there is one. Out: a `QueryAsked` with the rows. Only what the query reads
is made; the query itself is checked before anything is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as File

import pyarrow as pa

from egressaudit.errors import UsageError
from egressaudit.evidence.beside import beside
from egressaudit.evidence.saved_files import MESH
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.line_parser import format_set
from egressaudit.hops.tables import HopTable, TimedLogEnd, hop_tables, table_schema
from egressaudit.join.query.query_database import QueryAnswer, QueryDatabase, QueryLimits
from egressaudit.mesh import Mesh
from egressaudit.model import AuditReport, Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.report.query_rows import FINDINGS, FLOWS, LOGS, findings_table, flows_table
from egressaudit.report.redaction import Redaction, redacted
from egressaudit.report.redaction.hop_values import HopValues
from egressaudit.report.wording import last_line
from egressaudit.run_step import RunStep
from egressaudit.sources import Sources
from egressaudit.whole_file import temporary_folder

_ROWS = 200_000
"""Hops that are stored at once: many logs have few."""
_OF_LOGS = frozenset({"hops", "logs"})
_OF_AUDIT = frozenset({"flows", "findings"})


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """What a query is asked about, and how."""

    paths: tuple[str, ...]
    mesh_file: File | None = None
    """A snapshot; without it, the one beside the logs, if there is one."""
    audit: AuditSettings = field(default_factory=AuditSettings)
    """For the tables of the audit, and which containers are proxies."""
    raw: bool = False
    """Whether `hops` has the lines themselves."""
    limits: QueryLimits = field(default_factory=QueryLimits)
    redaction: Redaction = field(default_factory=Redaction)


@dataclass(frozen=True, slots=True)
class QueryAsked:
    """The answer, and what a reader must know of it."""

    answer: QueryAnswer
    sources: Sources | None
    """The logs that were read for it; None if none was, or the audit read them."""
    unproven: str = ""
    """The outcome of the audit in one line, if something in it is not proven: then no rows are no proof."""


def ask(sql: str, settings: QuerySettings, say: Callable[[str], None] = lambda _: None) -> QueryAsked:
    """Answer a query. UsageError for a query that cannot be answered, BadLogs for logs that cannot be read."""
    mesh = _mesh(settings)
    formats = None if mesh is None else format_set(mesh.custom_formats)
    hops = table_schema(_columns(formats, raw=settings.raw), formats)
    schemas = {"hops": hops, "logs": LOGS, "flows": FLOWS, "findings": FINDINGS}
    with temporary_folder() as folder:
        database = QueryDatabase(folder, schemas, settings.limits)
        say("checking the query")
        read = database.tables_of(sql)
        if read & _OF_AUDIT and mesh is None:
            raise UsageError(
                f"the table {min(read & _OF_AUDIT)} needs a mesh snapshot",
                hint="Name one with --mesh, or a folder that has mesh.json. Without one there are hops and logs.",
            )
        sources, unproven = None, ""
        with database.loading() as load:
            if read & _OF_LOGS:
                sources = Sources(settings.paths, containers=settings.audit.containers)
                for name, table in _of_logs(sources, settings, mesh, hops, say):
                    if name in read:
                        load(name, table)
            if read & _OF_AUDIT:
                report = _audited(settings, say)
                unproven = _unproven(report)
                load("flows", flows_table(report))
                load("findings", findings_table(report))
        say("answering")
        return QueryAsked(database.answer(sql), sources, unproven)


def _mesh(settings: QuerySettings) -> Mesh | None:
    """The snapshot that is named, or beside the logs."""
    there = any((File(path) / MESH).is_file() for path in settings.paths)
    if settings.mesh_file is None and not there:
        return None
    return beside(settings.paths, settings.mesh_file, settings.audit.trust)[0]


def _columns(formats: FormatSet | None, *, raw: bool) -> tuple[str, ...]:
    custom = () if formats is None else tuple(formats.columns)
    return tuple(each for each in (*HOP_COLUMNS, *custom) if raw or each != "raw")


def _of_logs(
    sources: Sources, settings: QuerySettings, mesh: Mesh | None, schema: pa.Schema, say: Callable[[str], None]
) -> Iterator[tuple[str, pa.Table]]:
    """The rows of `hops`, and those of `logs`."""
    configured = () if mesh is None else mesh.custom_formats
    clean = HopValues(configured).redacted if settings.redaction.levels else _as_it_is
    logs: list[dict[str, object]] = []
    waiting: list[pa.Table] = []
    events = hop_tables(sources, schema.names, formats=format_set(configured), in_order=True)
    for each in events:
        say(RunStep("reading logs", sources.bytes_read, sources.bytes_total, size=True, logs=sources.origins))
        match each:
            case HopTable(_, table):
                waiting.append(table)
            case TimedLogEnd():
                logs.append(_log(each))
        if sum(table.num_rows for table in waiting) >= _ROWS:
            yield "hops", clean(pa.concat_tables(waiting))
            waiting.clear()
    if waiting:
        yield "hops", clean(pa.concat_tables(waiting))
    yield "logs", clean(pa.Table.from_pylist(logs, schema=LOGS))


def _as_it_is(table: pa.Table) -> pa.Table:
    return table


def _log(end: TimedLogEnd) -> dict[str, object]:
    origin, count = end.origin, end.count
    return {
        "source": _text(origin.name),
        "path": _text(origin.path),
        "reporter": None if origin.reporter is None else origin.reporter.value,
        "read": count.read,
        "access": count.access,
        "unclean": count.unclean,
        "other": count.other,
        "unparsed": count.unparsed,
        "first": end.first,
        "last": end.last,
    }


def _text(name: str) -> str:
    """A file's name may have bytes that are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _audited(settings: QuerySettings, say: Callable[[str], None]) -> AuditReport:
    mesh, collection = beside(settings.paths, settings.mesh_file, settings.audit.trust)
    return redacted(audit_window(settings.paths, mesh, settings.audit, collection, say), settings.redaction)


def _unproven(report: AuditReport) -> str:
    return last_line(report) if report.outcome_without_violations is Outcome.INCONCLUSIVE else ""
