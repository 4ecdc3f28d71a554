"""Which blocks of findings a reader sees, in which order, and what is left out.

In: a report, what explains what, the reader's `ReportView`. Out: `ShownGroups`, e.g. 12 blocks, with
`20 of 247 findings are not shown (--min-severity high)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import AuditReport
from egressaudit.report.explained import Explanations
from egressaudit.report.finding_groups import FindingGroup, finding_groups
from egressaudit.report.view import ReportView
from egressaudit.report.wording import counted


@dataclass(frozen=True, slots=True)
class ShownGroups:
    """The blocks that are shown, and words for what is not."""

    groups: tuple[FindingGroup, ...]
    """Waived ones last."""
    counted: str
    """How many findings count, and in how many blocks they are: `247 in 57 blocks`, `9 of 247, in 2 blocks`, `none`."""
    waived: int
    """How many are waived."""
    left_out: str
    """How many findings are not shown, and why; '' if all are."""
    chosen: str
    """`; only those of --min-severity high`, '' if all are shown."""


def shown_groups(report: AuditReport, known: Explanations, view: ReportView) -> ShownGroups:
    """The groups of a report that the view shows: what explains many others weighs as much as they do together."""
    findings = [each for each in report.findings if view.shows(each)]
    groups = finding_groups(findings, view.group_by, lambda group: len(group.findings) + len(known.by(group.findings)))
    waived = sum(each.waived is not None for each in report.findings)
    number, left = len(report.findings) - waived, len(report.findings) - len(findings)
    counting = sum(each.waived is None for each in findings)
    share = f"{counting} of {number}," if counting < number else str(number)
    blocks = counted(sum(not each.waived for each in groups), "block")
    return ShownGroups(
        groups=groups,
        counted=f"{share} in {blocks}" if number else "none",
        waived=waived,
        left_out=f"{left} of {counted(len(report.findings), 'finding')} not shown ({view.chosen})" if left else "",
        chosen=f"; {view.chosen}" if view.chosen else "",
    )
