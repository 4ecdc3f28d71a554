"""The parts of a window's text report below its findings: what changed, coverage, flows.

In: the parts of an `AuditReport`. Out: lines in a console's memory, e.g. below `FLOWS (3 groups)` a table with host,
path, gateways, flows and outcome. With `whole`, nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.model import AuditReport, BlindSpot, Coverage, Judged, Outcome
from egressaudit.report.first_screen import coverage_line
from egressaudit.report.identity_words import identity_facts
from egressaudit.report.safe import printable
from egressaudit.report.screen import folds
from egressaudit.report.screen_lines import field, heading, sentence
from egressaudit.report.totals import MAX_LISTED, blind_spot_rows, flow_totals
from egressaudit.report.wording import (
    CONFIGURATION,
    counted,
    ignored_words,
    not_logging,
    outcome_words,
    place,
    shares,
    source_state,
    troubled,
    waiver,
    way,
)
from egressaudit.times import rfc3339

if TYPE_CHECKING:
    from egressaudit.model.drift import Drift

STYLES = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow", None: "dim"}
MAX_GROUPS = 500
"""Groups of flows that are listed in a pipe or a file; of more, totals are. On a screen of more than `MAX_LISTED`."""

_TABLE = 72
"""From this width on flows are a table; below, a paragraph each."""
_COUNT = 3
"""The column of the table with numbers."""
_NAMED = 10
"""Logs with problems, and blind spots of one sort, that are named on a screen."""
_REST = "-o text=FILE lists all"


def print_drift(console: Console, drift: Drift) -> None:
    """What changed since an earlier report."""
    from egressaudit.report.drift_words import drift_rows, drift_title, drift_window

    heading(console, printable(drift_title(drift, "CHANGES SINCE")))
    for said in (drift_window(drift), *drift.notes):
        if said:
            sentence(console, f"note: {said}")
    for row in drift_rows(drift):
        sentence(console, row)


def print_coverage(console: Console, report: AuditReport, *, whole: bool) -> None:
    """Which logs were read, what became of their lines, and what no log shows."""
    coverage, lines = report.coverage, report.coverage.lines
    heading(console, "COVERAGE")
    field(console, "window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}")
    policy = f"{report.policy} (SHA-256 {report.policy_digest})" if report.policy else f"none: the {CONFIGURATION}"
    field(console, "policy", policy)
    for label, said in identity_facts(report):
        field(console, label, said)
    field(console, "logs", coverage_line(coverage))
    field(console, "lines", f"{lines.read} = {shares(lines)}")
    field(console, "flows", f"{sum(each.group.flows for each in report.judged)} out, {report.internal} inside")
    if report.ignored:
        ignored = ", ".join(f"{count} {ignored_words(kind)}" for kind, count in sorted(report.ignored.items()))
        field(console, "ignored", f"not counted as flows: {ignored}")
    if coverage.skipped:
        field(console, "skipped", ", ".join(f"{why} {count}" for why, count in sorted(coverage.skipped.items())))
    for broken in coverage.broken:
        field(console, "broken", broken)
    _print_sources(console, coverage, whole=whole)
    outside = [each for each in coverage.blind_spots if not not_logging(each.kind)]
    _print_blind(console, "BLIND SPOTS", outside, whole=whole)
    silent = [each for each in coverage.blind_spots if not_logging(each.kind)]
    _print_blind(console, "NOT LOGGING", silent, whole=whole)


def _print_sources(console: Console, coverage: Coverage, *, whole: bool) -> None:
    sources = [each for each in coverage.sources if troubled(each)]
    heading(console, f"LOGS WITH PROBLEMS ({len(sources)} of {len(coverage.sources)})")
    # Those without which nothing is proven are not left out before the others.
    shown = sources if whole else sorted(sources, key=lambda each: not each.critical)[:_NAMED]
    for each in shown:
        critical = ", flows cannot be proven without it" if each.critical else ""
        sentence(console, f"{each.name} ({each.reporter or 'unknown'}): {source_state(each)}{critical}")
        if each.lines.unparsed or each.lines.unclean:
            sentence(console, f"{each.lines.unparsed} unparsed, {each.lines.unclean} not clean", indent=4)
        for problem in each.problems:
            sentence(console, problem, indent=4)
    if len(sources) > len(shown):
        sentence(console, f"and {len(sources) - len(shown)} more; {_REST}")


def _print_blind(console: Console, title: str, spots: list[BlindSpot], *, whole: bool) -> None:
    heading(console, f"{title} ({len(spots) or 'none known'})")
    for each in blind_spot_rows(spots):
        if len(each.subjects) == 1:
            sentence(console, f"{each.kind}  {each.subjects[0]}: {each.words}")
            continue
        sentence(console, f"{each.kind}  {len(each.subjects)} times: {each.words}")
        shown = each.subjects if whole else each.subjects[:_NAMED]
        for subject in shown:
            sentence(console, subject, indent=4)
        if len(each.subjects) > len(shown):
            sentence(console, f"and {len(each.subjects) - len(shown)} more; {_REST}", indent=4)


def print_flows(console: Console, judged: Sequence[Judged], *, whole: bool) -> None:
    """All flows as a table for each workload; of many, totals by outcome and way."""
    heading(console, f"FLOWS ({counted(len(judged), 'group')})")
    if len(judged) > (MAX_GROUPS if whole else MAX_LISTED):
        _print_totals(console, judged)
        return
    widths = _widths(console, judged)
    for subject, groups in groupby(judged, key=lambda each: each.group.subject):
        sentence(console, f"from {subject}")
        if console.width >= _TABLE:
            console.print(Padding(_table(list(groups), widths), (0, 0, 0, 4), expand=False))
            continue
        for each in groups:
            group = each.group
            flows = counted(group.flows, "flow")
            sentence(console, f"{place(group)}  {way(group)}, {flows}: {outcome_words(each)}", indent=4)


def _print_totals(console: Console, judged: Sequence[Judged]) -> None:
    for each in flow_totals(judged):
        sentence(
            console,
            f"{each.words}  {each.way}: {counted(each.flows, 'flow')} of {counted(each.workloads, 'workload')} to "
            f"{counted(each.places, 'host and port', 'hosts and ports')}",
        )
    sentence(console, "-o csv, jsonl, parquet and json have every group.")


def _widths(console: Console, judged: Sequence[Judged]) -> tuple[int, ...]:
    """Of host, path, gateways, flows and outcome, the same for all tables, so that they align."""
    if not folds(console):
        cells = [[len(cell.plain) for cell in _cells(each)] for each in judged]
        return tuple(map(max, zip(*cells, strict=True)))
    path, flows, outcome = 12, 8, 12
    rest = console.width - 4 - path - flows - outcome - 4
    return rest - rest // 2, path, rest // 2, flows, outcome


def _table(judged: list[Judged], widths: tuple[int, ...]) -> Table:
    """Host, path, gateways, flows, outcome."""
    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    for number, width in enumerate(widths):
        table.add_column(width=width, overflow="fold", justify="right" if number == _COUNT else "left")
    for each in judged:
        table.add_row(*_cells(each))
    return table


def _cells(each: Judged) -> tuple[Text, ...]:
    group = each.group
    return (
        Text(printable(place(group))),
        Text(group.path.value),
        Text(printable(" ".join(map(str, group.via)))),
        Text(str(group.flows)),
        Text(outcome_words(each), style=STYLES[None if waiver(each) else each.outcome]),
    )
