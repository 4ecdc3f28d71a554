"""Which part of a report a reader wants to see. It never changes the outcome, the counts, or what machines are given.

Example: `ReportView(evidence=1, min_severity=Severity.HIGH)` shows one line of evidence under each finding that is high
or critical, and says how many findings it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egressaudit.model import Finding, Severity


class GroupBy(StrEnum):
    """What the findings of one block have in common."""

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
        return self._is_severe(finding) and (not self.only or finding.code.startswith(self.only))

    def _is_severe(self, finding: Finding) -> bool:
        if self.min_severity is None:
            return True
        # Import here: `--help` doesn't wait for the model.
        from egressaudit.model import Severity

        order = list(Severity)
        return order.index(finding.severity) <= order.index(self.min_severity)

    @property
    def chosen(self) -> str:
        """How the findings that are shown were chosen, as options: `--min-severity high`; '' if all are shown."""
        said = [f"--min-severity {self.min_severity}"] if self.min_severity is not None else []
        return " ".join((*said, *(f"--only {each}" for each in self.only)))
