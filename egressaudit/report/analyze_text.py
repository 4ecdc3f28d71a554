"""What is declared, for a person: hosts that go wrong first, then each fault once, the hops, and the outcome last.

In: an `AnalyzeReport`. Out: text, e.g. with the first line `FAIL  docs.redhat.com:80`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import BinaryIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.model import AnalyzeReport, DeclaredWay, Effect, FoundFault, HopLogging, LiveFindings, Outcome
from egressaudit.report.analyze_words import EFFECTS, NOTHING, hit_words, hops_of, named, place_of, summary_line
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, nothing, trimmed
from egressaudit.report.wording import counted

_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow"}
_EFFECT_STYLE = {Effect.AROUND: "bold red"}
_ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
_MOST = 12
"""Names in a list; JSON has them all."""
_WIDTH = 100
_NARROWEST = 80


def _write(report: AnalyzeReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (80 or more)."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH, narrowest=_NARROWEST)
    for ways in _alike(report.ways):
        _print_ways(console, ways)
    _print_faults(console, report.faults)
    _print_hops(console, report)
    if report.live is not None:
        _print_live(console, report.live)
    for each in report.programmed or ():
        _title(console, "PROGRAMMED")
        _print(console, f"{each.proxy}: {each.host} is declared as {each.declared}, and it has {each.programmed}")
        _print(console, each.reason)
    for sentence in report.undecided:
        console.print(Text(f"not decided: {printable(sentence)}", style="yellow"))
    for note in report.notes:
        console.print(Text(f"note: {printable(note)}", style="dim"))
    console.print(Text(summary_line(report), style=_STYLE[report.outcome]))
    stream.write(trimmed(out))


def _alike(ways: Iterable[DeclaredWay]) -> list[list[DeclaredWay]]:
    """The ways in sets that differ in the host alone, the worst first."""
    found: dict[object, list[DeclaredWay]] = {}
    for way in ways:
        because = way.because if way.outcome is not Outcome.PASS else ()
        key = (_ORDER.index(way.outcome), way.path is None, way.sources, way.via, way.passing, way.found, because)
        found.setdefault(key, []).append(way)
    return sorted(found.values(), key=lambda each: (_ORDER.index(each[0].outcome), each[0].path is None))


def _print_ways(console: Console, ways: Sequence[DeclaredWay]) -> None:
    way, places = ways[0], [place_of(each) for each in ways]
    title = Text(way.outcome.value, style=_STYLE[way.outcome])
    title.append(f"  {printable(places[0] if len(places) == 1 else counted(len(places), 'host'))}", style="bold")
    title.append("" if way.path else f"  {NOTHING}", style="bold")
    console.print(title)
    if len(places) > 1:
        _field(console, "hosts", named(places, _MOST))
    if way.path is None:
        _field(console, "from", named(way.sources, _MOST))
    else:
        host = places[0] if len(places) == 1 else "each host"
        _field(console, "way", " → ".join((named(way.sources, _MOST), *hops_of(way), host)))
    if way.because and len(ways) == 1:
        _field(console, "because", ", ".join(way.because))
    if way.found:
        _field(console, "faults", ", ".join(str(each + 1) for each in way.found))
    for step in way.way.steps if way.way is not None and len(ways) == 1 else ():
        rules = (f"{choice.act} by {choice.rule}" if choice.rule else str(choice.act) for choice in step.choices)
        _field(console, "step", f"{step.reporter} {step.proxy}: {'; '.join(rules)}")
    console.print()


def _print_faults(console: Console, faults: Sequence[FoundFault]) -> None:
    if not faults:
        return
    _title(console, "FAULTS")
    for number, found in enumerate(faults, start=1):
        head = Text(f"  {number:<3}{printable(found.fault.slug)} ({printable(found.code)})", style="bold")
        head.append(f"  {EFFECTS[found.effect]}", style=_EFFECT_STYLE.get(found.effect, "yellow"))
        console.print(head)
        _print(console, found.fault.message, left=5)
        if found.fault.objects:
            field = f" {found.fault.field}" if found.fault.field else ""
            at = f"  {found.written}" if found.written is not None else ""
            _print(console, f"at   {found.fault.objects[0]}{field}{at}", left=5)
        _print(console, f"hits {hit_words(found, _MOST)}", left=5)
    console.print()


def _print_hops(console: Console, report: AnalyzeReport) -> None:
    """Each hop's access log, those that log alike in one line; then the gateways and waypoints."""
    alike: dict[object, list[HopLogging]] = {}
    for hop in report.logging:
        outputs = tuple((each.where, each.encoding, each.read) for each in hop.outputs)
        alike.setdefault((hop.reporter, hop.writes, outputs, hop.reasons), []).append(hop)
    if alike:
        _title(console, "ACCESS LOGS")
    for hops in alike.values():
        hop = hops[0]
        who = named([each.proxy for each in hops], _MOST)
        _print(console, f"{hop.reporter.noun} {who}: {_logs(hop)}")
        for reason in hop.reasons:
            _print(console, reason, left=4)
    if report.proxies:
        _title(console, "GATEWAYS AND WAYPOINTS")
    for each in report.proxies:
        said = [f"class {each.gateway_class}, Programmed {each.programmed}"] if each.gateway_class else []
        said.append(counted(each.ready, "ready pod"))
        said += [f"version {', '.join(each.versions)}"] if each.versions else []
        _print(console, f"{each.kind.noun} {each.name}: {', '.join(said)}")
        if each.reason:
            _print(console, each.reason, left=4)
    console.print()


