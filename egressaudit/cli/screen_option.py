"""Whether text on standard output has colours, and how wide it is.

In: `--color`, the environment (`NO_COLOR`, `FORCE_COLOR`, `TERM`, `COLUMNS`), and whether standard output is a
terminal. Out: a `Screen`. Example: `egressaudit verify --replay run | grep read` gets no
colours, and each sentence and each line of a log is one line.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from egressaudit.report.screen import Screen
    from egressaudit.report.view import ReportView

_KEPT = "egressaudit.color"
_AUTO, _ALWAYS, _NEVER = "auto", "always", "never"
_WIDEST = 160
"""Columns; on a wider terminal text is no easier to read."""


def _keep(context: click.Context, _option: click.Parameter, value: str) -> None:
    context.meta[_KEPT] = value


color_option = click.option(
    "--color",
    type=click.Choice([_AUTO, _ALWAYS, _NEVER]),
    default=_AUTO,
    show_default=True,
    expose_value=False,
    callback=_keep,
    help="Colour the text on standard output. auto: on a terminal that has colours; NO_COLOR turns them off, "
    "FORCE_COLOR on, and NO_COLOR wins. always and never override both.",
)
"""`--color`, for every command whose text has colours."""


def stdout_screen(*, verbose: bool = False, view: ReportView | None = None) -> Screen:
    """What text on standard output is laid out for: in a pipe no line is folded, so that it can be searched."""
    from egressaudit.report.screen import UNFOLDED, Screen
    from egressaudit.report.view import ReportView

    terminal = sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, _WIDEST) if terminal else UNFOLDED
    return Screen(color=_colored(terminal=terminal), width=width, verbose=verbose, view=view or ReportView())


def _colored(*, terminal: bool) -> bool:
    context = click.get_current_context(silent=True)
    asked = _AUTO if context is None else context.meta.get(_KEPT, _AUTO)
    if asked != _AUTO:
        return bool(asked == _ALWAYS)
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"
