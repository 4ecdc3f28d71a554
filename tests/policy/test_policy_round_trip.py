"""A policy that was inferred from a configuration judges the traffic of that configuration as compliant."""

from __future__ import annotations

import json
from pathlib import Path as File

import pytest
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.mesh import Mesh
from egressaudit.policy.mesh_inference import infer_from_mesh

WORKING = ("ambient", "gateway-api", "istio-apis", "tls-passthrough", "waypoint-gateway")
"""The lab's scenarios whose configuration leads every request through its gateway or waypoint."""


@pytest.mark.parametrize("scenario", WORKING)
def test_traffic_of_a_working_configuration_complies_with_its_own_policy(scenario, tmp_path, capsys):
    folder = SAMPLES / scenario
    policy = tmp_path / "policy.yaml"
    policy.write_text(infer_from_mesh(Mesh.from_json(json.loads((folder / "mesh.json").read_text()))))
    report = _audited(folder, policy, capsys)
    ways = [each["path"] for each in report["flows"] if each["path"] != "blocked"]
    assert ways
    assert set(ways) <= {"via-gateway", "via-waypoint"}
    assert {each["outcome"] for each in report["flows"]} == {"PASS"}


def test_traffic_that_goes_around_a_gateway_does_not_comply(tmp_path, capsys):
    """The counter-check: the same steps find what the configuration's mistake lets out."""
    folder = SAMPLES / "mesh-gateway-missing"
    policy = tmp_path / "policy.yaml"
    policy.write_text(infer_from_mesh(Mesh.from_json(json.loads((folder / "mesh.json").read_text()))))
    assert {each["outcome"] for each in _audited(folder, policy, capsys)["flows"]} == {"FAIL"}


def _audited(folder: File, policy: File, capsys: pytest.CaptureFixture[str]):
    window = ["--since", "2020-01-01T00:00:00Z", "--until", "2035-01-01T00:00:00Z"]
    run(["audit", str(folder), *window, "--policy", str(policy), "-o", "json", "-q"])
    return json.loads(capsys.readouterr().out)
