"""The bypass battery for a person: its outcome, then every attempt, open ways first.

In: a `BypassReport`. Out: lines such as `open  EB01 address: the host's address instead of its name`, and the log line
that decides.
"""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.model import Attempted, BypassReport, BypassStanding
from egressaudit.report.bypass_words import attempt_lines, bypass_sentence, sorted_attempts
from egressaudit.report.safe import printable
from egressaudit.report.screen import flat
from egressaudit.report.verify_matrix import STYLES
from egressaudit.report.wording import RAW_LIMIT

_STANDING = {
    BypassStanding.OPEN: "bold red",
    BypassStanding.NOT_PROVABLE: "bold yellow",
    BypassStanding.CLOSED: "bold green",
    BypassStanding.NOT_TRIED: "dim",
}
_TELLING = frozenset({BypassStanding.OPEN, BypassStanding.NOT_PROVABLE})
_BRIEF = frozenset({"because", "→"})
"""The reason and what to do; the rest is evidence."""
_LABEL = 9
_INDENT = 4


def print_headline(console: Console, report: BypassReport) -> None:
    """The outcome of the battery in one line."""
    title = Text(report.outcome.value, style=STYLES[report.outcome])
    title.append(f"  {printable(str(report.target))}  {printable(bypass_sentence(report))}", style="bold")
    console.print(title)


def print_battery(console: Console, report: BypassReport, *, verbose: bool) -> None:
    """Every attempt. Those that are open or not provable have their reason; with `verbose`, all have their evidence."""
    print_headline(console, report)
    for each in sorted_attempts(report):
        head = Text(f"  {each.standing.value}", style=_STANDING[each.standing])
        head.append(f"  {each.code} {each.name}: {printable(each.title)}")
        console.print(head)
        for label, sentence in attempt_lines(each):
            if verbose or (each.standing in _TELLING and label in _BRIEF):
                _field(console, label, sentence)
        if verbose:
            _print_line(console, each)
    console.print()


def _print_line(console: Console, attempt: Attempted) -> None:
    """The line that decides: the last one of the chain."""
    verdict = attempt.verdict
    if verdict is None or not verdict.flow.hops or attempt.standing is BypassStanding.NOT_TRIED:
        return
    last = verdict.flow.hops[-1]
    _field(console, "line", f"{last.line.source}:{last.line.number}")
    raw = Text(flat(last.line.text, RAW_LIMIT), style="dim")
    console.print(Padding(raw, (0, 0, 0, _INDENT + _LABEL + 1), expand=False))


def _field(console: Console, name: str, value: str) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(name, style="bold"), Text(flat(value)))
    console.print(Padding(grid, (0, 0, 0, _INDENT), expand=False))
