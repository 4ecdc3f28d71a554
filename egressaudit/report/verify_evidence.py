"""The evidence of a verdict for a person: what was ruled out, the hops, their raw lines, what the proxies have.

In: a `Verdict` and its `VerifyReport`. Out: lines of text below the verdict, e.g. `hop 1     sidecar curl/curl-1: ...`.
Without `-v` one line stands for all of it: `evidence: 2 lines of 2 logs, 4 lines read; -v shows it`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.judge.network_words import network_view_words
from egressaudit.model import Hop, ProxyView, Reporter, Verdict, VerifyReport
from egressaudit.report.identity_words import identity_facts
from egressaudit.report.safe import printable
from egressaudit.report.screen import flat
from egressaudit.report.wording import RAW_LIMIT, counted, proxy_name, shares, views_of

_VIEW = 10
_MOST = 3
"""Endpoints of a cluster that are shown; JSON has them all."""


def print_evidence(console: Console, verdict: Verdict, report: VerifyReport, beside: Sequence[tuple[str, str]]) -> None:
    """All that proves a verdict; `beside` are sentences on its causes that belong here, each with its label."""
    console.print()
    for label, sentence in (*beside, *_circumstances(verdict)):
        print_field(console, label, sentence)
    for number, hop in enumerate(verdict.flow.hops, start=1):
        print_field(console, f"hop {number}", _hop(hop))
    if verdict.flow.hops:
        _raw(console, "proof", verdict.flow.hops)
    if verdict.flow.unclean:
        _raw(console, "not clean, proves nothing", verdict.flow.unclean)
    for view in views_of(report, verdict):
        _view(console, view)


def print_accounts(console: Console, report: VerifyReport) -> None:
    """What became of every line, what the network enforces, who is trusted, and what the report was made from."""
    for source, count in sorted(report.lines.items()):
        # Every line is accounted for: access + other + unparsed = read.
        reporter = report.reporters.get(source)
        name = printable(str(source))
        said = f"read {name} ({reporter or 'unknown'}): {count.read} lines = {shares(count)}"
        console.print(Text(said, style="dim"))
    for view in report.network:
        console.print(Text(f"network: {printable(network_view_words(view, _MOST))}", style="dim"))
    for sentence in report.trusted:
        console.print(Text(f"trusted: {printable(sentence)}", style="dim"))
    for label, said in identity_facts(report):
        console.print(Text(f"{label}: {said}", style="dim"))


def evidence_words(report: VerifyReport, notes: int = 0) -> str:
    """How much evidence there is, for who does not ask for all of it; also how many notes are not shown."""
    lines = {hop.line for verdict in report.verdicts for hop in (*verdict.flow.hops, *verdict.flow.unclean)}
    read = sum(count.read for count in report.lines.values())
    logs = counted(len({line.source for line in lines}), "log")
    found = f"{counted(len(lines), 'line')} of {logs}" if lines else "no line"
    more = f", {counted(notes, 'more note')}" if notes else ""
    return f"evidence: {found}, {counted(read, 'line')} read{more}; -v shows it"


def print_field(console: Console, name: str, value: str, width: int = 9) -> None:
    """A label and its sentence beside it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(flat(value)))
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def print_sentence(console: Console, text: str) -> None:
    """A sentence below a title."""
    console.print(Padding(Text(flat(text)), (0, 0, 0, 2), expand=False))


def _circumstances(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.expectation.because:
        yield "because", ", ".join(verdict.expectation.because)
    yield "probe", _curl(verdict)


def _view(console: Console, view: ProxyView) -> None:
    """What a proxy was told three times: by the objects, by its own configuration, by its line."""
    # Import here: proxies are asked only if a verdict is not PASS.
    from egressaudit.mesh.programmed.step_differences import step_words

    asked = view.asked
    console.print()
    print_sentence(console, f"{proxy_name(view)}, asked for its own configuration")
    if asked.step is None:
        print_sentence(console, f"it could not be asked: {asked.error}")
        return
    rows = [
        ("declared", step_words(view.declared) if view.declared else "the objects do not say it"),
        ("programmed", step_words(asked.step)),
        *(("endpoints", each) for each in _endpoints(view)),
        ("observed", _observed(view)),
    ]
    for name, said in rows:
        print_field(console, name, said, _VIEW)


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
    console.print(Padding(Text(title, style="bold"), (0, 0, 0, 2), expand=False))
    for hop in hops:
        where = printable(f"{hop.line.source}:{hop.line.number}")
        console.print(Padding(Text(where, style="cyan"), (0, 0, 0, 2), expand=False))
        line = Text(flat(hop.line.text, RAW_LIMIT), style="dim")
        console.print(Padding(line, (0, 0, 0, 4), expand=False))
