"""Where reports go, and the exit code they mean.

In: a report and the values of `-o`, e.g. `[("text", None), ("json", File("report.json"))]`. Out: the report in each
format at its place, and the exit code. Whatever happens, a file never holds the report of an earlier run, or a part of
a report: files come first and each in one step, standard output comes last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.progress import steps_shown
from egressaudit.cli.screen_option import stdout_screen
from egressaudit.cli.standard_streams import check_binary, to_stdout
from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, OutputFailed, UsageError, why_refused
from egressaudit.report.safe import printable
from egressaudit.signals import SIGNALS
from egressaudit.whole_file import is_regular, remove_file, replace_file

if TYPE_CHECKING:
    from egressaudit.model import AuditReport, Outcome, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport
    from egressaudit.model.what_if import WhatIfReport
    from egressaudit.report import Audited
    from egressaudit.report.redaction import Redaction
    from egressaudit.report.view import ReportView

Places = list[tuple[str, File | None]]
"""Each report's format and its file, None for standard output."""

REPORTED = "egressaudit.reported"
"""Noted in the context of a command: its reports say already why it failed."""
_STDOUT = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def checked_outputs(outputs: tuple[tuple[str, File | None], ...]) -> Places:
    """Where each report goes; standard output gets the text where no other format was asked for it."""
    outputs = tuple((name, None if str(file) in _STDOUT else file) for name, file in outputs)
    shown = [each for each in outputs if each[1] is None]
    if len(shown) > 1:
        raise UsageError("two formats would go to standard output", hint="Write all but one to a file: -o json=FILE.")
    for output_format, file in outputs:
        if file is not None and not file.absolute().parent.is_dir():
            raise UsageError(f"-o {output_format}={file}: the folder {file.absolute().parent} does not exist")
        if file is not None and file.is_dir():
            raise UsageError(f"-o {output_format}={file} is a folder")
    files = [file.resolve() for _, file in outputs if file is not None]
    if len(set(files)) < len(files):
        raise UsageError("two reports would go to the same file", hint="Give each -o its own file.")
    return list(outputs) if shown else [("text", None), *outputs]


def finish(
    report: VerifyReport | AuditReport | AnalyzeReport | WhatIfReport,
    outputs: Places,
    *,
    redaction: Redaction,
    verbose: bool = False,
    quiet: bool = True,
    view: ReportView | None = None,
) -> int:
    """Write every report, and say so unless `quiet`; the exit code, which never depends on the format.

    Text on standard output has all evidence if `verbose`; text in a file always has it, for it is kept. `view` is which
    part of an audit's report people are shown. What is to be redacted and is not yet, is here: no command and no format
    can forget it.
    """
    from egressaudit.report import Screen, render
    from egressaudit.report.redaction import is_redacted, redacted
    from egressaudit.report.screen import UNFOLDED
    from egressaudit.report.view import ReportView

    view = view or ReportView()
    code = exit_code_of(report.outcome)
    report = report if is_redacted(report, redaction) else redacted(report, redaction)
    shown: list[str | bytes] = []
    with steps_shown(quiet=quiet) as say:
        say("writing reports")
        for name, file in outputs:
            if file is not None:
                _to_file(render(report, name, Screen(width=UNFOLDED, verbose=True, view=view)), file)
        for name, file in outputs:
            if file is None:
                shown.append(render(report, name, stdout_screen(verbose=verbose, view=view)))
                if isinstance(shown[0], bytes):
                    check_binary(f"Write it to a file: -o {name}=FILE.")
    for each in shown:
        _show(each, [file for _, file in outputs if file is not None])
    # What fails after this (a history, a webhook) leaves the reports as they are.
    leave_reports()
    return code


def leave_reports() -> None:
    """Whatever fails from now on, the files of reports stay as they are."""
    context = click.get_current_context(silent=True)
    if context is not None and (noted := context.find_object(set)) is not None:
        noted.add(REPORTED)


def exit_code_of(outcome: Outcome) -> ExitCode:
    """The exit code of an outcome."""
    from egressaudit.model import Outcome

    if outcome is Outcome.PASS:
        return ExitCode.PASS
    return ExitCode.VIOLATION if outcome is Outcome.FAIL else ExitCode.INCONCLUSIVE


@contextmanager
def errors_reported(command: Audited, outputs: Places) -> Iterator[None]:
    """Whatever ends the block early stands in every report too: no older report may stay where this one was to be."""
    SIGNALS.release()
    try:
        for _, file in outputs:
            if file is not None:
                # If the run is killed, nothing is there.
                remove_file(file)
        yield
    except (Exception, KeyboardInterrupt) as error:
        from egressaudit.cli.failures import failure_of

        report_failure(command, outputs, failure_of(error))
        leave_reports()
        raise


def report_failure(command: Audited, outputs: Places, failure: EgressAuditError) -> None:
    """Every report says that no audit was performed, and why; a file that cannot say so is gone."""
    for name, file in outputs:
        if file is not None and isinstance(failure, Interrupted) and not is_regular(file) and file.exists():
            # A pipe that nobody reads would keep an interrupted run waiting.
            continue
        try:
            said = _error(command, name, failure, file)
            if file is None:
                to_stdout(said, color=True)
            else:
                _to_file(said, file)
        except Exception:  # noqa: BLE001  the failure that is reported is the one to be told
            if file is not None:
                remove_file(file)


def _error(command: Audited, name: str, failure: EgressAuditError, file: File | None) -> str | bytes:
    from egressaudit.report import render_error

    said = render_error(command, name, failure.message, failure.hint)
    # On a terminal the error itself follows; in a file nothing at all would say that it holds no report.
    if said or file is None:
        return said
    from egressaudit.report.redaction.secret_text import scrubbed

    return f"no audit was performed: {printable(scrubbed(failure.message))}\n"


def _show(shown: str | bytes, written: list[File]) -> None:
    """The report on standard output, which may break where the files are written: they have all that was found."""
    try:
        to_stdout(shown, color=True)
    except OutputFailed as error:
        if not written:
            raise
        click.echo(f"error: {error.message}; written: {printable(', '.join(map(str, written)))}", err=True)


def _to_file(report: str | bytes, file: File) -> None:
    try:
        replace_file(file, report.encode() if isinstance(report, str) else report)
    except OSError as error:
        remove_file(file)
        raise OutputFailed(f"cannot write the report to {file}: {why_refused(error)}") from error
