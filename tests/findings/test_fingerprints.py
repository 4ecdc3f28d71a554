"""Fingerprints are the same for the same problem, whoever made the flows today."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import FAILED, PASSED, VIOLATION

from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.model import Path


def test_words_numbers_and_times_change_no_fingerprint() -> None:
    later = replace(FAILED, group=replace(FAILED.group, flows=99, last=FAILED.group.first, evidence=()), because="...")
    assert flow_fingerprint(later) == flow_fingerprint(FAILED)
    assert fingerprint_of(replace(VIOLATION, judged=later, message="Other words.")) == fingerprint_of(VIOLATION)


@pytest.mark.parametrize(
    "other",
    [
        {"namespace": "pay"},
        {"workload": "Deployment/web"},
        {"host": "x.example"},
        {"port": 8443},
        {"path": Path.BLOCKED},
    ],
)
def test_another_flow_has_another_fingerprint(other: dict[str, object]) -> None:
    changed = replace(FAILED, group=replace(FAILED.group, **other))
    assert flow_fingerprint(changed) != flow_fingerprint(FAILED)
    assert fingerprint_of(replace(VIOLATION, judged=changed)) != fingerprint_of(VIOLATION)


def test_a_flow_and_a_finding_about_it_are_two_things() -> None:
    assert flow_fingerprint(PASSED) != flow_fingerprint(FAILED) != fingerprint_of(VIOLATION)
