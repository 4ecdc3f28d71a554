"""The report for a person: the verdict first, then the chain hop by hop, then the raw lines that prove it.

Of several hosts or sources, one line that says all and the matrix come first (`verify_matrix`), and then the verdicts
that are not PASS; with `verbose`, all of them.

In: a `VerifyReport`. Out: text, e.g. with the first line `FAIL  http://docs.redhat.com/  direct`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.judge.network_words import network_view_words
from egressaudit.model import Hop, Outcome, ProxyView, Reporter, Verdict, VerifyReport
from egressaudit.report.bypass_text import print_battery, print_headline
from egressaudit.report.cause_words import cause_words, told_apart
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, nothing, trimmed
from egressaudit.report.verify_matrix import STYLES, is_matrix, print_answer, print_matrix, print_unprobed
from egressaudit.report.wording import RAW_LIMIT, difference_lines, expectation_words, proxy_name, shares, views_of

_WIDTH = 100
_NARROWEST = 80
_VIEW = 10
_MOST = 3
"""Endpoints of a cluster that are shown; JSON has them all."""


def _write(report: VerifyReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (80 or more); raw log lines are wrapped."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH, narrowest=_NARROWEST)
    many = is_matrix(report)
    if many:
        print_answer(console, report)
        print_matrix(console, report)
        print_unprobed(console, report)
    elif report.bypass:
        _print_headlines(console, report)
        console.print()
    for verdict in report.verdicts:
        if not many or screen.verbose or verdict.outcome is not Outcome.PASS:
            _print_verdict(console, verdict, report, many=many)
    for battery in report.bypass:
        print_battery(console, battery)
    _print_lines(console, report)
    _print_remarks(console, report)
    if many:
        print_answer(console, report)
    elif report.bypass:
        _print_headlines(console, report)
    stream.write(trimmed(out))


def _print_remarks(console: Console, report: VerifyReport) -> None:
    for name, sentences in (
        ("network", [network_view_words(view, _MOST) for view in report.network]),
        ("trusted", report.trusted),
        ("note", report.notes),
    ):
        for sentence in sentences:
            console.print(Text(f"{name}: {printable(sentence)}", style="dim"))


def _print_verdict(console: Console, verdict: Verdict, report: VerifyReport, *, many: bool) -> None:
    console.print(_title(verdict, many=many))
    _print(console, verdict.reason)
    console.print()
    for label, sentence in _facts(verdict):
        _field(console, label, sentence)
    for number, hop in enumerate(verdict.flow.hops, start=1):
        _field(console, f"hop {number}", _hop(hop))
    if verdict.flow.hops:
        _raw(console, "proof", verdict.flow.hops)
    if verdict.flow.unclean:
        _raw(console, "not clean, proves nothing", verdict.flow.unclean)
    views = views_of(report, verdict)
    for view in views:
        _view(console, view)
    advice = (*told_apart(verdict.advice, verdict.causes), *difference_lines(views))
    if advice:
        console.print()
        for each in advice:
            _print(console, f"→ {each}")
    console.print()


def _print_headlines(console: Console, report: VerifyReport) -> None:
    for battery in report.bypass:
        print_headline(console, battery)


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
    if verdict.expectation.because:
        yield "because", ", ".join(verdict.expectation.because)
    if verdict.flow.probe.redirected_from:
        yield "follows", "the redirect from the previous probe"
    yield "probe", _curl(verdict)


def _view(console: Console, view: ProxyView) -> None:
    """What a proxy was told three times: by the objects, by its own configuration, by its line."""
    # Import here: proxies are asked only if a verdict is not PASS.
    from egressaudit.mesh.programmed.step_differences import step_words

    asked = view.asked
    console.print()
    _print(console, f"{proxy_name(view)}, asked for its own configuration")
    if asked.step is None:
        _print(console, f"it could not be asked: {asked.error}")
        return
    rows = [
        ("declared", step_words(view.declared) if view.declared else "the objects do not say it"),
        ("programmed", step_words(asked.step)),
        *(("endpoints", each) for each in _endpoints(view)),
        ("observed", _observed(view)),
    ]
    for name, said in rows:
        _field(console, name, said, _VIEW)


def _endpoints(view: ProxyView) -> Iterator[str]:
    """The endpoints that the proxy has now for each cluster that it may take."""
    for name, found in view.asked.endpoints.items():
        if "|" in name:
            more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
            yield f"{', '.join(found[:_MOST]) or 'none'}{more}, of {name}"


def _observed(view: ProxyView) -> str:
    if view.observed is None:
        return "no line of it is about this probe"
    cluster, route = view.observed
    return f"{cluster or 'no cluster'}{f' (route {route})' if route else ''}"


def _curl(verdict: Verdict) -> str:
    probe = verdict.flow.probe
    result = probe.result
    said = "no result from curl" if result.exit_code is None else f"curl exit {result.exit_code}"
    if result.http_code:
        said += f", HTTP {result.http_code}"
    if result.error and result.exit_code:
        said += f", {printable(result.error)}"
    return f"{probe.source} ({probe.container}), socket {result.local_address or '-'}, {said}"


def _hop(hop: Hop) -> str:
    """One hop in one paragraph: who, address pair, cluster, code and flags."""
    if hop.reporter is Reporter.ZTUNNEL:
        pair = f"{hop.text('src_addr') or '-'} → {hop.text('dst_addr') or '-'}"
        inner = f" for {hop.text('dst_hbone_addr')}" if hop.text("dst_hbone_addr") else ""
        end = f", error {hop.text('error')}" if hop.text("error") else ""
        said = f"{pair}{inner}, service {hop.text('dst_service') or '-'}{end}"
    else:
        pair = f"{hop.text('downstream_remote_address') or '-'} → {hop.text('upstream_host') or '-'}"
        code = f"code {hop.get('response_code')}, flags {hop.text('response_flags') or '-'}"
        said = f"{pair}, {hop.text('upstream_cluster') or 'no cluster'}, {code}"
        if hop.text("response_code_details"):
            said += f", {hop.text('response_code_details')}"
    return printable(f"{hop.reporter} {hop.line.source.namespace}/{hop.line.source.pod}: {said}", RAW_LIMIT)


def _raw(console: Console, title: str, hops: tuple[Hop, ...]) -> None:
    console.print()
    console.print(Padding(Text(title, style="bold"), (0, 0, 0, 2)))
    for hop in hops:
        where = printable(f"{hop.line.source}:{hop.line.number}")
        console.print(Padding(Text(where, style="cyan"), (0, 0, 0, 2)))
        console.print(Padding(Text(printable(hop.line.text, RAW_LIMIT), style="dim"), (0, 0, 0, 4)))


def _print_lines(console: Console, report: VerifyReport) -> None:
    """Every line is accounted for: access + other + unparsed = read."""
    for source, count in sorted(report.lines.items()):
        reporter = report.reporters.get(source)
        name = printable(str(source))
        said = f"read {name} ({reporter or 'unknown'}): {count.read} lines = {shares(count)}"
        console.print(Text(said, style="dim"))


def _field(console: Console, name: str, value: str, width: int = 9) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(printable(value)))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _print(console: Console, text: str) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, 2)))


VERIFY = ReportWriter(_write, nothing)
