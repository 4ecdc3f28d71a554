"""`egressaudit history`: what is in a history, what changed between two of its runs, and old runs removed.

In: the file that `audit --history FILE` writes. Out: a list, a run's findings, changes, or a smaller file.
Example: `egressaudit history compare egress.duckdb 6 7`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.option_types import Moment
from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode, NotFound
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable
from egressaudit.times import rfc3339

if TYPE_CHECKING:
    from egressaudit.history.stored_runs import History
    from egressaudit.model.drift import Drift
    from egressaudit.model.group_facts import RunSummary
    from egressaudit.model.kept import KeptReport

_FILE = click.argument("file", metavar="FILE", type=click.Path(path_type=File, dir_okay=False))
_OUTPUT = click.option("-o", "--output", type=click.Choice(names_of("history")), default="text", show_default=True)
_RUN = click.IntRange(1)
_CODES = """\b
Exit codes:
  0   done, whatever the outcomes of the runs were
  1   the history is damaged or in use, or could not be written
  2   invalid command line, or there is no such history or run"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """What `history list` was asked."""

    file: File
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """What `history show` was asked."""

    file: File
    run: int | None
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What `history compare` was asked."""

    file: File
    before: int | None
    now: int | None
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOptions:
    """What `history prune` was asked."""

    file: File
    keep: datetime


@click.group(epilog=_CODES)
def history() -> None:
    """What `audit --history FILE` stored: runs, their findings, and what changed between them.

    \b
    egressaudit history list egress.duckdb
    egressaudit history compare egress.duckdb
    egressaudit history prune egress.duckdb --keep 400d
    """


