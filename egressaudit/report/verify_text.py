"""The report for a person: the verdict, its reason, the cause and what to do; below it, with `verbose`, the evidence.

Of several hosts or sources, one line that says all and the matrix come first (`verify_matrix`), and then the verdicts
that are not PASS; with `verbose`, all of them. One host fits on a screen of 24 rows. Where more is printed, the last
line says the first one again.

In: a `VerifyReport`. Out: text, e.g. with the first line `FAIL  http://docs.redhat.com/  direct`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from rich.console import Console
from rich.text import Text

from egressaudit.model import Outcome, Verdict, VerifyReport
from egressaudit.report.bypass_text import print_battery
from egressaudit.report.bypass_words import ways_words
from egressaudit.report.cause_words import cause_words, told_apart
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, nothing, trimmed
from egressaudit.report.verify_evidence import (
    evidence_words,
    print_accounts,
    print_evidence,
    print_field,
    print_sentence,
)
from egressaudit.report.verify_matrix import STYLES, is_matrix, print_answer, print_matrix, print_unprobed
from egressaudit.report.wording import difference_lines, expectation_words, views_of

_WIDTH = 100
_EVIDENCE = frozenset({"not", "others", "follows"})
"""Sentences that belong to the evidence: what was ruled out, whom the fix concerns too, which probe came before."""
_NOTES = 1
"""Notes on a screen, which has no room for more; with `-v` all of them, and JSON has them too."""


def _write(report: VerifyReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (40 or more); raw log lines are folded, never cut silently."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH)
    many = is_matrix(report)
    if many:
        print_answer(console, report)
        print_matrix(console, report)
        print_unprobed(console, report)
    elif len(report.verdicts) > 1 or report.bypass:
        console.print(_headline(report))
        console.print()
    _print_verdicts(console, report, many=many, verbose=screen.verbose)
    for battery in report.bypass:
        print_battery(console, battery, verbose=screen.verbose)
    if screen.verbose:
        print_accounts(console, report)
    notes = report.notes if screen.verbose else report.notes[:_NOTES]
    for note in notes:
        console.print(Text(f"note: {printable(note)}", style="dim"))
    if not screen.verbose:
        console.print(Text(evidence_words(report, len(report.notes) - len(notes)), style="dim"))
    if many:
        console.print()
        print_answer(console, report)
    elif screen.verbose or report.bypass:
        console.print()
        console.print(_headline(report))
    stream.write(trimmed(out))


def _print_verdicts(console: Console, report: VerifyReport, *, many: bool, verbose: bool) -> None:
    for verdict in report.verdicts:
        if verbose or verdict.outcome is not Outcome.PASS or len(report.verdicts) == 1:
            _print_verdict(console, verdict, report, many=many, verbose=verbose)
        elif not many:
            console.print(_title(verdict, many=False), end="\n\n" if verdict is report.verdicts[-1] else "\n")


def _headline(report: VerifyReport) -> Text:
    """The outcome of one host in one line, which is the last line of a report that is longer than a screen."""
    if len(report.verdicts) == 1 and not report.bypass:
        return _title(report.verdicts[0], many=False)
    said = "; ".join((*_verdict_words(report), *ways_words(report.bypass)))
    title = Text(report.outcome.value, style=STYLES[report.outcome])
    return title.append(f"  {printable(said)}", style="bold")


def _verdict_words(report: VerifyReport) -> Iterator[str]:
    if not report.verdicts:
        return
    first, outcomes = report.verdicts[0], [each.outcome for each in report.verdicts]
    if len(outcomes) == 1:
        yield f"{first.flow.probe.target}  {first.outcome.value} {first.path_seen}"
        return
    counts = ", ".join(f"{outcomes.count(each)} {each.value}" for each in Outcome if each in outcomes)
    yield f"{first.flow.probe.target} and where it redirects to: {counts}"


def _print_verdict(console: Console, verdict: Verdict, report: VerifyReport, *, many: bool, verbose: bool) -> None:
    console.print(_title(verdict, many=many))
    print_sentence(console, verdict.reason)
    console.print()
    beside: list[tuple[str, str]] = []
    for label, sentence in _facts(verdict):
        if label in _EVIDENCE:
            beside.append((label, sentence))
        else:
            print_field(console, label, sentence)
    advice = (*told_apart(verdict.advice, verdict.causes), *difference_lines(views_of(report, verdict)))
    if advice:
        console.print()
        for each in advice:
            print_sentence(console, f"→ {each}")
    if verbose:
        print_evidence(console, verdict, report, beside)
    console.print()


def _title(verdict: Verdict, *, many: bool) -> Text:
    probe = verdict.flow.probe
    title = Text(verdict.outcome.value, style=STYLES[verdict.outcome])
    title.append(f"  {printable(str(probe.target))}  {verdict.path_seen}", style="bold")
    if many:
        title.append(f"  from {printable(str(probe.source))}")
    return title


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What was found and expected, each with its label."""
    yield from cause_words(verdict.causes)
    if verdict.waived is not None:
        yield "waived", f"until {verdict.waived.expires}: {verdict.waived.reason}"
    yield "expected", expectation_words(verdict.expectation)
    if verdict.flow.probe.redirected_from:
        yield "follows", "the redirect from the previous probe"


VERIFY = ReportWriter(_write, nothing)
