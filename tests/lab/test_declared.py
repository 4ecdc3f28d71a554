"""The lab's proxies have what istiod would give them: for each host that its sidecars know, by the model of routes.

The lab writes the configuration of its Envoys by hand, so this holds the scenarios to their own objects; and the model
of routes and the reader of dumps to each other.
"""

from __future__ import annotations

import time

import pytest
from support.lab_thread import running_lab

from egressaudit.cluster import Cluster
from egressaudit.collect.proxy_config import ProxyAsker
from egressaudit.judge.declared_step import declared_step
from egressaudit.mesh import RESOURCES, Mesh, trim
from egressaudit.mesh.programmed.step_differences import differences
from egressaudit.model import Call, DataplaneMode, Reporter, Scheme
from egressaudit.pipeline.asking import ask_way
from egressaudit_lab.scenario import Scenario, load_scenario

pytestmark = pytest.mark.e2e

SCENARIOS = (
    *("gateway-down", "istio-apis", "mesh-gateway-missing", "no-service-entry", "rbac-denied", "redirect-escapes"),
    *("registry-only", "tls-passthrough", "whole-mesh"),
)
"""Those with a pod that has a sidecar from the start."""


def calls(scenario: Scenario) -> list[Call]:
    schemes = {"http": Scheme.HTTP, "https": Scheme.HTTPS, "tcp": Scheme.TCP}
    return [
        Call(host.host, port.port, schemes[port.serves], path="/", method="GET")
        for host in scenario.behaviour.hosts
        for port in host.ports
        if port.serves in schemes
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_proxies_have_what_the_objects_declare(name: str) -> None:
    scenario = load_scenario(name)
    asked = []
    with running_lab(scenario) as lab:
        cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
        # As a saved snapshot has it.
        mesh = Mesh.from_json(Mesh.of([trim(each) for each in cluster.objects(RESOURCES)], cluster.read).to_json())
        asker = ProxyAsker(cluster, time.monotonic() + 30)
        for pod in mesh.pods:
            if pod.mode is DataplaneMode.SIDECAR:
                asked += [each for call in calls(scenario) for each in ask_way(asker, mesh, pod, call)]
    assert Reporter.SIDECAR in {each.reporter for each in asked}
    for each in asked:
        declared = declared_step(mesh, each)
        assert (each.error, declared is None or each.step is None) == ("", False)
        assert declared is not None
        assert each.step is not None
        assert differences(declared, each.step) == (), each
