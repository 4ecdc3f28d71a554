"""Where reports go, and the exit code they mean."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, UsageError

if TYPE_CHECKING:
    from egressaudit.model import Report


def checked_outputs(outputs: tuple[tuple[str, File | None], ...]) -> list[tuple[str, File | None]]:
    """Where each report goes; standard output gets the text where no other format was asked for it."""
    to_stdout = [each for each in outputs if each[1] is None]
    if len(to_stdout) > 1:
        raise UsageError("two formats would go to standard output", hint="Give all but one a file: -o json=FILE.")
    for output_format, file in outputs:
        if file is not None and not file.absolute().parent.is_dir():
            raise UsageError(f"-o {output_format}={file}: the folder {file.absolute().parent} does not exist")
        if file is not None and file.is_dir():
            raise UsageError(f"-o {output_format}={file}: that is a folder")
    files = [file.absolute() for _, file in outputs if file is not None]
    if len(set(files)) < len(files):
        raise UsageError("two reports would go to the same file", hint="Give each -o a file of its own.")
    return list(outputs) if to_stdout else [("text", None), *outputs]


def finish(report: Report, outputs: list[tuple[str, File | None]]) -> int:
    """Write every report, then the exit code, which never depends on the format."""
    from egressaudit.model import Outcome
    from egressaudit.pipeline.offline import outcome_of
    from egressaudit.report import render

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(80, min(shutil.get_terminal_size().columns, 160)) if sys.stdout.isatty() else 100
    write_reports(
        outputs, lambda output_format: render(report, output_format), render(report, "text", color=color, width=width)
    )
    exit_codes = {
        Outcome.PASS: ExitCode.PASS,
        Outcome.FAIL: ExitCode.VIOLATION,
        Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    }
    return exit_codes[outcome_of(report)]


def write_reports(
    outputs: list[tuple[str, File | None]], rendered: Callable[[str], str], on_screen: str | None = None
) -> None:
    """Each format to its place; `on_screen` is the text report as this terminal takes it."""
    for output_format, file in outputs:
        if file is None:
            _to_stdout(on_screen if output_format == "text" and on_screen is not None else rendered(output_format))
            continue
        try:
            file.write_text(rendered(output_format), encoding="utf-8")
        except OSError as error:
            raise EgressAuditError(f"the report could not be written to {file}: {error.strerror or error}") from error


@contextmanager
def errors_reported(outputs: list[tuple[str, File | None]]) -> Iterator[None]:
    """Whatever ends the block early stands in every report too: no older report may stay where this one was to be."""
    try:
        yield
    except EgressAuditError as error:
        write_reports(outputs, partial(error_report, error))
        raise
    except KeyboardInterrupt:
        write_reports(outputs, partial(error_report, Interrupted(ExitCode.INTERRUPTED)))
        raise
    except Exception as error:
        bug = EgressAuditError(f"this is a bug in egressaudit ({type(error).__name__}: {error})")
        write_reports(outputs, partial(error_report, bug))
        raise


def _to_stdout(text: str) -> None:
    try:
        click.echo(text, nl=False, color=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EgressAuditError(
            f"the report could not be written to standard output: {error.strerror or error}"
        ) from error


def error_report(error: EgressAuditError, output_format: str) -> str:
    """What a format's consumer finds where no audit was performed."""
    from egressaudit.report import render_error

    return render_error(error.message, error.hint, output_format)
