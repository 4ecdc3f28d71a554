"""`egressaudit explain`: one flow of a report as a story.

In: a JSON report of `verify` or `audit`, or a folder that `verify --save-logs` wrote; and which flow. Out: the story.
Example: `egressaudit explain report.json docs.redhat.com`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.options import taking
from egressaudit.cli.redact_options import redact_options, redaction_of
from egressaudit.cli.screen_option import color_option, stdout_screen
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import BadLogs, ExitCode, UsageError

if TYPE_CHECKING:
    from egressaudit.hops.dialects import FormatSet
    from egressaudit.report.story.told_flow import ToldFlow

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOptions:
    """What `explain` was asked."""

    report: File
    flow: str | None
    format_: str | None
    redact: tuple[tuple[str, ...], ...]
    redact_key: File | None


@click.command()
@click.argument("report", type=click.Path(path_type=File), metavar="REPORT")
@click.argument("flow", required=False, metavar="[FLOW]")
@click.option(
    "--format", "format_", metavar="FORMAT", help="Access log format of the lines, as for parse. Default: Istio's own."
)
@redact_options
@color_option
@taking(ExplainOptions)
def explain(options: ExplainOptions) -> int:
    """Tell one flow of a report as a story: each hop, what its line says, and why the verdict is what it is.

    REPORT is what `verify -o json` or `audit -o json` wrote, or a folder that `verify --save-logs` wrote. FLOW is a
    number from the list, a host, HOST:PORT, a workload, a URL or a probe's nonce. Without FLOW, a report with one flow
    tells that one; any other report lists its flows.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl -o json=report.json
    egressaudit explain report.json
    egressaudit explain audit.json 3
    egressaudit explain evidence docs.redhat.com

    Marks stand under the fields that decide:

    \b
       ... "GET / HTTP/1.1" 503 UH no_healthy_upstream ...
                            a^^ b^ c^^^^^^^^^^^^^^^^^^
       b  response_flags UH: NoHealthyUpstream: no endpoint of the cluster was healthy, or it has none
       → not-left: No address was chosen: nothing was sent on from here.

    docs/log-fields.md has the meaning of every flag, detail and error; docs/evidence.md explains fates and verdicts.

    \b
    Exit codes:
      0   the story was told, or the flows were listed
      1   the report cannot be read, or says that no audit was performed
      2   invalid command line, or no such flow
    """
    from egressaudit.hops.line_parser import LineParser
    from egressaudit.report.redaction import redacted
    from egressaudit.report.story.story_text import listing, story

    redaction = redaction_of(options)
    parser = LineParser(None if options.format_ is None else _formats(options.format_))
    flows = _flows(options.report)
    chosen = redacted(_chosen(flows, redacted(flows, redaction), options), redaction)
    text = story(chosen[0], parser, stdout_screen()) if len(chosen) == 1 else listing(chosen, stdout_screen())
    to_stdout(text.decode(), color=True)
    if len(chosen) > 1:
        click.echo(f"Choose one: egressaudit explain {options.report} {chosen[0].number}", err=True)
    return ExitCode.PASS


def _formats(text: str) -> FormatSet:
    from egressaudit.cli.format_option import chosen_formats

    return chosen_formats(text)


def _flows(report: File) -> tuple[ToldFlow, ...]:
    from egressaudit.report.story.report_file import read_report, told_flows

    content = _replayed(report) if report.is_dir() else read_report(report)
    flows = told_flows(content, str(report))
    if not flows:
        raise BadLogs(f"{report} has no flow", hint="There is nothing to explain: nothing was judged.")
    return flows


def _replayed(folder: File) -> bytes:
    """The report on a saved run, which is judged again."""
    from egressaudit.cli.replay import check_saved_run
    from egressaudit.pipeline.replay import audit
    from egressaudit.report import render

    check_saved_run(folder)
    text = render(audit(folder), "json", None)
    return text.encode() if isinstance(text, str) else text


def _chosen(flows: tuple[ToldFlow, ...], shown: tuple[ToldFlow, ...], options: ExplainOptions) -> tuple[ToldFlow, ...]:
    if options.flow is None:
        return flows
    found = tuple(each for each in flows if each.is_meant_by(options.flow))
    if not found:
        known = ", ".join(f"{each.number} ({each.target})" for each in shown[:_MOST_LISTED])
        raise UsageError(f"no flow of {options.report} is {options.flow!r}", hint=f"There are: {known}")
    return found
