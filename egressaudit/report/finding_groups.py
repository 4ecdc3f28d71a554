"""Findings that stand together: one block for one cause, however many workloads it hits.

In: findings, in their order. Out: `FindingGroup`s, the most severe first, e.g. EA101 with cause EC26 of 40 workloads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egressaudit.model import Finding, FoundCause, Outcome, Severity
from egressaudit.report.view import GroupBy


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one code that have the same cause, or the same workload or host."""

    code: str
    severity: Severity
    outcome: Outcome | None
    waived: bool
    by: str
    """What they share: the cause's code and the object to change, a workload, or a host."""
    cause: FoundCause | None
    """The first cause of the first finding."""
    findings: tuple[Finding, ...]


def finding_groups(findings: Iterable[Finding], by: GroupBy = GroupBy.CAUSE) -> tuple[FindingGroup, ...]:
    """The groups, in the order of their first findings: `find_all` sorts the most severe first."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        key = (each.code, each.severity, each.outcome, each.waived is not None, _shared(each, by))
        found.setdefault(key, []).append(each)
    return tuple(_group(members, by) for members in found.values())


def _group(members: list[Finding], by: GroupBy) -> FindingGroup:
    first = members[0]
    return FindingGroup(
        code=first.code,
        severity=first.severity,
        outcome=first.outcome,
        waived=first.waived is not None,
        by=_shared(first, by),
        cause=first.causes[0] if first.causes else None,
        findings=tuple(members),
    )


def _shared(finding: Finding, by: GroupBy) -> str:
    if by is GroupBy.WORKLOAD or (by is GroupBy.HOST and finding.judged is None):
        return finding.subject
    if by is GroupBy.HOST and finding.judged is not None:
        return finding.judged.group.host
    cause = finding.causes[0] if finding.causes else None
    return "" if cause is None else " ".join((cause.cause.code, *cause.objects[:1]))
