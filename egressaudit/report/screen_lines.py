"""The lines of a text report: headings, fields, sentences, each folded at its spaces to the width of the screen.

In: a console of `console_for` and what a workload may have written. Out: harmless lines in its memory, e.g.
`field(console, "window", "2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z")`.
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from egressaudit.report.safe import printable

FIELD = 9
"""Columns of a field's name."""


def heading(console: Console, title: str) -> None:
    """A title with an empty line before it."""
    line(console, "")
    line(console, title, style="bold")


def field(console: Console, name: str, value: str, *, columns: int = FIELD, most: int | None = None) -> None:
    """A value beside its name, of at most so many rows."""
    line(console, printable(value), f"  {name:<{columns}} ", head_style="bold", most=most)


def sentence(console: Console, text: str, indent: int = 2) -> None:
    """A sentence."""
    line(console, printable(text), " " * indent)


def line(
    console: Console, text: str, head: str = "", *, style: str = "", head_style: str = "", most: int | None = None
) -> None:
    """Text beside its head, and what does not fit into the width below it. `text` is harmless already."""
    if console.no_color and fits(text, console.width - len(head)):
        # What rich would write, without its work: a file names each of the thousands of workloads of a large mesh.
        console.file.write(f"{head}{text}\n")
        return
    styled(console, Text(text, style=style), Text(head, style=head_style), most=most)


def fits(text: str, width: int) -> bool:
    """Whether a text is surely one line of this width: each of its characters takes one column."""
    return len(text) <= width and text.isascii() and text.isprintable()


def styled(console: Console, text: Text, head: Text, *, most: int | None = None) -> None:
    """The same for text in styles. A grid would look the same, and takes several times as long."""
    width = console.width - len(head)
    lines = list(text.wrap(console, width))
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], clipped(lines[most - 1], width, more=True)]
    rest = " " * len(head)
    if console.no_color:
        console.file.write("".join(f"{rest if n else head.plain}{each.plain}\n" for n, each in enumerate(lines)))
        return
    whole = Text("\n").join(Text.assemble(rest if n else head, each) for n, each in enumerate(lines))
    console.print(whole, no_wrap=True, overflow="ignore", crop=False)


def clipped(text: Text, width: int, *, more: bool = False) -> Text:
    """Text of at most so many columns, with an ellipsis where something is missing; with `more` something always is."""
    text = text.copy()
    text.rstrip()
    if more:
        text.append("……")
    text.truncate(width, overflow="ellipsis")
    return text
