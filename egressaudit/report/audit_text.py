"""A window's report for a person: first one screen with all that decides, then the findings, then the rest.

first screen ─▶ findings, by cause ─▶ what changed ─▶ coverage ─▶ flows ─▶ what is not covered ─▶ the outcome again

In: an `AuditReport`. Out: text, e.g. with the first line `FAIL: 1 violation, 0 unproven, 0 waived`, and the last line
`FAIL: 1 violation, 0 unproven, 0 waived; 95.2 % of expected log time covered; 1 blind spot`.
"""

from __future__ import annotations

from io import StringIO
from typing import BinaryIO

from rich.console import Console
from rich.text import Text

from egressaudit.model import AuditReport
from egressaudit.report.audit_text_parts import STYLES, print_coverage, print_drift, print_flows
from egressaudit.report.cause_words import LOOK
from egressaudit.report.explained import explanations
from egressaudit.report.finding_block import BlockInWords, finding_block, has_fix, in_one_line
from egressaudit.report.finding_groups import FindingGroup
from egressaudit.report.first_screen import WORST, label_of, summary
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, folds, nothing, trimmed
from egressaudit.report.screen_lines import clipped, field, heading, line, sentence, styled
from egressaudit.report.shown_groups import ShownGroups, shown_groups
from egressaudit.report.wording import (
    RAW_LIMIT,
    counted,
    evidence_place,
    first_line,
    last_line,
    not_covered,
    trusted_words,
)

_WIDTH = 80
_ROWS = 22
"""Of the 24 rows of a terminal, one has the command and one the next prompt."""
_LABEL = 11
_ROWS_OF_ONE = 2
"""Rows for one entry on the first screen, so that the worst findings fit too."""
_FEWEST = 3
"""Of the worst, whatever else the first screen has."""


def _write(report: AuditReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (40 or more); raw log lines are folded, never cut silently."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH)
    known, whole = explanations(report), not folds(console)
    shown = shown_groups(report, known, screen.view)
    _print_first_screen(console, out, report, shown)
    blocks = [finding_block(each, known, screen.view, whole=whole) for each in shown.groups]
    heading(console, f"FINDINGS ({shown.counted})")
    if shown.left_out:
        sentence(console, f"{shown.left_out}.")
    if has_fix(shown.groups):
        sentence(console, f"Fixes: {LOOK}.")
    _print_blocks(console, [each for each in blocks if not each.group.waived])
    heading(console, f"WAIVED, NOT COUNTED ({shown.waived or 'none'})")
    _print_blocks(console, [each for each in blocks if each.group.waived])
    if report.drift is not None:
        print_drift(console, report.drift)
    print_coverage(console, report, whole=whole)
    print_flows(console, report.judged, whole=whole)
    if report.trusted:
        heading(console, f"TRUSTED FOR WHAT PASSED ({len(report.trusted)})")
    for said in trusted_words(report):
        sentence(console, f"- {said}")
    heading(console, "NOT COVERED BY THIS REPORT")
    for said in not_covered(report):
        sentence(console, f"- {said}")
    for note in report.notes:
        sentence(console, f"note: {note}")
    line(console, "")
    styled(console, Text(last_line(report), style=STYLES[report.outcome]), Text())
    stream.write(trimmed(out))


def _print_first_screen(console: Console, out: StringIO, report: AuditReport, shown: ShownGroups) -> None:
    most = _ROWS_OF_ONE if folds(console) else None
    styled(console, Text(first_line(report), style=STYLES[report.outcome]), Text(), most=most)
    for label, words in summary(report):
        field(console, label, words, columns=_LABEL, most=most)
    room = _ROWS - out.getvalue().count("\n") - 2 if folds(console) else WORST
    worst = shown.groups[: max(_FEWEST, min(WORST, room))]
    if worst:
        heading(console, f"TOP FINDINGS ({len(worst)} of {counted(len(shown.groups), 'block')}{shown.chosen})")
    numbers = max((len(str(len(each.findings))) for each in worst), default=0)
    labels = max((len(_label(each)) for each in worst), default=0)
    severities = max((len(each.severity) for each in worst), default=0)
    for each in worst:
        row = Text(f"  {len(each.findings):>{numbers}} ")
        row.append(f"{_label(each):<{labels}}", style=STYLES[None if each.waived else each.outcome])
        row.append(printable(f" {each.code} {each.severity:<{severities}} {in_one_line(each)}").expandtabs())
        styled(console, clipped(row, console.width), Text())


def _label(group: FindingGroup) -> str:
    return label_of(group.outcome, waived=group.waived)


def _print_blocks(console: Console, blocks: list[BlockInWords]) -> None:
    for each in blocks:
        _print_block(console, each)


def _print_block(console: Console, block: BlockInWords) -> None:
    line(console, "")
    outcome = block.group.outcome
    title = Text(outcome.value if outcome else "INFO", style=STYLES[outcome])
    title.append(printable(f"  {block.title}"), style="bold")
    styled(console, title, Text())
    for said in block.sentences:
        sentence(console, said)
    for label, words in block.facts:
        field(console, label, words)
    for member in block.members:
        sentence(console, member, indent=4)
    if block.left_out:
        sentence(console, block.left_out, indent=4)
    if block.evidence_title:
        sentence(console, f"{block.evidence_title}{':' if block.evidence else ''}")
    for evidence in block.evidence:
        line(console, evidence_place(evidence), " " * 4, style="cyan")
        line(console, printable(evidence.raw, RAW_LIMIT), " " * 6, style="dim")
    for advice in block.advice:
        sentence(console, f"→ {advice}")


AUDIT = ReportWriter(_write, nothing)
