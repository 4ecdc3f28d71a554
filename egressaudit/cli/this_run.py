"""Which run of the command line it is: what alone differs in the reports of two runs on the same input.

In: a report, and the paths that were named. Out: the same report with its `Run`, e.g. of 17:00 UTC on `evidence/`.
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

    _Report = TypeVar("_Report", VerifyReport, AuditReport, AnalyzeReport)


def of_this_run(report: _Report, paths: Iterable[object] = ()) -> _Report:
    """The report as this run's: of these files, or without any, of a cluster."""
    from egressaudit.model import Run

    named = tuple(map(str, paths))
    run = Run(str(uuid.uuid4()), datetime.now(UTC), named, "files" if named else "cluster")
    return replace(report, run=run)
