"""Where reports go, and the exit code they mean.

In: a report and the values of `-o`, e.g. `[("text", None), ("json", File("report.json"))]`. Out: the report in each
format at its place, and the exit code.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, UsageError

if TYPE_CHECKING:
    from egressaudit.model import AuditReport, Outcome, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport
    from egressaudit.report import Audited

Places = list[tuple[str, File | None]]
"""Each report's format and its file, None for standard output."""

_WIDEST = 160
"""Columns; on a wider terminal text is no easier to read."""
_PIPED = 100
"""Columns of text that goes to a pipe."""


def checked_outputs(outputs: tuple[tuple[str, File | None], ...]) -> Places:
    """Where each report goes; standard output gets the text where no other format was asked for it."""
    to_stdout = [each for each in outputs if each[1] is None]
    if len(to_stdout) > 1:
        raise UsageError("two formats would go to standard output", hint="Write all but one to a file: -o json=FILE.")
    for output_format, file in outputs:
        if file is not None and not file.absolute().parent.is_dir():
            raise UsageError(f"-o {output_format}={file}: the folder {file.absolute().parent} does not exist")
        if file is not None and file.is_dir():
            raise UsageError(f"-o {output_format}={file} is a folder")
    files = [file.absolute() for _, file in outputs if file is not None]
    if len(set(files)) < len(files):
        raise UsageError("two reports would go to the same file", hint="Give each -o its own file.")
    return list(outputs) if to_stdout else [("text", None), *outputs]


def finish(report: VerifyReport | AuditReport | AnalyzeReport, outputs: Places, *, verbose: bool = False) -> int:
    """Write every report, in text with all evidence if `verbose`; the exit code, which never depends on the format."""
    from egressaudit.report import Screen, render

    terminal = sys.stdout.isatty()
    screen = Screen(
        color=terminal and not os.environ.get("NO_COLOR"),
        width=min(shutil.get_terminal_size().columns, _WIDEST) if terminal else _PIPED,
        verbose=verbose,
    )
    for name, file in outputs:
        _write(render(report, name, screen if file is None else Screen(verbose=verbose)), name, file)
    return exit_code_of(report.outcome)


def exit_code_of(outcome: Outcome) -> ExitCode:
    """The exit code of an outcome."""
    from egressaudit.model import Outcome

    if outcome is Outcome.PASS:
        return ExitCode.PASS
    return ExitCode.VIOLATION if outcome is Outcome.FAIL else ExitCode.INCONCLUSIVE


@contextmanager
def errors_reported(command: Audited, outputs: Places) -> Iterator[None]:
    """Whatever ends the block early stands in every report too: no older report may stay where this one was to be."""
    try:
        yield
    except EgressAuditError as error:
        _write_errors(command, outputs, error)
        raise
    except KeyboardInterrupt:
        _write_errors(command, outputs, Interrupted(ExitCode.INTERRUPTED))
        raise
    except Exception as error:
        _write_errors(command, outputs, bug(error))
        raise


def bug(error: Exception) -> EgressAuditError:
    """An error that nobody foresaw, as one that can be reported."""
    return EgressAuditError(
        f"this is a bug in egressaudit ({type(error).__name__}: {error})",
        hint="Run it again with --debug before the command, and report the traceback.",
    )


def _write_errors(command: Audited, outputs: Places, error: EgressAuditError) -> None:
    from egressaudit.report import render_error

    for name, file in outputs:
        _write(render_error(command, name, error.message, error.hint), name, file)


def _write(report: str | bytes, name: str, file: File | None) -> None:
    """One report to its place."""
    if file is None:
        _to_stdout(report, name)
        return
    try:
        file.write_bytes(report.encode() if isinstance(report, str) else report)
    except OSError as error:
        raise EgressAuditError(f"cannot write the report to {file}: {error.strerror or error}") from error


def _to_stdout(text: str | bytes, name: str) -> None:
    if isinstance(text, bytes) and sys.stdout.isatty():
        raise UsageError("this format cannot go to a terminal", hint=f"Write it to a file: -o {name}=FILE.")
    try:
        click.echo(text, nl=False, color=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EgressAuditError(f"cannot write the report to standard output: {error.strerror or error}") from error
