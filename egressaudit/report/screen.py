"""What text is laid out for: whether there are colours, and how many columns.

In: a `Screen`. Out: a console of rich that writes into memory. Example: with `Screen(color=True, width=120)` it writes
ANSI colours, and lines of at most 120 columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from egressaudit.report.safe import printable
from egressaudit.report.view import ReportView

if TYPE_CHECKING:
    from io import StringIO

    from rich.console import Console

UNFOLDED = 20_000
"""The width of what is read by a program, or kept: wider than any sentence and any line of a log, so none is folded."""
NARROWEST = 40
"""On a narrower terminal lines are as wide as this all the same."""
_TAB = 8
_HEIGHT = 25
"""Nothing depends on it; without it rich asks the terminal for each line."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Whether colours are wanted, and how many columns there are; without `width` each report has its own."""

    color: bool = False
    width: int | None = None
    verbose: bool = False
    """Whether all evidence is wanted."""
    view: ReportView = field(default_factory=ReportView)
    """Which part of the report is shown."""


def console_for(out: StringIO, screen: Screen, *, width: int) -> Console:
    """A console that writes into `out`: `width` columns where the screen has no width, 40 at least."""
    from rich.console import Console

    return Console(
        file=out,
        force_terminal=screen.color,
        # Given, because rich would look for a terminal that takes them, and a pager does too.
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        width=max(screen.width or width, NARROWEST),
        height=_HEIGHT,
        highlight=False,
        legacy_windows=False,
    )


def folds(console: Console) -> bool:
    """Whether lines that are wider than the screen are folded."""
    return console.width < UNFOLDED


def flat(text: str, limit: int | None = None) -> str:
    """Text that is harmless to look at, with blanks for tabs: rich takes a tab for no column and folds too early."""
    return printable(text, limit).expandtabs(_TAB)


def trimmed(out: StringIO) -> bytes:
    """What was written, without the blanks with which rich fills wrapped lines up to the width."""
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().split("\n")[:-1]).encode()


def nothing(_message: str, _hint: str) -> bytes:
    """The text where no audit was performed: none, for its reader sees the error itself."""
    return b""