def _logs(hop: HopLogging) -> str:
    to = ", ".join(f"{each.where}{f' as {each.encoding}' if each.encoding else ''}" for each in hop.outputs)
    match hop.writes:
        case "all":
            return f"logs everything to {to or 'standard output'}"
        case "some":
            return f"logs some of it to {to}"
        case "nothing":
            return "writes no access log that can be read" + (f", but to {to}" if to else "")
        case _:
            return "not known"


def _print_live(console: Console, live: LiveFindings) -> None:
    _title(console, "INSTALLED")
    for plane in live.control_planes:
        state = "ready" if plane.ready else "NOT READY"
        revision = f"revision {plane.revision}, " if plane.revision else ""
        _print(console, f"istiod {plane.name}: {revision}version {plane.version or 'unknown'}, {state}")
    for one in live.operator:
        place = f" in {one.namespace}" if one.namespace else ""
        _print(console, f"{one.kind} {one.name}{place}: {one.version or 'no version'}, {one.state or 'no state'}")
        if one.reason:
            _print(console, one.reason, left=4)
    for api in live.apis:
        _print(console, f"{api.group} ({', '.join(api.versions)}): {', '.join(api.kinds) or 'no kinds'}")
    console.print()
    _title(console, "PERMISSIONS")
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("", "verb", "resource", "where", "for"):
        table.add_column(heading, overflow="fold")
    for each in live.permissions:
        answer = {True: Text("yes", "green"), False: Text("NO", "bold red"), None: Text("?", "yellow")}[each.allowed]
        resource = ".".join(filter(None, (each.resource, each.group))) + (f" {each.name}" if each.name else "")
        where, commands = each.namespace or "cluster", ", ".join(each.commands)
        table.add_row(answer, *(Text(printable(cell)) for cell in (each.verb, resource, where, commands)))
    console.print(table)
    for each in live.permissions:
        if each.allowed is False and each.without:
            _print(console, f"without {each.verb} {each.resource}: {each.without}")
    if live.grant:
        _print(console, "A cluster administrator can grant what is missing:")
        console.print(Padding(Text(printable_lines(live.grant)), (0, 0, 0, 4)))
    console.print()


def printable_lines(text: str) -> str:
    """Text of several lines, each made harmless."""
    return "\n".join(map(printable, text.split("\n")))


def _title(console: Console, title: str) -> None:
    console.print(Text(title, style="bold"))


def _field(console: Console, name: str, value: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(printable(value)))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _print(console: Console, text: str, left: int = 2) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, left)))


ANALYZE = ReportWriter(_write, nothing)
