"""`egressaudit parse`: log lines to rows of hops, and on standard error what became of every line.

In: paths of logs. Out: one row for each hop, and an account of all lines. Example: `egressaudit parse app.log -o csv`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, TypeVar

import click

from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import check_binary, stdout_broken
from egressaudit.errors import ExitCode, OutputFailed, UsageError, why_refused
from egressaudit.report.output_formats import format_of, names_of
from egressaudit.signals import SIGNALS
from egressaudit.whole_file import remove_file, whole_file

if TYPE_CHECKING:
    from egressaudit.hops.dialects import FormatSet
    from egressaudit.model import LineCount, Reporter, Unparsed
    from egressaudit.sources import Sources

_FORMATS = names_of("parse")
_KINDS = ("sidecar", "gateway", "waypoint", "ztunnel")
_STDIN = "-"
_Event = TypeVar("_Event")


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
@click.option(
    "--columns", metavar="A,B,C", help="Columns from docs/hops.md. Default: all (for a table: the useful ones)."
)
@click.option("--format", "format_", metavar="FORMAT", help="Access log format, see below. Default: Istio's own.")
@click.option("--as", "kind", type=click.Choice(_KINDS), help="Which proxy wrote it all. Default: by path and lines.")
@click.option(
    "-c", "--container", "containers", multiple=True, help="Name of the proxy containers. Default: istio-proxy."
)
@click.option("--strict", is_flag=True, help="Exit 3 if a line could not be parsed.")
@click.option(
    "--unparsed",
    type=click.Path(path_type=File, dir_okay=False),
    help="Write the lines that could not be parsed to this file, and why.",
)
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@taking(ParseOptions, held=True)
def parse(options: ParseOptions) -> int:
    """Turn proxy logs into rows, one for each request or connection.

    PATH is a file, a folder, an archive, or - for standard input. It reads gzip, zstd and tar, must-gather, istioctl
    bug-report and a node's pod logs, and strips what kubectl, stern, CRI and Docker add to lines. Standard error
    accounts for every line.

    \b
    egressaudit parse evidence -o csv > hops.csv
    egressaudit parse evidence -o parquet > hops.parquet
    kubectl logs -n egress deploy/gw | egressaudit parse --as gateway
    egressaudit parse must-gather.tar.gz -o jsonl --columns source,line,upstream_cluster,upstream_host
    egressaudit parse gw.log --format '[%START_TIME%] "%REQ(:AUTHORITY)%" %UPSTREAM_HOST%'
    egressaudit parse gw.log --format @mesh.yaml

    FORMAT is istio-1.0 to istio-1.31, envoy, an Envoy format string, a JSON object of format strings, or @FILE. The
    file may hold a MeshConfig, an Istio or IstioOperator resource, and Telemetry resources.

    \b
    Exit codes:
      0   everything was read (with --strict: and parsed)
      1   a log is broken, or no log was found; rows were written for everything that could be read
      2   invalid command line
      3   with --strict: a line could not be parsed
    """
    from egressaudit.cli.progress import say_slower
    from egressaudit.hops.rows import NotParsed, check
    from egressaudit.model import LineCount
    from egressaudit.pipeline.parse import ParseSettings, parse_logs
    from egressaudit.report.output_formats import HopTables, hop_writer

    if options.unparsed is not None:
        remove_file(options.unparsed)
    SIGNALS.release()
    formats = None if options.format_ is None else _formats(options.format_)
    sources = _sources(options)
    logs, total = 0, LineCount()
    with ExitStack() as stack:
        write_unparsed = stack.enter_context(_unparsed_to(options.unparsed))
        stack.enter_context(_stdout_or_words())
        settings = ParseSettings(_columns(options.columns, formats), formats)
        _check_stdout(options.output)
        form, watched = hop_writer(options.output), _Progress(sources, quiet=options.quiet)
        if isinstance(form, HopTables):
            say_slower(quiet=options.quiet)
        for each in parse_logs(sources, settings, form, sys.stdout, watched):
            if not isinstance(each, NotParsed):
                logs, total = logs + 1, total + each.count
                _say(each.origin.path, each.origin.reporter, each.count)
            elif options.unparsed is not None:
                write_unparsed(_unparsed(each.origin.path, each.unparsed))
        sys.stdout.flush()
    _say_total(sources, logs, total)
    check(sources)
    return ExitCode.INCONCLUSIVE if options.strict and total.unparsed else ExitCode.PASS


def _sources(options: ParseOptions) -> Sources:
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.sources import Sources

    return Sources(
        _paths(options.paths),
        reporter=_reporter(options.kind),
        containers=frozenset(options.containers or (PROXY_CONTAINER,)),
    )


def _check_stdout(output: str) -> None:
    if format_of("parse", output).binary:
        check_binary(f"Write it to a file: > hops.{output}")


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


def _columns(text: str | None, formats: FormatSet | None) -> tuple[str, ...] | None:
    from egressaudit.cli.columns_option import chosen_columns

    return None if text is None else chosen_columns(text, () if formats is None else tuple(formats.columns))


@contextmanager
def _stdout_or_words() -> Iterator[None]:
    """What breaks in the block is standard output: logs that cannot be read are counted, and end nothing."""
    try:
        yield
    except OSError as error:
        raise OutputFailed(stdout_broken(error)) from error


@contextmanager
def _unparsed_to(file: File | None) -> Iterator[Callable[[str], None]]:
    """Takes the lines of `--unparsed`; the file is whole, or not there."""
    if file is None:
        yield lambda _: None
        return

    def refused(error: OSError) -> OutputFailed:
        return OutputFailed(f"cannot write {file}: {why_refused(error)}")

    def write(line: str) -> None:
        try:
            stream.write(line.encode("ascii"))
        except OSError as error:
            raise refused(error) from error

    try:
        with whole_file(file) as stream:
            yield write
    except OSError as error:
        raise refused(error) from error


def _unparsed(path: str, unparsed: Unparsed) -> str:
    """The line of `--unparsed` for one line of a log."""
    from egressaudit.report.hop_row import json_line

    return json_line(
        {
            "source": path,
            "line": unparsed.line.number,
            "column": unparsed.column,
            "reason": unparsed.reason,
            "text": unparsed.line.text,
        }
    )


def _say(path: str, reporter: Reporter | None, count: LineCount) -> None:
    from egressaudit.report.safe import printable
    from egressaudit.report.wording import shares

    who = f" ({reporter})" if reporter else ""
    click.echo(f"read {printable(path)}{who}: {count.read} lines = {shares(count)}", err=True)


def _say_total(sources: Sources, logs: int, total: LineCount) -> None:
    from egressaudit.hops.rows import skipped
    from egressaudit.report.wording import shares

    if logs != 1:
        click.echo(f"read {logs} logs: {total.read} lines = {shares(total)}", err=True)
    if sources.skipped:
        click.echo(f"passed over: {skipped(sources)}", err=True)


@dataclass(frozen=True, slots=True)
class _Progress:
    """Shows a bar on standard error while events come, where a terminal is free to show it."""

    sources: Sources
    _: KW_ONLY
    quiet: bool

    def __call__(self, events: Iterator[_Event], *, many: bool) -> Iterator[_Event]:
        if self.quiet or not sys.stderr.isatty() or sys.stdout.isatty():
            return events
        from egressaudit.cli.progress import STEP, with_progress

        return with_progress(self.sources, events, STEP if many else 1)
