"""A flow as a story for a person: each hop with its line, marks under the decisive fields, and the verdict last.

In: a `ToldFlow`. Out: text, e.g.

    1  sidecar  curl/curl-1/istio-proxy:2

       [2026-11-23T08:04:41.751Z] "GET / HTTP/1.1" 503 UH no_healthy_upstream - "-" ...
                                                   a^^ b^ c^^^^^^^^^^^^^^^^^^
       a  response_code 503: the answer that the client got
       b  response_flags UH: NoHealthyUpstream: no endpoint of the cluster was healthy, or it has none
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egressaudit.hops.line_parser import LineParser
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, flat, trimmed
from egressaudit.report.story.told_flow import ToldFlow, ToldLine
from egressaudit.report.story.told_line import Tag, TaggedLine, tagged_lines
from egressaudit.report.wording import RAW_LIMIT

_WIDTH = 100
_INDENT = 3
_STYLES = {"PASS": "bold green", "FAIL": "bold red", "INCONCLUSIVE": "bold yellow"}
_MARK = "bold magenta"
_NOT_CLEAN = (
    "This line may be about the flow too. It isn't clean: its sender may have written fields, so it proves nothing."
)


def story(flow: ToldFlow, parser: LineParser, screen: Screen) -> bytes:
    """The whole story of one flow."""
    out = StringIO()
    console = console_for(out, screen, width=_WIDTH)
    _heading(console, flow)
    lines = tagged_lines(flow, parser)
    for number, line in enumerate(lines, 1):
        _hop(console, number, line)
    if not lines:
        _paragraph(console, "No line proves anything about this flow: no hop is known.")
        console.print()
    if flow.more_lines:
        _paragraph(console, f"The report has {flow.more_lines} more lines of the same group of flows.")
        console.print()
    _unclean(console, flow.unclean)
    _ending(console, flow, lines)
    return trimmed(out)


def listing(flows: Sequence[ToldFlow], screen: Screen) -> bytes:
    """The flows of a report, one a line, to choose from."""
    rows = [("FLOW", "OUTCOME", "PATH", "TARGET", "SENDER")]
    rows += [(str(each.number), each.outcome, each.path, each.target, each.sender) for each in flows]
    safe = [tuple(printable(value, 120) for value in row) for row in rows]
    wide = [max(len(row[column]) for row in safe) for column in range(4)]
    out = StringIO()
    console = console_for(out, Screen(color=False), width=max(screen.width or 0, 1000))
    for row in safe:
        console.print(Text("  ".join(value.ljust(size) for value, size in zip(row, (*wide, 0), strict=True))))
    return trimmed(out)


def _heading(console: Console, flow: ToldFlow) -> None:
    title = Text(f"{printable(flow.target)}  {printable(flow.path)}  ", style="bold")
    title.append(printable(flow.outcome), style=_STYLES.get(flow.outcome, "bold"))
    console.print(title)
    if flow.sender.strip("() "):
        _paragraph(console, f"sent by {flow.sender}")
    if flow.client:
        _paragraph(console, flow.client)
    console.print()


def _hop(console: Console, number: int, line: TaggedLine) -> None:
    console.print(Text(f"{number}  {line.title}", style="bold cyan"))
    if line.link:
        _paragraph(console, line.link)
    console.print()
    for row in _marked(line, console.width - _INDENT):
        console.print(Padding(row, (0, 0, 0, _INDENT), expand=False), no_wrap=True, overflow="ignore", crop=False)
    if line.tags:
        console.print()
    for tag in line.tags:
        _footnote(console, tag)
    _paragraph(console, f"→ {f'{line.fate}: ' if line.fate else ''}{line.follows}")
    console.print()


def _marked(line: TaggedLine, width: int) -> Iterator[Text]:
    """The line in rows of at most `width` columns; below each row the marks of the fields in it."""
    # A tab is as wide as the column where it stands makes it, so the marks would miss their fields.
    text = line.text.replace("\t", " ")
    marks = _marks(line.tags, len(text))
    for start, end in _rows(text, width):
        row = Text(text[start:end])
        for at in range(start, end):
            if marks[at] != " ":
                row.stylize("bold", at - start, at - start + 1)
        yield row
        below = "".join(_as_wide(marks[at], text[at]) for at in range(start, end))
        if below.strip():
            yield Text(below, style=_MARK)


def _as_wide(mark: str, character: str) -> str:
    """A mark as wide as the character above it: two columns, or none."""
    return mark.ljust(2, " " if mark == " " else "^")[: cell_len(character)]


def _marks(tags: Sequence[Tag], length: int) -> list[str]:
    """For each character of the line a letter where a field begins, `^` in the rest of it, else a space."""
    marks = [" "] * length
    for tag in tags:
        if tag.span is not None:
            start, end = tag.span
            marks[start:end] = [tag.letter, *"^" * (end - start - 1)]
    return marks[:length]


def _rows(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Where each row begins and ends: at a space if there is one, else in the middle of a word."""
    start = 0
    while start < len(text):
        end = start
        columns = 0
        while end < len(text) and columns + cell_len(text[end]) <= width:
            columns += cell_len(text[end])
            end += 1
        if end < len(text) and (space := text.rfind(" ", start + 1, end)) > start + width // 2:
            end = space + 1
        end = max(end, start + 1)
        yield start, end
        start = end


def _footnote(console: Console, tag: Tag) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    said = Text(f"{tag.column} ", style="bold")
    said.append(f"{tag.value}: {tag.says}", style="not bold")
    grid.add_row(Text(tag.letter, style=_MARK), said)
    console.print(Padding(grid, (0, 0, 0, _INDENT), expand=False))


def _unclean(console: Console, lines: Sequence[ToldLine]) -> None:
    for line in lines:
        _paragraph(console, f"not clean  {line.source}:{line.number}")
        _paragraph(console, _NOT_CLEAN)
        _paragraph(console, printable(line.raw, RAW_LIMIT))
        console.print()


def _ending(console: Console, flow: ToldFlow, lines: Sequence[TaggedLine]) -> None:
    console.print(Text(f"verdict  {printable(flow.outcome)}", style=_STYLES.get(flow.outcome, "bold")))
    if lines and lines[-1].fate:
        fate = f"The last line's fate is {lines[-1].fate} (docs/evidence.md)"
        _paragraph(console, f"{fate}, and the path is {flow.path}.")
    if flow.expected:
        because = f", because of {', '.join(flow.because)}" if flow.because else ""
        _paragraph(console, f"Expected: {flow.expected}{because}.")
    _paragraph(console, f"Why: {flow.reason}.")
    for title, sentences in (("Cause", flow.cause), ("Fault in the configuration", flow.faults)):
        for sentence in sentences:
            _paragraph(console, f"{title}: {sentence}")
    for sentence in flow.proxies:
        _paragraph(console, sentence)
    for advice in flow.advice:
        _paragraph(console, f"→ {advice}")


def _paragraph(console: Console, text: str) -> None:
    console.print(Padding(Text(flat(text)), (0, 0, 0, _INDENT), expand=False))
