"""The matrix of a run of `verify` with several hosts or sources, for a person: its answer, and each host by source.

In: a `VerifyReport`. Out: lines of text. Example of the answer, which stands first and last:
`FAIL  2 hosts from 2 sources: 3 PASS, 1 FAIL`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from egressaudit.model import MatrixRow, Outcome, VerifyReport
from egressaudit.report.bypass_words import ways_words
from egressaudit.report.safe import printable
from egressaudit.report.wording import counted

STYLES = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INCONCLUSIVE: "bold yellow"}
_NOT_PROBED = "not probed"
_HOST = 60
"""Characters of a host in the matrix; the details have all of it."""
_GAP = 2


@dataclass(frozen=True, slots=True)
class _Shown:
    """What stands in one place of the matrix."""

    outcome: Outcome | None
    text: str


def is_matrix(report: VerifyReport) -> bool:
    """Whether there is more than one host from one source, or anything that was not probed."""
    rows = report.matrix
    return len(rows) > 1 or any(row.cell.reason for row in rows)


def print_answer(console: Console, report: VerifyReport) -> None:
    """The one line that says all: the outcome, and how many of each there are."""
    said = Text(report.outcome.value, style=STYLES[report.outcome])
    said.append(f"  {answer_words(report)}", style="bold")
    console.print(said)


def answer_words(report: VerifyReport) -> str:
    """`2 hosts from 2 sources: 3 PASS, 1 FAIL`."""
    rows = report.matrix
    hosts = counted(len({row.cell.asked for row in rows}), "host")
    sources = counted(len({row.cell.source for row in rows if row.cell.source}), "source")
    outcomes = Counter(_outcome_words(row) for row in rows)
    order = [*(each.value for each in Outcome), "FAIL waived", _NOT_PROBED]
    said = ", ".join(f"{outcomes[each]} {each}" for each in order if outcomes[each])
    policy = f", by policy {printable(report.policy)}" if report.policy else ""
    return "; ".join((f"{hosts} from {sources}{policy}: {said}", *ways_words(report.bypass)))


def _outcome_words(row: MatrixRow) -> str:
    if row.outcome is None:
        return _NOT_PROBED
    return "FAIL waived" if row.waived else row.outcome.value


def print_matrix(console: Console, report: VerifyReport) -> None:
    """Each host by source as a table; as a list if the screen is too narrow for all sources."""
    rows = report.matrix
    hosts = list(dict.fromkeys(row.cell.asked for row in rows))
    sources = list(dict.fromkeys(row.cell.source for row in rows if row.cell.source))
    # Two workloads may have one name: the worst of them is shown, for the place has room for one.
    cells = {(row.cell.asked, row.cell.source): _shown(row) for row in sorted(rows, key=_worst_last)}
    head = max((len(_host(each)) for each in hosts), default=0)
    widths = [max(len(printable(each)), *(len(_at(cells, host, each).text) for host in hosts)) for each in sources]
    console.print()
    if sources and head + sum(width + _GAP for width in widths) <= console.width:
        for line in _table(hosts, sources, cells, (head, *widths)):
            console.print(line, soft_wrap=True)
    else:
        for row in rows:
            shown = _shown(row)
            line = Text(shown.text, style=_style(shown))
            line.append(f"  {_host(row.cell.asked)}", style="")
            line.append(f"  from {printable(row.cell.source)}" if row.cell.source else "", style="")
            console.print(line)
    console.print()


def _worst_last(row: MatrixRow) -> int:
    """Where a row stands, if the worst comes last; what is waived is no worse than what passes."""
    order = (None, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL)
    return order.index(Outcome.PASS if row.waived else row.outcome)


def _table(
    hosts: Sequence[str],
    sources: Sequence[str],
    cells: dict[tuple[str, str], _Shown],
    widths: Sequence[int],
) -> Iterator[Text]:
    gap = " " * _GAP
    title = Text("".ljust(widths[0]), style="bold")
    for source, width in zip(sources, widths[1:], strict=True):
        title.append(f"{gap}{printable(source).ljust(width)}")
    yield title
    for host in hosts:
        line = Text(_host(host).ljust(widths[0]))
        for source, width in zip(sources, widths[1:], strict=True):
            shown = _at(cells, host, source)
            line.append(gap)
            line.append(shown.text.ljust(width), style=_style(shown))
        yield line


def _at(cells: dict[tuple[str, str], _Shown], host: str, source: str) -> _Shown:
    """What stands there; a host without sources was probed from none of them, and another source's rule is no cell."""
    return cells.get((host, source)) or cells.get((host, "")) or _Shown(None, "-")


def _host(text: str) -> str:
    return printable(text, _HOST)


def _style(shown: _Shown) -> str:
    return "dim" if shown.outcome is None else STYLES[shown.outcome]


def _shown(row: MatrixRow) -> _Shown:
    """`PASS via-gateway`, `FAIL direct EC26`, `not probed`."""
    if row.outcome is None:
        return _Shown(None, _NOT_PROBED)
    decisive = row.decisive
    if decisive is None:
        return _Shown(row.outcome, f"{row.outcome.value} {_NOT_PROBED}")
    cause = f" {decisive.causes[0].code}" if decisive.causes else ""
    return _Shown(row.outcome, f"{_outcome_words(row)} {decisive.path_seen}{cause}")


def print_unprobed(console: Console, report: VerifyReport) -> None:
    """What was asked for and not probed, and why: each reason once."""
    reasons: dict[str, list[MatrixRow]] = {}
    for row in report.matrix:
        if row.cell.reason:
            reasons.setdefault(row.cell.reason, []).append(row)
    for reason, rows in reasons.items():
        asked = list(dict.fromkeys(_asked(row) for row in rows))
        more = f" and {len(asked) - 3} more" if len(asked) > 3 else ""
        what = "part of it was not probed" if any(row.verdicts for row in rows) else _NOT_PROBED
        console.print(Text(f"{what}: {', '.join(asked[:3])}{more}", style="bold"))
        console.print(Text(f"  {printable(reason)}"))
    if reasons:
        console.print()


def _asked(row: MatrixRow) -> str:
    source = f" from {printable(row.cell.source)}" if row.cell.source else ""
    rule = f" (rule {printable(row.cell.rule)})" if row.cell.rule else ""
    return f"{_host(row.cell.asked)}{source}{rule}"
