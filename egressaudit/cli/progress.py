"""What a person is told on standard error while they wait.

In: the steps of a run. Out: a line for each, or a bar, unless the user wants quiet. Example: `reading shop/cart-0`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import click

from egressaudit.compiled_module import missing

if TYPE_CHECKING:
    from egressaudit.sources import Sources

_Event = TypeVar("_Event")

_PATIENCE = 1.0
"""Seconds before the bar comes: what is done by then needs none."""
STEP = 1000
"""Rows from one look at the bytes read to the next."""


def with_progress(sources: Sources, events: Iterator[_Event], step: int = STEP) -> Iterator[_Event]:
    """The events as they are, with a bar of the bytes read so far; it leaves nothing on the screen."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    began = monotonic()
    bar = Progress(
        BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        redirect_stdout=False,
    )  # fmt: skip
    task = bar.add_task("", total=sources.bytes_total)
    shown = False
    try:
        for number, event in enumerate(events):
            if not shown and monotonic() - began > _PATIENCE:
                bar.start()
                shown = True
            if shown and number % step == 0:
                bar.update(task, completed=sources.bytes_read)
            yield event
    finally:
        if shown:
            bar.stop()


def said_to_person(*, quiet: bool) -> Callable[[str], None]:
    """Takes sentences on progress, and prints them only where standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None
    return lambda message: click.echo(f"… {message}", err=True)


def say_slower(*, quiet: bool) -> None:
    """Say once that logs are read line by line here, where the compiled module is not there."""
    if not quiet and (why := missing()):
        click.echo(f"reading line by line, without the compiled module ({why}): same results, but slower", err=True)
