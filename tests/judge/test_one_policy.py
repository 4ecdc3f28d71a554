"""Under one policy, `verify` and `audit` say the same of the same lines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from support.tools import SAMPLES

from egressaudit.evidence.saved_run import load
from egressaudit.judge.believed import believed
from egressaudit.mesh import Mesh
from egressaudit.model import MatrixRow, Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.pipeline.replay import report_on
from egressaudit.policy import parse_policy

EVER = AuditSettings(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2040, 1, 1, tzinfo=UTC))
GATEWAYS = ["egress-gateway/egressgateway", "egress-gateway/httpbin-egress-gateway"]
WAYPOINTS = ["egress-gateway/waypoint"]
RULES = ("gateway", "waypoint", "direct", "blocked")


def policy(via: str, mesh: Mesh, *, waived: bool = False) -> bytes:
    """A policy whose one rule says `via` for all hosts, or whose default does; it names the proxies that are there."""
    there = {str(mesh.gateway_of(pod)) for pod in mesh.pods if pod.role is not None and pod.role.path is not None}

    def refs(names: list[str]) -> list[dict[str, str]]:
        pairs = [each.split("/") for each in names if each in there]
        return [{"namespace": namespace, "name": name} for namespace, name in pairs]

    spec: dict[str, object] = {"gateways": refs(GATEWAYS), "waypoints": refs(WAYPOINTS), "default": "deny"}
    if via in RULES:
        spec["rules"] = [{"name": "all", "to": {"hosts": ["docs.redhat.com", "httpbin.org"]}, "via": via}]
    else:
        spec["default"] = via
    if waived:
        spec["waivers"] = [{"rule": "all", "from": "*/*", "reason": "known", "expires": "2099-01-01"}]
    form = {"apiVersion": "egressaudit.io/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": "p"}, "spec": spec}
    return yaml.safe_dump(form).encode()


@pytest.mark.parametrize(
    ("name", "via", "outcome", "code"),
    [
        ("istio-apis", "gateway", "PASS", ""),
        ("istio-apis", "direct", "FAIL", "EA106"),
        ("istio-apis", "blocked", "FAIL", "EA105"),
        ("istio-apis", "deny", "FAIL", "EA104"),
        ("istio-apis", "mesh", "PASS", ""),
        ("mesh-gateway-missing", "gateway", "FAIL", "EA101"),
        ("mesh-gateway-missing", "direct", "PASS", ""),
        ("mesh-gateway-missing", "mesh", "FAIL", "EA101"),
        ("ambient", "waypoint", "PASS", ""),
        ("ambient", "blocked", "FAIL", "EA105"),
        ("waypoint-gateway", "gateway", "PASS", ""),
        ("waypoint-gateway", "waypoint", "FAIL", "EA103"),
        ("waypoint-ignored", "waypoint", "FAIL", "EA101"),
    ],
)
def test_a_probe_and_a_window_get_one_outcome_and_code(name: str, via: str, outcome: str, code: str) -> None:
    folder = SAMPLES / name
    saved = json.loads((folder / "mesh.json").read_text())
    data = policy(via, Mesh.from_json(saved))
    [verdict] = report_on(replace(load(folder), expect=None, policy=data)).verdicts
    assert (verdict.outcome, verdict.code) == (outcome, code)
    rules = parse_policy(data)
    mesh = Mesh.from_json(saved, believed(Mesh.from_json(saved).trust, rules))
    report = audit_window((str(folder),), mesh, replace(EVER, policy=rules))
    host = verdict.flow.probe.target.host
    own = [each for each in report.judged if each.group.host == host and each.group.path is verdict.path_seen]
    assert {each.outcome for each in own} == {verdict.outcome}
    assert not code or code in {each.code for each in report.findings}


def row_of(name: str, data: bytes) -> tuple[Outcome, MatrixRow]:
    report = report_on(replace(load(SAMPLES / name), expect=None, policy=data))
    [row] = report.matrix
    return report.outcome, row


def test_what_a_policy_waives_is_shown_and_does_not_count() -> None:
    mesh = Mesh.from_json(json.loads((SAMPLES / "istio-apis" / "mesh.json").read_text()))
    outcome, row = row_of("istio-apis", policy("blocked", mesh, waived=True))
    assert (row.outcome, row.waived) == (Outcome.FAIL, True)
    # Nothing else was proven, so nothing is.
    assert outcome is Outcome.INCONCLUSIVE


def test_what_a_policy_allows_without_a_rule_is_not_judged() -> None:
    mesh = Mesh.from_json(json.loads((SAMPLES / "istio-apis" / "mesh.json").read_text()))
    outcome, row = row_of("istio-apis", policy("allow", mesh))
    assert outcome is Outcome.INCONCLUSIVE
    assert row.decisive is not None
    assert row.decisive.code == "EA406"
