"""Which part of a report a reader wants to see. It never changes the outcome, the counts, or what machines are given.

Example: `ReportView(evidence=1, min_severity=Severity.HIGH)` shows one line of evidence under each finding that is high
or critical, and says how many findings it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model import Finding, Severity


class GroupBy(StrEnum):
    """By what findings stand together in one block."""

    CAUSE = "cause"
    WORKLOAD = "workload"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class ReportView:
    """What a report for people shows."""

    evidence: int | None = None
    """Lines of evidence under each block; None for the report's own choice."""
    min_severity: Severity | None = None
    only: tuple[str, ...] = ()
    """Codes, or beginnings of codes: `EA1`."""
    group_by: GroupBy = GroupBy.CAUSE

    def shows(self, finding: Finding) -> bool:
        """Whether a finding is shown."""
        order = list(Severity)
        severe = self.min_severity is None or order.index(finding.severity) <= order.index(self.min_severity)
        return severe and (not self.only or finding.code.startswith(self.only))
