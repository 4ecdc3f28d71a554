"""What a person is told on standard error while they wait.

In: the steps of a run. Out: one line with the step, how much of it is done and how long the run takes so far, on a
terminal alone; nothing of it stays there. Example: `reading logs ━━━━━━━━ 6.1/12.3 MB, 45 logs 0:00:04`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

import click

from egressaudit.compiled_module import missing
from egressaudit.run_step import RunStep
from egressaudit.signals import SIGNALS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from egressaudit.sources import Sources

_Event = TypeVar("_Event")

_PATIENCE = 1.0
"""Seconds before the bar comes: what is done by then needs none."""
_OFTEN = 5
"""Times a second that the line is drawn again."""
_MEGABYTE = 1_000_000
STEP = 1000
"""Rows from one look at the bytes read to the next."""


@contextmanager
def steps_shown(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Takes what is being done, and shows it while the block lasts, if a person is there to see it."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    line = StepLine()
    try:
        yield line.say
    finally:
        line.stop()


class StepLine:
    """One line at the foot of the terminal, drawn again and again; `stop` removes it."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._name = ""
        self._stderr = sys.stderr

    def say(self, step: str) -> None:
        """What is being done from now on, or how far it is."""
        name, total, done, amount = step, None, 0, ""
        if isinstance(step, RunStep):
            name, total, done, amount = step.name, step.total, step.done, amount_words(step)
        # A signal must not find the line half drawn.
        with SIGNALS.held():
            new = self._bar is None
            if self._bar is None:
                self._bar = _new_bar()
            self._bar.update(self._bar.task_ids[0], description=_safe(name), of=total, done=done, amount=amount)
            if new:
                self._bar.start()
                sys.stderr = _above(self._bar.console, self._stderr)
            elif name != self._name:
                self._bar.refresh()
            self._name = name

    def stop(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            with SIGNALS.held():
                sys.stderr = self._stderr
                self._bar.stop()


def amount_words(step: RunStep) -> str:
    """`45 of 211`, `6.1/12.3 MB, 45 logs`."""
    if not step.size:
        return f"{step.done} of {step.total}" if step.total is not None else str(step.done)
    total = f"/{step.total / _MEGABYTE:.1f}" if step.total is not None else ""
    return f"{step.done / _MEGABYTE:.1f}{total} MB, {step.logs} logs"


def _safe(text: str) -> str:
    from egressaudit.report.redaction.secret_text import scrubbed
    from egressaudit.report.safe import printable

    return printable(scrubbed(text))


def _new_bar() -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress_bar import ProgressBar

    class Bar(BarColumn):
        """Of the step; the task of rich is the run, which goes on, and whose time is shown, when a step is done."""

        def render(self, task: Task) -> ProgressBar:
            total = task.fields["of"]
            # No bar where nobody knows how much there is to do.
            return ProgressBar(total, task.fields["done"], width=self.bar_width) if total else ProgressBar(width=0)

    bar = Progress(
        SpinnerColumn("line"),
        TextColumn("{task.description}", markup=False),
        Bar(bar_width=20),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        console=_console(),
        transient=True,
        refresh_per_second=_OFTEN,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task("", total=None, of=None, done=0, amount="")
    return bar


def _above(console: Console, stream: TextIO) -> TextIO:
    """Standard error while the line is there: what others write stands above it, and stays."""
    from rich.file_proxy import FileProxy

    class Above(FileProxy):
        # click writes past a stream that doesn't name its encoding, as rich's own doesn't.
        encoding = "utf-8"

    # A TextIO in all that print and click do with it.
    return cast("TextIO", Above(console, stream))


def _console() -> Console:
    """Standard error for a line that is drawn again; its cursor stays, for a killed process cannot bring it back."""
    from rich.console import Console

    class WithCursor(Console):
        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002  rich's signature
            return False

    return WithCursor(stderr=True, no_color=_plain())


def _plain() -> bool:
    return bool(os.environ.get("NO_COLOR"))


def with_progress(sources: Sources, events: Iterator[_Event], step: int = STEP) -> Iterator[_Event]:
    """The events as they are, with a bar of the bytes read so far; it leaves nothing on the screen."""
    began = monotonic()
    line = StepLine()
    try:
        for number, event in enumerate(events):
            if number % step == 0 and monotonic() - began > _PATIENCE:
                line.say(
                    RunStep("reading logs", sources.bytes_read, sources.bytes_total, size=True, logs=sources.origins)
                )
            yield event
    finally:
        line.stop()


def say_slower(*, quiet: bool) -> None:
    """Say once that logs are read line by line here, where the compiled module is not there."""
    if not quiet and (why := missing()):
        click.echo(f"reading line by line, without the compiled module ({why}): same results, but slower", err=True)
