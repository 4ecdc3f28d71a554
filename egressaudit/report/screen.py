"""What text is laid out for: whether there are colours, and how many columns.

In: a `Screen`. Out: a console of rich that writes into memory. Example: with `Screen(color=True, width=120)` it writes
ANSI colours, and lines of at most 120 columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import StringIO

    from rich.console import Console

_HEIGHT = 25
"""Nothing depends on it; without it rich asks the terminal for each line."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Whether colours are wanted, and how many columns there are; without `width` each report has its own."""

    color: bool = False
    width: int | None = None
    verbose: bool = False
    """Whether all evidence is wanted."""


def console_for(out: StringIO, screen: Screen, *, width: int, narrowest: int) -> Console:
    """A console that writes into `out`: `width` columns where the screen has no width, `narrowest` at least."""
    from rich.console import Console

    return Console(
        file=out,
        force_terminal=screen.color,
        no_color=not screen.color,
        width=max(screen.width or width, narrowest),
        height=_HEIGHT,
        highlight=False,
        legacy_windows=False,
    )


def trimmed(out: StringIO) -> bytes:
    """What was written, without the blanks with which rich fills wrapped lines up to the width."""
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().split("\n")[:-1]).encode()


def nothing(_message: str, _hint: str) -> bytes:
    """The text where no audit was performed: none, for its reader sees the error itself."""
    return b""
