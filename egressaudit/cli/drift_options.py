"""The options of `audit` that compare it with an earlier one and store it, and what that means for the exit code.

In: `--baseline previous.json --fail-on new`, or `--history egress.duckdb`. Out: the report with its changes, and 10
only for violations that the earlier report does not have. Example: with three violations, all of them known, and
everything else proven, it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from egressaudit.cli.options import together, warn
from egressaudit.cli.output import exit_code_of, leave_reports
from egressaudit.errors import BadHistory, BadLogs, NotFound, OutputFailed, UsageError, why_refused
from egressaudit.report.safe import printable

if TYPE_CHECKING:
    from egressaudit.cli.option_types import Outputs
    from egressaudit.model import AuditReport
    from egressaudit.model.drift import Drift
    from egressaudit.model.kept import KeptReport
    from egressaudit.pipeline.joined_logs import AuditSettings
    from egressaudit.pipeline.remembering import Memory

FAIL_ON = ("violation", "new")
_HINT = "--baseline takes what `egressaudit audit -o json` wrote for a window."
_Command = TypeVar("_Command", bound=Callable[..., object])


class DriftOptions(Protocol):
    """The options of `drift_options`."""

    @property
    def baseline(self) -> File | None:
        """`--baseline`."""

    @property
    def history(self) -> File | None:
        """`--history`."""

    @property
    def fail_on(self) -> str:
        """`--fail-on`, one of `FAIL_ON`."""

    @property
    def what_if(self) -> bool:
        """`--what-if`."""

    @property
    def quiet(self) -> bool:
        """`--quiet`."""

    @property
    def outputs(self) -> Outputs:
        """Each `-o`."""


_BASELINE = click.option(
    "--baseline",
    type=click.Path(path_type=File, dir_okay=False),
    help="An earlier report (-o json) to compare with: what is new, changed, gone.",
)
_FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default=FAIL_ON[0],
    show_default=True,
    help="Exit 10 for every violation, or only for those that the earlier report doesn't have. What is not proven "
    "still exits 3.",
)


def baseline_options(command: _Command) -> _Command:
    """`--baseline` and `--fail-on`, for reports that are not stored."""
    return together(command, _BASELINE, _FAIL_ON)


def drift_options(command: _Command) -> _Command:
    """`--baseline`, `--history`, `--fail-on` and `--what-if`."""
    return together(
        command,
        _BASELINE,
        click.option(
            "--history",
            type=click.Path(path_type=File, dir_okay=False),
            help="Store this audit in a history (a DuckDB file), and compare with the one before it there.",
        ),
        _FAIL_ON,
        click.option(
            "--what-if",
            is_flag=True,
            help="Read no logs. Judge the flows in --history again by this --policy, and show what would change.",
        ),
    )


def check_not_overwritten(options: DriftOptions) -> None:
    """UsageError if a report would be written to the history, or the history to a file that cannot be."""
    file = options.history
    if file is None:
        return
    if any(each is not None and each.resolve() == file.resolve() for _, each in options.outputs):
        # Not even this error may be written there.
        leave_reports()
        raise UsageError(f"a report would be written to the history {file}", hint="Give each a file of its own.")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"--history {file}: the folder {file.absolute().parent} does not exist")


class Comparison:
    """What an audit is compared with, and where it is stored.

    The baseline is read at once, because the new report may be written to the same file.
    """

    def __init__(self, options: DriftOptions) -> None:
        """UsageError if there is nothing that `--fail-on new` could compare with."""
        self._options, self._content = options, b""
        self._error: OSError | None = None
        self._before: KeptReport | None = None
        self._memory: Memory | None = None
        if options.fail_on == "new" and options.baseline is None and options.history is None:
            raise UsageError("--fail-on new needs --baseline or --history", hint="Name the earlier report.")
        check_not_overwritten(options)
        if options.baseline is None:
            return
        from egressaudit.given_files import read_given
        from egressaudit.report.story.report_file import LARGEST

        try:
            self._content = read_given(options.baseline, LARGEST)
        except OSError as error:
            self._error = error

    def begin(self, settings: AuditSettings) -> AuditSettings:
        """Understand what was named, before any log is read; the settings with which the audit can be stored.

        NotFound, BadLogs, BadHistory.
        """
        self.read_baseline()
        if self._options.history is None:
            return settings
        from egressaudit.history.stored_runs import History
        from egressaudit.pipeline.remembering import Memory

        history = History(self._options.history)
        history.check()
        self._memory = Memory(history, settings.trust)
        return replace(settings, keep=self._memory.take)

    def read_baseline(self) -> None:
        """Understand the earlier report, if one was named. NotFound, BadLogs."""
        file = self._options.baseline
        if isinstance(self._error, FileNotFoundError):
            raise NotFound(f"{file}: no such file", hint=_HINT) from self._error
        if self._error is not None:
            raise BadLogs(f"cannot read {file}: {why_refused(self._error)}", hint=_HINT) from self._error
        if file is not None:
            from egressaudit.report.earlier_report import earlier_report

            self._before = earlier_report(self._content, file.name)

    def of(self, report: AuditReport) -> AuditReport:
        """The report with what changed since the earlier one, if one was named."""
        if self._before is None and self._memory is None:
            return report
        from egressaudit.findings.drift_between import drift_between, first_of
        from egressaudit.findings.kept_reports import kept_report

        before = self._before
        if before is None and self._memory is not None:
            before = self._memory.before(report)
        drift: Drift
        if before is None:
            drift = first_of(self._options.history.name if self._options.history else "")
        else:
            drift = drift_between(before, kept_report(report))
            if not drift.compared:
                warn(drift.notes[0])
        return replace(report, drift=drift)

    def store(self, report: AuditReport) -> None:
        """Put the audit into the history, once its reports are written. OutputFailed."""
        if self._memory is None:
            return
        try:
            run = self._memory.store(report)
        except BadHistory as error:
            # The audit was performed, and its reports are written.
            raise OutputFailed(f"the audit is not stored: {error.message}", error.hint) from error
        if not self._options.quiet:
            click.echo(f"stored as run {run} in {printable(str(self._options.history))}", err=True)

    def exit_code(self, report: AuditReport) -> int:
        """The exit code: with `--fail-on new`, known violations count as waived ones do. What is not proven counts.

        If the earlier report could not be compared, nothing is known from before, and every violation counts.
        """
        from egressaudit.model import Outcome

        code, drift = exit_code_of(report.outcome), report.drift
        if self._options.fail_on != "new" or report.outcome is not Outcome.FAIL or drift is None or not drift.compared:
            return code
        if any(each.violation for each in drift.rows):
            return code
        if not self._options.quiet:
            known = f"all violations are known from {printable(drift.baseline)}"
            click.echo(f"{known}: they don't count for the exit code", err=True)
        return exit_code_of(report.outcome_without_violations)
