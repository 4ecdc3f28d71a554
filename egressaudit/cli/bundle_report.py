"""`egressaudit bundle report`: what an audit found, in any format, judged again from its bundle and nothing else.

In: a bundle with all lines. Out: the report, and the exit code of `audit`. A bundle that was altered gives none.
Example: `egressaudit bundle report audit.tar.zst -o oscal=results.json` for an auditor who has the bundle alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, ClassVar

import click

from egressaudit.cli.drift_options import Comparison, baseline_options
from egressaudit.cli.option_types import Outputs
from egressaudit.cli.options import EXIT_CODES, output_option, taking, warn
from egressaudit.cli.output import checked_outputs, errors_reported, finish
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.redact_options import redact_options, redaction_of
from egressaudit.cli.report_options import report_options, view_of
from egressaudit.cli.screen_option import color_option
from egressaudit.errors import BadLogs, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from egressaudit.model import AuditReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBundleOptions:
    """What `bundle report` was asked."""

    file: File
    baseline: File | None
    fail_on: str
    evidence: int | None
    min_severity: str | None
    only: tuple[str, ...]
    group_by: str
    redact: tuple[tuple[str, ...], ...]
    redact_key: File | None
    quiet: bool
    outputs: Outputs
    history: ClassVar[None] = None
    """A bundle was stored when it was made, if at all."""
    what_if: ClassVar[bool] = False


@click.command("report", epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=File))
@baseline_options
@report_options
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@output_option("audit")
@redact_options
@color_option
@taking(ReportBundleOptions, held=True)
def bundle_report(options: ReportBundleOptions) -> int:
    """Judge the evidence in FILE again, and write the report in any format of `audit`.

    Only FILE is read. If it was altered, no report is written; `bundle verify` says what was altered.

    \b
    egressaudit bundle report audit.tar.zst --only EA1 --evidence 1
    egressaudit bundle report audit.tar.zst -o oscal=results.json
    egressaudit bundle report audit.tar.zst --baseline last-month.json
    """
    outputs, view, redaction = checked_outputs(options.outputs), view_of(options), redaction_of(options)
    comparison = Comparison(options)
    with errors_reported("audit", outputs):
        comparison.read_baseline()
        with steps_shown(quiet=options.quiet) as say:
            report = _report(options.file, say)
        report = comparison.of(report)
    finish(report, outputs, redaction=redaction, quiet=options.quiet, view=view)
    return comparison.exit_code(report)


def _report(file: File, say: Callable[[str], None]) -> AuditReport:
    """The report that the evidence gives. BadLogs if it isn't a bundle or was altered; UsageError without all lines."""
    from egressaudit.bundle.bundle_text import reported_outcome
    from egressaudit.bundle.checking import checked_bundle
    from egressaudit.bundle.manifest import REPORT, BundledLines
    from egressaudit.model import Outcome
    from egressaudit.pipeline.bundling import report_bytes
    from egressaudit.pipeline.rejudging import judged_again

    say("checking the bundle")
    bundle = checked_bundle(file)
    if bundle.altered or bundle.manifest is None:
        raise BadLogs(f"{file} was altered, so it is not judged", hint="`egressaudit bundle verify` says what was.")
    if bundle.holds is not BundledLines.ALL:
        raise UsageError(
            f"{file} does not hold all lines, so it cannot be judged again",
            hint=f"Its report is the member {REPORT}. A bundle that `audit --bundle-logs all` wrote has all lines.",
        )
    report = judged_again(bundle, bundle.manifest, say)
    stated = reported_outcome(bundle)
    if report.outcome is Outcome.PASS and stated != Outcome.PASS:
        raise BadLogs(
            f"the report in {file} says {stated or 'nothing'}, and its evidence gives PASS",
            hint="Something was replaced, or another version of egressaudit judged: `egressaudit bundle verify` says.",
        )
    if report_bytes(report) != bundle.files[REPORT]:
        warn("this is not the report in the bundle: `egressaudit bundle verify` says how they differ")
    return report
