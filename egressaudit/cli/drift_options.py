"""The options of `audit` that compare it with an earlier report, and what that means for the exit code.

In: `--baseline previous.json --fail-on new`. Out: the report with its changes, and 10 only for violations that the
earlier report does not have. Example: with three violations, all of them known, and everything else proven, it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from egressaudit.cli.options import together, warn
from egressaudit.cli.output import exit_code_of
from egressaudit.errors import BadLogs, NotFound, UsageError, why_refused
from egressaudit.report.safe import printable

if TYPE_CHECKING:
    from egressaudit.model import AuditReport
    from egressaudit.model.kept import KeptReport

FAIL_ON = ("violation", "new")
_HINT = "--baseline takes what `egressaudit audit -o json` wrote for a window."
_Command = TypeVar("_Command", bound=Callable[..., object])


class DriftOptions(Protocol):
    """The options of `drift_options`."""

    @property
    def baseline(self) -> File | None:
        """`--baseline`."""

    @property
    def fail_on(self) -> str:
        """`--fail-on`, one of `FAIL_ON`."""


def drift_options(command: _Command) -> _Command:
    """`--baseline` and `--fail-on`."""
    return together(
        command,
        click.option(
            "--baseline",
            type=click.Path(path_type=File, dir_okay=False),
            help="An earlier report (-o json) to compare with: what is new, changed, gone.",
        ),
        click.option(
            "--fail-on",
            type=click.Choice(FAIL_ON),
            default=FAIL_ON[0],
            show_default=True,
            help="Exit 10 for every violation, or only for those that the earlier report does not have. What is not "
            "proven still exits 3.",
        ),
    )


class GivenBaseline:
    """The baseline that was named, read at once: the new report may be written to the same file."""

    def __init__(self, options: DriftOptions) -> None:
        """UsageError if there is nothing that `--fail-on new` could compare with."""
        self._file, self._content = options.baseline, b""
        self._error: OSError | None = None
        if options.fail_on == "new" and self._file is None:
            raise UsageError("--fail-on new needs --baseline", hint="Name the earlier report: --baseline audit.json.")
        if self._file is None:
            return
        from egressaudit.given_files import read_given
        from egressaudit.report.story.report_file import LARGEST

        try:
            self._content = read_given(self._file, LARGEST)
        except OSError as error:
            self._error = error

    def report(self) -> KeptReport | None:
        """The earlier report; None if none was named. NotFound, BadLogs."""
        if self._file is None:
            return None
        if isinstance(self._error, FileNotFoundError):
            raise NotFound(f"{self._file}: no such file", hint=_HINT) from self._error
        if self._error is not None:
            raise BadLogs(f"cannot read {self._file}: {why_refused(self._error)}", hint=_HINT) from self._error
        from egressaudit.report.earlier_report import earlier_report

        return earlier_report(self._content, self._file.name)


def compared(report: AuditReport, before: KeptReport | None) -> AuditReport:
    """The report with what changed since the earlier one, if there is one."""
    if before is None:
        return report
    from egressaudit.findings.drift_between import drift_between
    from egressaudit.findings.kept_reports import kept_report

    drift = drift_between(before, kept_report(report))
    if not drift.compared:
        warn(drift.notes[0])
    return replace(report, drift=drift)


def exit_code_after(report: AuditReport, fail_on: str, *, quiet: bool) -> int:
    """The exit code: with `--fail-on new`, known violations count as waived ones do. What is not proven still counts.

    If the earlier report could not be compared, nothing is known from before, and every violation counts.
    """
    from egressaudit.model import Outcome

    code = exit_code_of(report.outcome)
    drift = report.drift
    if fail_on != "new" or report.outcome is not Outcome.FAIL or drift is None or not drift.compared:
        return code
    if any(each.violation for each in drift.rows):
        return code
    if not quiet:
        known = f"all violations are known from {printable(drift.baseline)}"
        click.echo(f"{known}: they don't count for the exit code", err=True)
    return exit_code_of(report.outcome_without_violations)
