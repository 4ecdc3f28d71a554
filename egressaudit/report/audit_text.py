"""A window's report for a person: what was seen, what is wrong, which way all flows went, and the outcome last.

In: an `AuditReport`. Out: text, e.g. with the last line
`FAIL: 1 violation, 0 unproven, 0 waived; 95.2 % of expected log time covered; 1 blind spot`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, BinaryIO

from rich.color import ColorSystem
from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import AuditReport, BlindSpot, Coverage, Finding, Judged, Outcome
from egressaudit.report.cause_words import cause_words, gaps_beside, told_apart
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, folded, folds, nothing, trimmed
from egressaudit.report.wording import (
    CONFIGURATION,
    RAW_LIMIT,
    counted,
    coverage_words,
    evidence_place,
    evidence_title,
    expected_words,
    flows_words,
    ignored_words,
    last_line,
    not_covered,
    not_logging,
    outcome_words,
    place,
    proof_words,
    rule_words,
    shares,
    source_state,
    troubled,
    trusted_words,
    waiver,
    way,
)
from egressaudit.times import rfc3339

if TYPE_CHECKING:
    from egressaudit.model.drift import Drift

MAX_GROUPS = 500
"""Groups in the flow table; more are not read by a person, and CSV, JSONL and Parquet have all."""

_WIDTH = 80
_TABLE = 72
"""From this width on flows are a table; below, a paragraph each."""
_COUNT = 3
"""The column of the table with numbers."""

_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow", None: "dim"}
_RANK = (Outcome.FAIL, Outcome.INCONCLUSIVE, None, Outcome.PASS)


def _write(report: AuditReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (40 or more); raw log lines are folded, never cut silently."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH)
    _print_coverage(console, report)
    _print_findings(console, report.findings)
    _print_flows(console, report.judged)
    if report.drift is not None:
        _print_drift(console, report.drift)
    if report.trusted:
        _heading(console, f"TRUSTED FOR WHAT PASSED ({len(report.trusted)})")
    for sentence in trusted_words(report):
        _print(console, f"- {sentence}")
    _heading(console, "NOT COVERED BY THIS REPORT")
    for sentence in not_covered(report):
        _print(console, f"- {sentence}")
    for note in report.notes:
        _print(console, f"note: {note}")
    console.print()
    console.print(Text(last_line(report), style=_STYLE[report.outcome]))
    stream.write(trimmed(out))


def _print_coverage(console: Console, report: AuditReport) -> None:
    coverage, lines = report.coverage, report.coverage.lines
    console.print(Text("COVERAGE", style="bold"))
    _field(console, "window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}")
    policy = f"{report.policy} (SHA-256 {report.policy_digest})" if report.policy else f"none: the {CONFIGURATION}"
    _field(console, "policy", policy)
    _field(console, "logs", f"{coverage.read} of {counted(coverage.expected, 'expected log')} read{_more(coverage)}")
    _field(console, "time", coverage_words(coverage))
    _field(console, "lines", f"{lines.read} = {shares(lines)}")
    _field(console, "flows", f"{sum(each.group.flows for each in report.judged)} out, {report.internal} inside")
    if report.ignored:
        ignored = ", ".join(f"{count} {ignored_words(kind)}" for kind, count in sorted(report.ignored.items()))
        _field(console, "ignored", f"not counted as flows: {ignored}")
    if coverage.skipped:
        _field(console, "skipped", ", ".join(f"{why} {count}" for why, count in sorted(coverage.skipped.items())))
    for broken in coverage.broken:
        _field(console, "broken", broken)
    _print_sources(console, coverage)
    outside = [each for each in coverage.blind_spots if not not_logging(each.kind)]
    _print_blind(console, "BLIND SPOTS", outside)
    _print_blind(console, "NOT LOGGING", [each for each in coverage.blind_spots if not_logging(each.kind)])


def _more(coverage: Coverage) -> str:
    unexpected = sum(each.read and not each.expected for each in coverage.sources)
    return f", {unexpected} more that nothing expects" if unexpected else ""


def _print_sources(console: Console, coverage: Coverage) -> None:
    sources = [each for each in coverage.sources if troubled(each)]
    _heading(console, f"LOGS WITH PROBLEMS ({len(sources)} of {len(coverage.sources)})")
    for each in sources:
        critical = ", flows cannot be proven without it" if each.critical else ""
        _print(console, f"{each.name} ({each.reporter or 'unknown'}): {source_state(each)}{critical}")
        if each.lines.unparsed or each.lines.unclean:
            _print(console, f"{each.lines.unparsed} unparsed, {each.lines.unclean} not clean", indent=4)
        for problem in each.problems:
            _print(console, problem, indent=4)


def _print_blind(console: Console, title: str, spots: list[BlindSpot]) -> None:
    _heading(console, f"{title} ({len(spots) or 'none known'})")
    for each in spots:
        workload = f" ({each.workload})" if each.workload else ""
        _print(console, f"{each.kind}  {each.subject}{workload}: {blind_spot_words(each)}")


def _print_findings(console: Console, findings: tuple[Finding, ...]) -> None:
    waived = [each for each in findings if each.waived is not None]
    _heading(console, f"FINDINGS ({len(findings) - len(waived) or 'none'})")
    for each in findings:
        if each.waived is None:
            _print_finding(console, each)
    _heading(console, f"WAIVED, NOT COUNTED ({len(waived) or 'none'})")
    for each in waived:
        _print_finding(console, each)


def _print_finding(console: Console, finding: Finding) -> None:
    _line(console, "")
    title = Text(finding.outcome.value if finding.outcome else "INFO", style=_STYLE[finding.outcome])
    title.append(printable(f"  {finding.code} {finding.severity}  {finding.subject}"), style="bold")
    _wrapped(console, title, Text())
    _print(console, finding.message)
    if finding.waived is not None:
        _field(console, "waived", f"until {finding.waived.expires}: {finding.waived.reason}")
    if finding.judged is not None:
        _field(console, "seen", flows_words(finding.judged.group))
        _field(console, "expected", expected_words(finding.judged.decision))
    for label, sentence in cause_words(finding.causes):
        _field(console, label, sentence)
    for fault in gaps_beside(finding):
        _field(console, "gap", fault)
    if finding.rule or finding.controls:
        _field(console, "rule", rule_words(finding.rule, finding.controls))
    _field(console, "proof", proof_words(finding.confidence))
    if finding.evidence:
        _print(console, evidence_title(finding))
    for evidence in finding.evidence:
        _line(console, evidence_place(evidence), " " * 4, style="cyan")
        _line(console, printable(evidence.raw, RAW_LIMIT), " " * 6, style="dim")
    for advice in told_apart(finding.advice, finding.causes):
        _print(console, f"→ {advice}")


def _print_flows(console: Console, judged: tuple[Judged, ...]) -> None:
    shown: Iterable[Judged] = judged
    _heading(console, f"FLOWS ({counted(len(judged), 'group')})")
    if len(judged) > MAX_GROUPS:
        shown = sorted(judged, key=lambda each: _RANK.index(each.outcome))[:MAX_GROUPS]
        left = len(judged) - MAX_GROUPS
        _print(console, f"{counted(left, 'group')} omitted here, passed ones first; -o csv, jsonl and parquet have all")
    shown = list(shown)
    widths = _widths(console, shown)
    for subject, groups in groupby(shown, key=lambda each: each.group.subject):
        _print(console, f"from {subject}")
        if console.width >= _TABLE:
            console.print(Padding(_table(list(groups), widths), (0, 0, 0, 4), expand=False))
            continue
        for each in groups:
            group = each.group
            flows = counted(group.flows, "flow")
            _print(console, f"{place(group)}  {way(group)}, {flows}: {outcome_words(each)}", indent=4)


def _print_drift(console: Console, drift: Drift) -> None:
    from egressaudit.report.drift_words import drift_rows, drift_title, drift_window

    _heading(console, printable(drift_title(drift, "CHANGES SINCE")))
    for said in (drift_window(drift), *drift.notes):
        if said:
            _print(console, f"note: {said}")
    for row in drift_rows(drift):
        _print(console, row)


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
        Text(outcome_words(each), style=_STYLE[None if waiver(each) else each.outcome]),
    )


def _heading(console: Console, title: str) -> None:
    _line(console, "")
    _line(console, title, style="bold")


def _field(console: Console, name: str, value: str) -> None:
    _line(console, printable(value), f"  {name:<9} ", head_style="bold")


def _print(console: Console, text: str, indent: int = 2) -> None:
    _line(console, printable(text), " " * indent)


def _line(console: Console, text: str, head: str = "", *, style: str = "", head_style: str = "") -> None:
    """Text beside its head, and what does not fit into the width below it."""
    lines = folded(text, console.width - len(head))
    if lines is None:
        _wrapped(console, Text(text, style=style), Text(head, style=head_style))
        return
    # What rich would write, without its work on each line: a large mesh has thousands of findings of a dozen lines.
    colors = None if console.no_color else ColorSystem.STANDARD
    before = Style.parse(head_style).render(head, color_system=colors)
    for line in lines:
        console.file.write(f"{before}{Style.parse(style).render(line, color_system=colors)}\n")
        before = " " * len(head)


def _wrapped(console: Console, text: Text, head: Text) -> None:
    """The same for text in styles. A grid would look the same, and takes several times as long."""
    lines = text.wrap(console, console.width - len(head))
    rest = " " * len(head)
    if console.no_color:
        console.file.write("".join(f"{rest if n else head.plain}{line.plain}\n" for n, line in enumerate(lines)))
        return
    whole = Text("\n").join(Text.assemble(rest if n else head, line) for n, line in enumerate(lines))
    console.print(whole, no_wrap=True, overflow="ignore", crop=False)


AUDIT = ReportWriter(_write, nothing)
