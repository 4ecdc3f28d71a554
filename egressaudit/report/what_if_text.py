"""What another policy would make of past flows, for a person: who would break first, and the outcome last.

In: a `WhatIfReport`. Out: text, e.g. a block `WOULD BREAK (1)` with a workload, where its flows went, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap
from typing import BinaryIO

from egressaudit.model.what_if import WhatIfReport, WhatIfRow, WouldBe
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, nothing
from egressaudit.report.what_if_words import TITLES, verdicts, what_if_line, what_if_place
from egressaudit.report.wording import counted
from egressaudit.times import rfc3339

MAX_ROWS = 500
"""Flows of one kind that a person is shown; JSON has all."""
_WIDTH = 100


def _write(report: WhatIfReport, out: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width."""
    width = screen.width or _WIDTH
    for line in _lines(report):
        indent = " " * (len(line) - len(line.lstrip()))
        folded = wrap(printable(line.strip()), width - len(indent), break_on_hyphens=False) or [""]
        out.write("".join(f"{indent}{each}\n" for each in folded).encode())


def _lines(report: WhatIfReport) -> Iterator[str]:
    window = report.window
    yield "WHAT IF"
    yield f"  policy   {report.policy} (SHA-256 {report.policy_digest})"
    span = f"{rfc3339(window.start)} to {rfc3339(window.end)}"
    yield f"  history  {report.history}: {counted(report.runs, 'run')}, {span}"
    for would, title in TITLES.items():
        rows = [each for each in report.rows if each.would is would]
        yield ""
        yield f"{title} ({len(rows) or 'none'})"
        yield from _rows(rows[:MAX_ROWS])
        if len(rows) > MAX_ROWS:
            yield f"  and {len(rows) - MAX_ROWS} more, all in -o json"
    same = sum(each.would is WouldBe.SAME for each in report.rows)
    yield ""
    yield f"{counted(same, 'more group')} of flows would get the same verdict as before."
    if report.incomplete:
        yield f"{counted(report.incomplete, 'run')} had gaps in their evidence, which judging again cannot close."
    for note in report.notes:
        yield f"note: {note}"
    yield ""
    yield what_if_line(report)


def _rows(rows: list[WhatIfRow]) -> Iterator[str]:
    for subject, flows in groupby(rows, key=lambda each: each.subject):
        yield f"  {subject}"
        for each in flows:
            seen = f"{counted(each.flows, 'flow')}, {rfc3339(each.first)} to {rfc3339(each.last)}"
            yield f"    {what_if_place(each)}: {verdicts(each)}"
            yield f"      {each.because}; rule {each.rule or '(none)'}; {seen}"


WHAT_IF = ReportWriter(_write, nothing)
