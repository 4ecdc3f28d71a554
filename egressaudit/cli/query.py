"""`egressaudit query`: a question in SQL about the hops and flows of stored logs.

In: one SELECT, and paths of logs. Out: its rows in the format that `-o` names.
Example: `egressaudit query 'select host, sum(flows) from flows group by host' evidence/`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO, StringIO
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.option_types import Duration, MemorySize, Moment, Output, size_in_bytes
from egressaudit.cli.options import given_trust, taking, trust_option
from egressaudit.cli.output import checked_outputs
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.standard_streams import check_binary, to_stdout
from egressaudit.errors import ExitCode, OutputFailed, UsageError, why_refused
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable
from egressaudit.whole_file import replace_file

if TYPE_CHECKING:
    from egressaudit.join.query.query_database import QueryAnswer
    from egressaudit.pipeline.query import QuerySettings

_FORMATS = names_of("query")
_MOST_ROWS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """What `query` was asked."""

    sql: str
    paths: tuple[str, ...]
    mesh_file: File | None
    policy: File | None
    trusted: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    containers: tuple[str, ...]
    raw: bool
    timeout: float
    memory_limit: str
    limit: int
    redact: str
    quiet: bool
    output: tuple[str, File | None]


@click.command()
@click.argument("sql", metavar="SELECT")
@click.argument("paths", nargs=-1, required=True, metavar="PATH ...")
@click.option(
    "--mesh",
    "mesh_file",
    type=click.Path(path_type=File, dir_okay=False),
    help="Mesh snapshot, for flows and findings. Default: mesh.json beside the logs.",
)
@click.option(
    "--policy", type=click.Path(path_type=File, dir_okay=False), help="Egress policy, for flows and findings."
)
@trust_option
@click.option("--since", type=Moment(), help="Start of the window of flows and findings.")
@click.option("--until", type=Moment(), help="End of the window of flows and findings.")
@click.option(
    "-c", "--container", "containers", multiple=True, help="Name of the proxy containers. Default: istio-proxy."
)
@click.option("--raw", is_flag=True, help="Add the column raw, the line itself, to hops. This takes time and space.")
@click.option("--timeout", type=Duration(), default="60s", show_default=True, help="Time limit of the query itself.")
@click.option(
    "--memory-limit",
    type=MemorySize(),
    default="1GB",
    show_default=True,
    help="Memory of the query; the rest spills to disk.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_ROWS),
    default=10_000,
    show_default=True,
    help="Show at most this many rows.",
)
@click.option(
    "--redact",
    type=click.Choice(("queries", "none")),
    default="queries",
    show_default=True,
    help="Redact query strings, credentials and tokens in the tables, or nothing.",
)
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@click.option(
    "-o",
    "--output",
    type=Output(_FORMATS),
    metavar="FORMAT[=FILE]",
    default=_FORMATS[0],
    help=f"{_FORMATS[0]} (default), {', '.join(_FORMATS[1:-1])} or {_FORMATS[-1]}; =FILE writes it to a file.",
)
@taking(QueryOptions)
def query(options: QueryOptions) -> int:
    """Ask stored logs a question in SQL.

    SELECT is one statement in DuckDB's SQL. PATH is what `parse` and `audit` read: files, folders, archives. The tables
    are hops (a row for each request or connection that a proxy logged), logs, and, with a mesh snapshot, flows and
    findings (as in `audit`). docs/query.md has their columns and ten useful queries.

    The query can read nothing else, change nothing, and use no more than its limits.

    \b
    egressaudit query 'select host, path, sum(flows) from flows group by all order by 3 desc' evidence/
    egressaudit query "select * from hops where response_code >= 500 limit 20" gw.log -o csv
    egressaudit query 'describe hops' evidence/

    \b
    Exit codes:
      0   the query was answered
      1   a log is broken, or no log was found
      2   invalid command line or query, or a limit was reached
    """
    from egressaudit.hops.rows import check
    from egressaudit.pipeline.query import ask

    [(name, file)] = checked_outputs((options.output,))[-1:]
    if name == "parquet" and file is None:
        check_binary("Write it to a file: -o parquet=FILE.")
    settings = _settings(options)
    with steps_shown(quiet=options.quiet) as say:
        asked = ask(options.sql, settings, say)
    shown = _written(asked.answer, name)
    if file is None:
        to_stdout(shown)
    else:
        try:
            replace_file(file, shown.encode() if isinstance(shown, str) else shown)
        except OSError as error:
            raise OutputFailed(f"cannot write {file}: {why_refused(error)}") from error
    if asked.answer.more:
        click.echo(f"only the first {options.limit} rows: --limit shows more", err=True)
    if asked.unproven:
        click.echo(f"not all is proven in the audit that was asked, {printable(asked.unproven)}", err=True)
    if asked.sources is not None:
        check(asked.sources)
    return ExitCode.PASS


def _settings(options: QueryOptions) -> QuerySettings:
    from egressaudit.join.query.query_database import QueryLimits
    from egressaudit.judge.believed import believed
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.pipeline.joined_logs import AuditSettings
    from egressaudit.pipeline.query import QuerySettings
    from egressaudit.report.redaction import NOTHING, Redaction

    if "-" in options.paths:
        raise UsageError("query cannot read standard input", hint="Give it files: it may read them twice.")
    policy = None
    if options.policy is not None:
        from egressaudit.policy import load_policy

        policy = load_policy(options.policy)
    return QuerySettings(
        paths=options.paths,
        mesh_file=options.mesh_file,
        audit=AuditSettings(
            policy=policy,
            trust=believed(given_trust(options.trusted), policy),
            start=options.since,
            end=options.until,
            memory_limit=options.memory_limit,
            containers=frozenset(options.containers or (PROXY_CONTAINER,)),
        ),
        raw=options.raw,
        limits=QueryLimits(options.timeout, size_in_bytes(options.memory_limit), options.limit),
        redaction=NOTHING if options.redact == "none" else Redaction(),
    )


class _OnScreen(StringIO):
    """Text that is written to standard output at the end: a table is as wide as a terminal there."""

    def isatty(self) -> bool:
        return sys.stdout.isatty()


def _written(answer: QueryAnswer, name: str) -> str | bytes:
    """The rows in a format. UsageError for a value that it cannot have."""
    import pyarrow as pa

    from egressaudit.report.output_formats import HopTables, row_writer
    from egressaudit.report.query_rows import named_apart, not_written, rows_of

    rows = named_apart(answer.rows)
    form = row_writer(name)
    if isinstance(form, HopTables):
        binary = BytesIO()
        try:
            tables = form.open(binary, rows.schema)
            tables.write(rows)
            tables.close()
        except pa.ArrowException as error:
            raise not_written() from error
        return binary.getvalue()
    text = _OnScreen()
    writer = form.open(text, rows.column_names, ())
    for row in rows_of(rows, nested=name in ("json", "jsonl")):
        writer.write(row)
    writer.close()
    return text.getvalue()
