"""Findings in one block: one block for one cause, however many workloads it hits.

In: findings, in their order. Out: `FindingGroup`s, first those that decide the outcome, e.g. EA101 with cause EC26 of
40 workloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from egressaudit.model import Finding, FoundCause, Outcome, Severity
from egressaudit.report.view import GroupBy

_OUTCOMES = (Outcome.FAIL, Outcome.INCONCLUSIVE, None, Outcome.PASS)
_SEVERITIES = tuple(Severity)
_WORKLOADS = ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet")
"""An object of these kinds is the sender's own: many of them with one cause are still one block."""


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


def finding_groups(
    findings: Iterable[Finding],
    by: GroupBy = GroupBy.CAUSE,
    weight: Callable[[FindingGroup], int] = lambda group: len(group.findings),
) -> tuple[FindingGroup, ...]:
    """The groups: waived ones last, violations before what is unproven, the most severe first, then by `weight`.

    Groups of one workload or one host stand together, in the place of the first of them.
    """
    found: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        key = (each.code, each.severity, each.outcome, each.waived is not None, _shared(each, by))
        found.setdefault(key, []).append(each)
    groups = sorted((_group(members, by) for members in found.values()), key=lambda each: _rank(each, weight))
    if by is GroupBy.CAUSE:
        return tuple(groups)
    places: dict[tuple[bool, str], int] = {}
    for number, group in enumerate(groups):
        places.setdefault((group.waived, group.by), number)
    return tuple(sorted(groups, key=lambda each: places[each.waived, each.by]))


def _rank(group: FindingGroup, weight: Callable[[FindingGroup], int]) -> tuple[bool, int, int, int]:
    severity = _SEVERITIES.index(group.severity)
    return group.waived, _OUTCOMES.index(group.outcome), severity, -weight(group)


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
    return "" if cause is None else " ".join((cause.cause.code, *_cause_object(cause)))


def _cause_object(cause: FoundCause) -> tuple[str, ...]:
    """The object to change, if a change of it is one for all."""
    first = cause.objects[:1]
    return () if first and first[0].startswith(tuple(f"{kind} " for kind in _WORKLOADS)) else first
