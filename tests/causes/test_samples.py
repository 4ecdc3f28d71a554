"""The causes of what the lab's scenarios wrote: the one that each shows first, and none where all is well."""

from __future__ import annotations

import pytest
from support.tools import ROOT

from egressaudit.evidence.collection import load_collection
from egressaudit.evidence.mesh_file import load_mesh
from egressaudit.model import Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.pipeline.replay import audit
from egressaudit.policy import load_policy

SAMPLES = ROOT / "sample_logs"

# The first cause of each verdict; '' for one that passed.
FIRST = {
    "ambient": ("",),
    "bypass-closed": ("",),
    "bypass-open": ("",),
    "forged": ("EC13",),
    "gateway-api": ("",),
    "gateway-down": ("EC55",),
    "istio-apis": ("",),
    "logging-off": ("EC73",),
    "many-hosts": ("", "", "EC48", "EC41", "EC41", ""),
    "mesh-gateway-missing": ("EC26",),
    "no-service-entry": ("EC13",),
    "no-sidecar": ("EC02",),
    "noisy": ("",),
    "rbac-denied": ("EC61",),
    "redirect-escapes": ("", "EC17"),
    "registry-only": ("EC14",),
    "tls-passthrough": ("",),
    "upstream-down": ("EC66",),
    "waypoint-gateway": ("",),
    "waypoint-ignored": ("EC81",),
}


def test_every_saved_run_is_here() -> None:
    assert set(FIRST) == {each.parent.name for each in SAMPLES.glob("*/probes.json")}


@pytest.mark.parametrize("sample", FIRST)
def test_a_saved_run_shows_its_cause_first(sample: str) -> None:
    verdicts = audit(SAMPLES / sample).verdicts
    assert tuple(next((cause.code for cause in each.causes), "") for each in verdicts) == FIRST[sample]
    assert all(bool(each.causes) is (each.outcome is not Outcome.PASS) for each in verdicts)


def test_every_group_and_finding_of_a_window_that_is_no_pass_names_a_cause() -> None:
    sample = SAMPLES / "whole-mesh"
    collection = load_collection(sample)
    assert collection is not None
    policy = load_policy(sample / "policy.yaml")
    settings = AuditSettings(policy=policy, start=collection.since, end=collection.until)
    report = audit_window((str(sample),), load_mesh(sample / "mesh.json"), settings, collection)
    assert [each.causes[0].code for each in report.findings] == ["EC85", "EC01", "EC55"]
    assert all(not each.causes for each in report.judged if each.outcome is Outcome.PASS)
    assert all(each.causes for each in report.judged if each.outcome is Outcome.FAIL)
