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
    from egressaudit.model import AuditReport, Outcome, VerifyReport


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


def finish(report: VerifyReport, outputs: list[tuple[str, File | None]]) -> int:
    """Write every report, then the exit code, which never depends on the format."""
    from egressaudit.pipeline.replay import outcome_of
    from egressaudit.report import render

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(80, min(shutil.get_terminal_size().columns, 160)) if sys.stdout.isatty() else 100
    write_reports(
        outputs, lambda output_format: render(report, output_format), render(report, "text", color=color, width=width)
    )
    return exit_code_of(outcome_of(report))


def finish_window(report: AuditReport, outputs: list[tuple[str, File | None]]) -> int:
    """The same for the audit of a window."""
    from egressaudit.report.audit_render import render_window

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(40, min(shutil.get_terminal_size().columns, 160)) if sys.stdout.isatty() else 100
    on_screen = str(render_window(report, "text", color=color, width=width)) if ("text", None) in outputs else None
    write_reports(outputs, lambda output_format: render_window(report, output_format), on_screen)
    return exit_code_of(report.outcome)


def exit_code_of(outcome: Outcome) -> ExitCode:
    """The exit code of an outcome."""
    from egressaudit.model import Outcome

    if outcome is Outcome.PASS:
        return ExitCode.PASS
    return ExitCode.VIOLATION if outcome is Outcome.FAIL else ExitCode.INCONCLUSIVE


def write_reports(
    outputs: list[tuple[str, File | None]], rendered: Callable[[str], str | bytes], on_screen: str | None = None
) -> None:
    """Each format to its place; `on_screen` is the text report as this terminal takes it."""
    for output_format, file in outputs:
        if file is None:
            _to_stdout(on_screen if output_format == "text" and on_screen is not None else rendered(output_format))
            continue
        report = rendered(output_format)
        try:
            file.write_bytes(report.encode() if isinstance(report, str) else report)
        except OSError as error:
            raise EgressAuditError(f"the report could not be written to {file}: {error.strerror or error}") from error


@contextmanager
def errors_reported(
    outputs: list[tuple[str, File | None]], rendered: Callable[[EgressAuditError, str], str | bytes] | None = None
) -> Iterator[None]:
    """Whatever ends the block early stands in every report too: no older report may stay where this one was to be."""
    report = rendered or error_report
    try:
        yield
    except EgressAuditError as error:
        write_reports(outputs, partial(report, error))
        raise
    except KeyboardInterrupt:
        write_reports(outputs, partial(report, Interrupted(ExitCode.INTERRUPTED)))
        raise
    except Exception as error:
        bug = EgressAuditError(f"this is a bug in egressaudit ({type(error).__name__}: {error})")
        write_reports(outputs, partial(report, bug))
        raise


def _to_stdout(text: str | bytes) -> None:
    if isinstance(text, bytes) and sys.stdout.isatty():
        raise UsageError("this format is not for a terminal", hint="Give it a file: -o parquet=FILE.")
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
