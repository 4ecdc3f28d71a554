"""What a reader wants to see of an audit's report: `--evidence`, `--min-severity`, `--only`, `--group-by`.

In: the values of these options. Out: a `ReportView`, e.g. of `--only EA1,EA201 --evidence 5`. They change what people
are shown (text, Markdown, JUnit), and never the outcome, the counts, the exit code or what programs read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from egressaudit.cli.options import together
from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.report.view import ReportView

_Command = TypeVar("_Command", bound=Callable[..., Any])
# As `Severity` and `GroupBy` have them: `--help` doesn't wait for their modules.
SEVERITIES = ("critical", "high", "medium", "low", "info")
GROUPINGS = ("cause", "workload", "host")


class ReportOptions(Protocol):
    """The options of `report_options`."""

    @property
    def evidence(self) -> int | None:
        """`--evidence`."""

    @property
    def min_severity(self) -> str | None:
        """`--min-severity`."""

    @property
    def only(self) -> tuple[str, ...]:
        """Each `--only`."""

    @property
    def group_by(self) -> str:
        """`--group-by`."""


def report_options(command: _Command) -> _Command:
    """What text, Markdown and JUnit show of the findings."""
    return together(
        command,
        click.option(
            "--evidence",
            type=click.IntRange(min=0),
            metavar="N",
            help="Lines of evidence under each block of findings, 0 for none. Default: 2. If given, what was ruled "
            "out is shown too.",
        ),
        click.option(
            "--min-severity",
            type=click.Choice(SEVERITIES),
            help="Show only findings of this severity or worse. The outcome and all counts stay.",
        ),
        click.option(
            "--only",
            metavar="CODE",
            multiple=True,
            help="Show only findings whose codes start with this: EA1, EA201. May be repeated, or separated by commas.",
        ),
        click.option(
            "--group-by",
            type=click.Choice(GROUPINGS),
            default=GROUPINGS[0],
            show_default=True,
            help="Put findings with the same cause, workload or host into one block.",
        ),
    )


def view_of(options: ReportOptions) -> ReportView:
    """The view that these options ask for; UsageError for a code that no control has."""
    from egressaudit.model import Severity
    from egressaudit.report.view import GroupBy, ReportView

    return ReportView(
        evidence=options.evidence,
        min_severity=None if options.min_severity is None else Severity(options.min_severity),
        only=tuple(dict.fromkeys(_code(each) for said in options.only for each in said.split(","))),
        group_by=GroupBy(options.group_by),
    )


def _code(said: str) -> str:
    from egressaudit.findings import controls

    code = said.strip().upper()
    if not code or not any(each.startswith(code) for each in controls()):
        raise UsageError(f"--only {said!r} is not the code of a finding", hint="`egressaudit controls` lists all.")
    return code