@history.command("list")
@_FILE
@_OUTPUT
@taking(ListOptions)
def listed(options: ListOptions) -> int:
    """List all runs, the oldest first."""
    runs = _history(options.file).runs()
    if options.output == "json":
        return _show_json({"runs": list(map(_run_json, runs))})
    rows = [("RUN", "WINDOW", "OUTCOME", "VIOLATIONS", "FLOWS", "COVERED", "POLICY"), *map(_run_cells, runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return _show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


@history.command("show")
@_FILE
@click.argument("run", type=_RUN, required=False)
@_OUTPUT
@taking(ShowOptions)
def shown(options: ShowOptions) -> int:
    """Show the findings and flows of a run, by default the last."""
    from egressaudit.report.redaction import Redaction, redacted

    kept = redacted(_kept(options.file, options.run), Redaction())
    return _show_json(_kept_json(kept)) if options.output == "json" else _show(_kept_lines(kept))


@history.command("compare")
@_FILE
@click.argument("before", type=_RUN, required=False)
@click.argument("now", type=_RUN, required=False)
@_OUTPUT
@taking(CompareOptions)
def compared(options: CompareOptions) -> int:
    """Show what changed between two runs, by default the last run and the one before it."""
    from egressaudit.findings.drift_between import drift_between
    from egressaudit.report.redaction import Redaction, redacted

    file, before = options.file, options.before
    later = _kept(file, options.now)
    earlier = _history(file).before(later.window, later.cluster_uid) if before is None else _kept(file, before)
    if earlier is None:
        raise NotFound(f"{file} has no run of this mesh before {later.name}", hint="Name two runs, or audit again.")
    drift = redacted(drift_between(earlier, later), Redaction())
    if options.output == "json":
        from egressaudit.report.drift_document import DriftPart

        return _show_json(DriftPart.of(drift).model_dump(mode="json"))
    return _show(_drift_lines(drift))


@history.command("prune")
@_FILE
@click.option(
    "--keep",
    type=Moment(),
    required=True,
    help="Keep the runs whose windows ended after this: how long ago (400d), or a time.",
)
@taking(PruneOptions)
def pruned(options: PruneOptions) -> int:
    """Remove old runs, and make the file smaller."""
    file = options.file
    there = file.stat().st_size if file.exists() else 0
    count = _history(file).prune(options.keep)
    return _show([f"{count} runs removed; {there:,} bytes before, {file.stat().st_size:,} now"])


def _history(file: File) -> History:
    from egressaudit.history.stored_runs import History

    return History(file)


def _kept(file: File, run: int | None) -> KeptReport:
    found = _history(file)
    if run is None:
        runs = found.runs()
        if not runs:
            raise NotFound(f"{file} has no runs", hint="`egressaudit audit --history FILE` stores one.")
        run = runs[-1].number
    return found.kept(run)


def _run_cells(run: RunSummary) -> tuple[str, ...]:
    covered = "-" if run.fraction is None else f"{int(run.fraction * 1000) / 10} %"
    window = f"{rfc3339(run.start)} to {rfc3339(run.end)}"
    counts = (str(run.violations), str(run.groups), covered)
    return (str(run.number), window, run.outcome, *counts, printable(run.policy or "(the mesh)", 40))


def _run_json(run: RunSummary) -> dict[str, object]:
    return {
        "run": run.number,
        "created": rfc3339(run.created, "microseconds"),
        "window_start": rfc3339(run.start, "microseconds"),
        "window_end": rfc3339(run.end, "microseconds"),
        "outcome": run.outcome,
        "violations": run.violations,
        "findings": run.findings,
        "groups": run.groups,
        "fraction": run.fraction,
        "policy": printable(run.policy),
        "policy_sha256": printable(run.policy_digest),
        "cluster_uid": printable(run.cluster_uid),
        "version": printable(run.version),
    }


def _kept_lines(kept: KeptReport) -> Iterator[str]:
    yield f"{kept.name}: {kept.outcome}, {rfc3339(kept.window.start)} to {rfc3339(kept.window.end)}"
    yield f"policy: {kept.policy or 'the mesh configuration'}"
    yield ""
    yield f"FINDINGS ({len(kept.findings) or 'none'})"
    for each in kept.findings:
        outcome = f"{each.outcome or 'INFO'}{' waived' if each.waived else ''}"
        yield f"  {outcome}  {each.code} {each.severity}  {each.subject}: {each.message}"
    yield ""
    yield f"FLOWS ({len(kept.flows) or 'none'})"
    for flow in kept.flows:
        way = " ".join((flow.path or "unknown", *flow.via))
        yield f"  {flow.sender}  {flow.host}:{flow.port or '-'} {way}: {flow.outcome or 'not judged'}"


def _kept_json(kept: KeptReport) -> dict[str, object]:
    return {
        "name": printable(kept.name),
        "window_start": rfc3339(kept.window.start, "microseconds"),
        "window_end": rfc3339(kept.window.end, "microseconds"),
        "outcome": kept.outcome,
        "policy": printable(kept.policy),
        "findings": [
            {
                "fingerprint": each.fingerprint,
                "code": printable(each.code),
                "severity": each.severity,
                "outcome": each.outcome,
                "waived": each.waived,
                "subject": printable(each.subject),
                "message": printable(each.message),
            }
            for each in kept.findings
        ],
        "flows": [
            {
                "fingerprint": each.fingerprint,
                "namespace": printable(each.namespace),
                "workload": printable(each.workload),
                "host": printable(each.host),
                "port": each.port,
                "path": each.path,
                "via": list(map(printable, each.via)),
                "outcome": each.outcome,
                "waived": each.waived,
            }
            for each in kept.flows
        ],
    }


def _drift_lines(drift: Drift) -> Iterator[str]:
    from egressaudit.report.drift_words import drift_line, drift_rows, drift_window

    yield drift_line(drift)
    yield from (f"note: {said}" for said in (drift_window(drift), *drift.notes) if said)
    yield from (f"  {row}" for row in drift_rows(drift))


def _show(lines: Iterator[str] | list[str]) -> int:
    to_stdout("".join(f"{printable(each)}\n" for each in lines), color=False)
    return ExitCode.PASS


def _show_json(value: object) -> int:
    to_stdout(json.dumps(value, indent=2) + "\n", color=False)
    return ExitCode.PASS
