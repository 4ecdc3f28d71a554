"""`egressaudit parse`: log lines to rows of hops, and on standard error what became of every line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, TextIO

import click

from egressaudit.cli.options import taking
from egressaudit.errors import EgressAuditError, ExitCode, UsageError
from egressaudit.report.output_formats import names_of

if TYPE_CHECKING:
    from egressaudit.hops.dialects import FormatSet
    from egressaudit.model import LineCount, Reporter, Unparsed
    from egressaudit.sources import Sources

_FORMATS = names_of("parse")
_KINDS = ("sidecar", "gateway", "waypoint", "ztunnel")
_STDIN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """What `parse` was asked."""

    paths: tuple[str, ...]
    output: str
    columns: str | None
    format_: str | None
    kind: str | None
    containers: tuple[str, ...]
    strict: bool
    unparsed: File | None
    quiet: bool


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@click.option("--columns", metavar="A,B,C", help="Columns of docs/hops.md; default all (a table: the telling ones).")
@click.option("--format", "format_", metavar="FORMAT", help="The access log format; see below. Default: Istio's own.")
@click.option("--as", "kind", type=click.Choice(_KINDS), help="What wrote all of it. Default: what path and lines say.")
@click.option("-c", "--container", "containers", multiple=True, help="Proxy containers; default istio-proxy.")
@click.option("--strict", is_flag=True, help="Exit with 3 when a line could not be parsed.")
@click.option("--unparsed", type=click.Path(path_type=File, dir_okay=False), help="Write those lines here, and why.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@taking(ParseOptions)
def parse(options: ParseOptions) -> int:
    """Turn proxy logs into rows, one for each request or connection: files, folders, archives, - for standard input.

    Reads gzip, zstd and tar, must-gather and istioctl bug-report, a node's pod logs, and takes off what kubectl, stern,
    CRI and Docker put around lines. Standard error says what became of every line.

    \b
    egressaudit parse evidence -o csv > hops.csv
    egressaudit parse evidence -o parquet > hops.parquet
    kubectl logs -n egress deploy/gw | egressaudit parse --as gateway
    egressaudit parse must-gather.tar.gz -o jsonl --columns source,line,upstream_cluster,upstream_host
    egressaudit parse gw.log --format '[%START_TIME%] "%REQ(:AUTHORITY)%" %UPSTREAM_HOST%'
    egressaudit parse gw.log --format @mesh.yaml

    FORMAT is istio-1.0 to istio-1.31, envoy, Envoy's format string itself, a JSON object of such strings, or @FILE with
    MeshConfig, an Istio or IstioOperator resource, and Telemetry.

    \b
    Exit codes:
      0   everything was read (and with --strict: parsed)
      1   a log is broken, or there is none; what could be read was written
      2   the command line cannot be used
      3   with --strict: a line could not be parsed
    """
    from egressaudit.hops.rows import Counted, HopRow, NotParsed, check
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.report.hop_rows import json_line
    from egressaudit.sources import Sources

    formats = None if options.format_ is None else _formats(options.format_)
    more = {} if formats is None else formats.columns
    sources = Sources(
        _paths(options.paths),
        reporter=_reporter(options.kind),
        containers=frozenset(options.containers or (PROXY_CONTAINER,)),
    )
    total = _Total()
    with ExitStack() as stack:
        unparsed_file = _unparsed_file(stack, options.unparsed)
        columns = _columns(options.columns, tuple(more))
        written = _tables if options.output == "parquet" else _rows
        writer, events = written(options, sources, columns, formats)
        for each in events:
            match each:
                case HopRow(values):
                    writer.write(values)
                case NotParsed(origin, unparsed):
                    if unparsed_file is not None:
                        unparsed_file.write(json_line(_unparsed(origin.path, unparsed)))
                case Counted(origin, count):
                    total.add(count)
                    _say(origin.path, origin.reporter, count)
                case _:
                    writer.write(each.table)
        writer.close()
        sys.stdout.flush()
    _say_total(sources, total)
    check(sources)
    return ExitCode.INCONCLUSIVE if options.strict and total.lines.unparsed else ExitCode.PASS


def _rows(
    options: ParseOptions, sources: Sources, columns: tuple[str, ...] | None, formats: FormatSet | None
) -> tuple[Any, Iterator[Any]]:
    """What writes the rows, and all that the logs hold."""
    from egressaudit.hops.rows import rows
    from egressaudit.report.hop_rows import row_writer

    writer = row_writer(options.output, sys.stdout, columns, () if formats is None else tuple(formats.columns))
    return writer, _shown_progress(sources, rows(sources, formats), quiet=options.quiet)


def _tables(
    options: ParseOptions, sources: Sources, columns: tuple[str, ...] | None, formats: FormatSet | None
) -> tuple[Any, Iterator[Any]]:
    """The same, by columns."""
    from egressaudit.cli.progress import say_slower
    from egressaudit.hops.tables import hop_tables, table_schema
    from egressaudit.report.hop_parquet import HopParquet

    if sys.stdout.isatty():
        raise UsageError("this format is not for a terminal", hint="Send it to a file: > hops.parquet")
    say_slower(quiet=options.quiet)
    events = hop_tables(sources, columns, formats=formats, in_order=True)
    writer = HopParquet(sys.stdout.buffer, table_schema(columns, formats))
    return writer, _shown_progress(sources, events, quiet=options.quiet, step=1)


def _paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("nothing to read", hint="Name files, folders or archives, or pipe a log in.")
    return paths or (_STDIN,)


def _reporter(kind: str | None) -> Reporter | None:
    from egressaudit.model import Reporter

    if kind is None:
        return None
    return Reporter.EGRESS_GATEWAY if kind == "gateway" else Reporter(kind)


def _formats(text: str) -> FormatSet:
    from egressaudit.cli.format_option import chosen_formats
    from egressaudit.report.safe import printable

    formats = chosen_formats(text)
    for problem in formats.problems:
        click.echo(f"no line of this format is clean, for {printable(str(problem))}", err=True)
    return formats


def _columns(text: str | None, more: tuple[str, ...]) -> tuple[str, ...] | None:
    if text is None:
        return None
    from difflib import get_close_matches

    from egressaudit.hops.columns import HOP_COLUMNS

    columns = tuple(name.strip() for name in text.split(","))
    known = (*HOP_COLUMNS, *more)
    for name in columns:
        if name not in known:
            like = get_close_matches(name, known, n=3)
            hint = f"Did you mean {' or '.join(like)}?" if like else f"There are {', '.join(known)}."
            raise UsageError(f"there is no column {name!r}", hint=hint)
    if len(set(columns)) != len(columns):
        raise UsageError("a column is named twice")
    return columns


def _unparsed_file(stack: ExitStack, file: File | None) -> TextIO | None:
    if file is None:
        return None
    try:
        return stack.enter_context(file.open("w", encoding="ascii"))
    except OSError as error:
        raise EgressAuditError(f"{file} cannot be written: {error.strerror or error}") from error


def _unparsed(path: str, unparsed: Unparsed) -> dict[str, object]:
    return {
        "source": path,
        "line": unparsed.line.number,
        "column": unparsed.column,
        "reason": unparsed.reason,
        "text": unparsed.line.text,
    }


class _Total:
    """The counts of all logs together."""

    def __init__(self) -> None:
        from egressaudit.model import LineCount

        self.logs = 0
        self.lines = LineCount()

    def add(self, count: LineCount) -> None:
        """Add those of one log."""
        self.logs += 1
        self.lines += count


def _say(path: str, reporter: Reporter | None, count: LineCount) -> None:
    from egressaudit.report.safe import printable

    click.echo(f"read {printable(path)}{f' ({reporter})' if reporter else ''}: {_account(count)}", err=True)


def _say_total(sources: Sources, total: _Total) -> None:
    from egressaudit.hops.rows import skipped

    if total.logs != 1:
        click.echo(f"read {total.logs} logs: {_account(total.lines)}", err=True)
    if sources.skipped:
        click.echo(f"passed over: {skipped(sources)}", err=True)


def _account(count: LineCount) -> str:
    return (
        f"{count.read} lines = {count.access} access ({count.unclean} not clean) + {count.other} other + "
        f"{count.unparsed} unparsed"
    )


def _shown_progress(sources: Sources, events: Iterator[Any], *, quiet: bool, step: int = 0) -> Iterator[Any]:
    """The events as they are; a bar on standard error while they come, where a terminal is free to show it."""
    if quiet or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from events
        return
    from egressaudit.cli.progress import STEP, with_progress

    yield from with_progress(sources, events, step or STEP)
