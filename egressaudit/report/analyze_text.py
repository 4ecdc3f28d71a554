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

from egressaudit.judge.network_words import network_view_words
from egressaudit.mesh.programmed.step_differences import step_words
from egressaudit.model import Outcome
from egressaudit.model.analysis import AnalyzeReport, DeclaredWay, Effect, FoundFault, HopLogging, LiveFindings, Logged
from egressaudit.report.analyze_words import (
    EFFECTS,
    NOTHING,
    hit_words,
    hops_of,
    named,
    place_of,
    summary_line,
)
from egressaudit.report.identity_words import identity_facts
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable, printable_lines
from egressaudit.report.screen import Screen, console_for, flat, nothing, trimmed
from egressaudit.report.wording import counted

_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow"}
_EFFECT_STYLE = {Effect.AROUND: "bold red"}
_ORDER = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
_MOST, _WAYS, _BLOCKS, _FAULTS = 8, 6, 50, 50
"""How many names a list has, ways a host, and how many hosts and faults there are; JSON has all."""
_FEW = 2
"""Commands that a permission is for; what more of them need is for all."""
_WIDTH = 100


def _write(report: AnalyzeReport, stream: BinaryIO, screen: Screen) -> None:
    """Text of at most the screen's width (40 or more)."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH)
    _print_hosts(console, _by_host(report.ways))
    _print_faults(console, report.faults)
    _print_hops(console, report)
    if report.network:
        _title(console, "NETWORK")
        for view in report.network:
            _print(console, network_view_words(view, _MOST))
        console.print()
    if report.live is not None:
        _print_installed(console, report.live)
        _print_permissions(console, report.live)
    for each in report.programmed or ():
        _title(console, "PROGRAMMED")
        _print(console, f"{each.proxy}: {each.host} is declared as {each.declared}, and it has {each.programmed}")
        _print(console, each.reason)
    for sentence in report.undecided:
        console.print(Text(f"not decided: {printable(sentence)}", style="yellow"))
    for note in report.notes:
        console.print(Text(f"note: {printable(note)}", style="dim"))
    for label, said in identity_facts(report):
        console.print(Text(f"{label}: {said}", style="dim"))
    console.print(Text(summary_line(report), style=_STYLE[report.outcome]))
    stream.write(trimmed(out))


Ways = tuple[DeclaredWay, ...]


def _by_host(ways: Iterable[DeclaredWay]) -> list[tuple[list[str], Ways]]:
    """Hosts with their ways, the worst first; hosts whose ways are the same together."""
    hosts: dict[str, list[DeclaredWay]] = {}
    for way in ways:
        hosts.setdefault(place_of(way), []).append(way)
    found: dict[object, tuple[list[str], Ways]] = {}
    for place, own in hosts.items():
        ordered = tuple(sorted(own, key=_badness))
        key = tuple((way.outcome, way.path, way.sources, way.via, way.passing, way.found) for way in ordered)
        found.setdefault(key, ([], ordered))[0].append(place)
    return sorted(found.values(), key=lambda each: _badness(each[1][0]))


def _badness(way: DeclaredWay) -> tuple[int, bool]:
    return _ORDER.index(way.outcome), way.path is None


def _print_hosts(console: Console, hosts: Sequence[tuple[list[str], Ways]]) -> None:
    for places, ways in hosts[:_BLOCKS]:
        _print_ways(console, places, ways)
    if more := sum(len(places) for places, _ in hosts[_BLOCKS:]):
        _print(console, f"and {counted(more, 'host')} more: -o json has all")
        console.print()


def _print_ways(console: Console, places: Sequence[str], ways: Ways) -> None:
    outcome = ways[0].outcome
    title = Text(outcome.value, style=_STYLE[outcome])
    title.append(f"  {printable(places[0] if len(places) == 1 else counted(len(places), 'host'))}", style="bold")
    title.append("" if any(each.path for each in ways) else f"  {NOTHING}", style="bold")
    console.print(title)
    if len(places) > 1:
        _field(console, "hosts", named(places, _MOST))
    for way in ways[:_WAYS]:
        _print_way(console, way, places[0] if len(places) == 1 else "each host")
    if len(places) == 1:
        for because in dict.fromkeys(way.because for way in ways[:_WAYS] if way.because):
            _field(console, "because", ", ".join(because))
    if len(ways) > _WAYS:
        _field(console, "", f"and {len(ways) - _WAYS} more groups of sources: -o json has all")
    console.print()


def _print_way(console: Console, way: DeclaredWay, host: str) -> None:
    steps = (named(way.sources, _MOST), *hops_of(way), host if way.path else NOTHING)
    faults = f" (fault {', '.join(str(each + 1) for each in way.found)})" if way.found else ""
    _field(console, "way", f"{way.outcome}: {' → '.join(steps)}{faults}")
    for step in way.way.steps if way.way is not None else ():
        _field(console, "step", f"{step.reporter.noun} {step.proxy}: {step_words(step)}")


def _print_faults(console: Console, faults: Sequence[FoundFault]) -> None:
    if not faults:
        return
    _title(console, "FAULTS")
    for number, found in enumerate(faults[:_FAULTS], start=1):
        head = Text(f"  {number:<3}{printable(found.fault.slug)} ({printable(found.code)})", style="bold")
        head.append(f"  {EFFECTS[found.effect]}", style=_EFFECT_STYLE.get(found.effect, "yellow"))
        console.print(head)
        _print(console, found.fault.message, left=5)
        if found.fault.objects:
            field = f" {found.fault.field}" if found.fault.field else ""
            at = f"  {found.written}" if found.written is not None else ""
            _print(console, f"at   {found.fault.objects[0]}{field}{at}", left=5)
        _print(console, f"hits {hit_words(found, _MOST)}", left=5)
        for fix in found.fixes[:1]:
            _print(console, f"change: {fix.title}{f': {fix.patch}' if fix.patch else ''}", left=5)
            for sentence in fix.affects:
                _print(console, f"others {sentence}", left=5)
    if len(faults) > _FAULTS:
        _print(console, f"and {counted(len(faults) - _FAULTS, 'fault')} more: -o json has all")
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
        case Logged.ALL:
            return f"logs everything to {to or 'standard output'}"
        case Logged.SOME:
            return f"logs some of it to {to}"
        case Logged.NOTHING:
            return "writes no access log that can be read" + (f", but to {to}" if to else "")
        case _:
            return "not known"


def _print_installed(console: Console, live: LiveFindings) -> None:
    _title(console, "INSTALLED")
    if not live.control_planes:
        _print(console, "no istiod was found among the Deployments")
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


def _print_permissions(console: Console, live: LiveFindings) -> None:
    _title(console, "PERMISSIONS")
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("", "verb", "resource", "where", "for"):
        table.add_column(heading, overflow="fold")
    for each in live.permissions:
        answer = {True: Text("yes", "green"), False: Text("NO", "bold red"), None: Text("?", "yellow")}[each.allowed]
        resource = ".".join(filter(None, (each.resource, each.group))) + (f" {each.name}" if each.name else "")
        where = each.namespace or "cluster"
        commands = "everything" if len(each.commands) > _FEW else ", ".join(each.commands)
        table.add_row(answer, *(Text(printable(cell)) for cell in (each.verb, resource, where, commands)))
    console.print(table)
    for each in live.permissions:
        if each.allowed is False and each.without:
            _print(console, f"without {each.verb} {each.resource}: {each.without}")
    if live.grant:
        _print(console, "A cluster administrator can grant what is missing:")
        console.print(Padding(Text(printable_lines(live.grant)), (0, 0, 0, 4), expand=False))
    console.print()


def _title(console: Console, title: str) -> None:
    console.print(Text(title, style="bold"))


def _field(console: Console, name: str, value: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(flat(value)))
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def _print(console: Console, text: str, left: int = 2) -> None:
    console.print(Padding(Text(flat(text)), (0, 0, 0, left), expand=False))


ANALYZE = ReportWriter(_write, nothing)
