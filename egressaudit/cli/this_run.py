"""A report as this run shows it: redacted, and with `run`, which differs between two runs on the same input.

In: a report, what is redacted, and the paths that were named. Out: the report with its `Run`, e.g. of 17:00 UTC on
`evidence/`, and without secrets. Every command that writes a report calls this once, after all judging and before any
writer, so that no format can forget it.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from egressaudit.model import AuditReport, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport
    from egressaudit.report.redaction import Redaction

    _Report = TypeVar("_Report", VerifyReport, AuditReport, AnalyzeReport)


def of_this_run(report: _Report, redaction: Redaction, paths: Iterable[object] = ()) -> _Report:
    """The report as this run's: of these files, or without any, of a cluster."""
    from egressaudit.model import Run
    from egressaudit.report.redaction import redacted

    named = tuple(map(str, paths))
    run = Run(str(uuid.uuid4()), datetime.now(UTC), named, "files" if named else "cluster")
    return redacted(replace(report, run=run), redaction)
