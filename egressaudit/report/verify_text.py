"""The report for a person: the verdict first, then the chain hop by hop, then the raw lines that prove it."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.model import Expectation, Hop, Outcome, Reporter, Verdict, VerifyReport
from egressaudit.report.safe import printable

_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow"}

_RAW_LIMIT = 2000
"""Characters of one raw line shown here; `-o json` has them all."""


def render_text(report: VerifyReport, *, color: bool, width: int) -> str:
    """The report as text of at most `width` columns (raw log lines are wrapped); ANSI colours only on request."""
    out = StringIO()
    console = Console(
        file=out, force_terminal=color, no_color=not color, width=width, highlight=False, legacy_windows=False
    )
    for verdict in report.verdicts:
        _print_verdict(console, verdict)
    _print_lines(console, report)
    for sentence in report.trusted:
        console.print(Text(f"trusted: {printable(sentence)}", style="dim"))
    for note in report.notes:
        console.print(Text(f"note: {printable(note)}", style="dim"))
    # rich fills wrapped lines with blanks up to the width.
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def evidence_lines(verdict: Verdict) -> Iterator[str]:
    """The chain and its raw lines as plain text, for reports that hold evidence inside another format."""
    yield printable(verdict.reason)
    yield f"expected: {printable(_expected(verdict.expectation))}; seen: {verdict.path_seen}"
    for hop in verdict.flow.hops:
        yield printable(f"{hop.reporter} {hop.line.source}:{hop.line.number}")
        yield f"  {printable(hop.line.text, _RAW_LIMIT)}"
    for hop in verdict.flow.unclean:
        yield printable(f"not clean: {hop.line.source}:{hop.line.number}")
        yield f"  {printable(hop.line.text, _RAW_LIMIT)}"
    for advice in verdict.advice:
        yield printable(advice)


def _print_verdict(console: Console, verdict: Verdict) -> None:
    probe = verdict.flow.probe
    title = Text(verdict.outcome.value, style=_STYLE[verdict.outcome])
    title.append(f"  {printable(str(probe.target))}  {verdict.path_seen}", style="bold")
    console.print(title)
    _print(console, verdict.reason)
    console.print()
    _field(console, "expected", _expected(verdict.expectation))
    if verdict.expectation.because:
        _field(console, "because", ", ".join(verdict.expectation.because))
    if probe.redirected_from:
        _field(console, "follows", "the redirect of the probe before")
    _field(console, "probe", _curl(verdict))
    for number, hop in enumerate(verdict.flow.hops, start=1):
        _field(console, f"hop {number}", _hop(hop))
    if verdict.flow.hops:
        _raw(console, "proof", verdict.flow.hops)
    if verdict.flow.unclean:
        _raw(console, "not clean, proves nothing", verdict.flow.unclean)
    if verdict.advice:
        console.print()
        for advice in verdict.advice:
            _print(console, f"→ {advice}")
    console.print()


def _expected(expectation: Expectation) -> str:
    return f"{expectation.path} {expectation.via}" if expectation.via else str(expectation.path)


def _curl(verdict: Verdict) -> str:
    probe = verdict.flow.probe
    result = probe.result
    said = "no word from curl" if result.exit_code is None else f"curl exit {result.exit_code}"
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
    return printable(f"{hop.reporter} {hop.line.source.namespace}/{hop.line.source.pod}: {said}", _RAW_LIMIT)


def _raw(console: Console, title: str, hops: tuple[Hop, ...]) -> None:
    console.print()
    console.print(Padding(Text(title, style="bold"), (0, 0, 0, 2)))
    for hop in hops:
        where = printable(f"{hop.line.source}:{hop.line.number}")
        console.print(Padding(Text(where, style="cyan"), (0, 0, 0, 2)))
        console.print(Padding(Text(printable(hop.line.text, _RAW_LIMIT), style="dim"), (0, 0, 0, 4)))


def _print_lines(console: Console, report: VerifyReport) -> None:
    """Every line is accounted for: access + other + unparsed = read."""
    for source, count in sorted(report.lines.items()):
        reporter = report.reporters.get(source)
        shares = f"{count.access} access ({count.unclean} not clean) + {count.other} other + {count.unparsed} unparsed"
        name = printable(str(source))
        console.print(Text(f"read {name} ({reporter or 'unknown'}): {count.read} lines = {shares}", style="dim"))


def _field(console: Console, name: str, value: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(printable(value)))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _print(console: Console, text: str) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, 2)))
