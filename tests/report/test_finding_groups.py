"""Findings of one cause are one block; what is shown of them is the reader's to say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import VIOLATION

from egressaudit.model import Severity
from egressaudit.report.finding_groups import finding_groups
from egressaudit.report.view import GroupBy, ReportView

ELSEWHERE = replace(VIOLATION, subject="pay/Deployment/ledger")


def test_one_problem_of_two_workloads_is_one_block() -> None:
    (group,) = finding_groups([VIOLATION, ELSEWHERE])
    assert [each.subject for each in group.findings] == [VIOLATION.subject, ELSEWHERE.subject]


@pytest.mark.parametrize(("by", "blocks"), [(GroupBy.CAUSE, 1), (GroupBy.HOST, 1), (GroupBy.WORKLOAD, 2)])
def test_blocks_are_of_what_the_reader_asks_for(by: GroupBy, blocks: int) -> None:
    assert len(finding_groups([VIOLATION, ELSEWHERE], by)) == blocks


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        (ReportView(), True),
        (ReportView(min_severity=Severity.HIGH), True),
        (ReportView(min_severity=Severity.CRITICAL), False),
        (ReportView(only=("EA1",)), True),
        (ReportView(only=("EA3", "EA4")), False),
    ],
)
def test_a_reader_chooses_by_severity_and_code(view: ReportView, shown: bool) -> None:  # noqa: FBT001
    assert view.shows(VIOLATION) is shown
