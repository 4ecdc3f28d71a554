"""Which logs a collection asks for."""

from __future__ import annotations

from support.scenarios import mesh as scenario_mesh

from egressaudit.collect.selection import select_sources
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun
from egressaudit.selectors import Selector


def test_all_gateways_come_first_whatever_namespaces_are_chosen() -> None:
    mesh = scenario_mesh("istio-apis")
    every = select_sources(mesh, None)
    assert [each.namespace for each in every] == ["egress-gateway", "curl"]
    assert select_sources(mesh, ("elsewhere",)) == every[:1]
    assert select_sources(mesh, ("curl",), Selector.parse("app=curl")) == every
    assert select_sources(mesh, ("curl",), Selector.parse("app=other")) == every[:1]
    assert select_sources(mesh, ("curl",), Selector.parse("app!=other")) == every
    assert select_sources(mesh, ("curl",), Selector.parse("app notin (curl)")) == every[:1]


def test_in_ambient_mode_the_waypoint_and_every_ztunnel_are_chosen() -> None:
    sources = select_sources(scenario_mesh("ambient"), ("curl",))
    assert [each.pod.rpartition("-")[0] for each in sources] == ["waypoint-5d8f", "ztunnel-node", "ztunnel-node"]


def test_a_snapshot_of_before_has_no_times_and_still_loads() -> None:
    mesh = Mesh.from_json({"version": 1, "objects": scenario_mesh("istio-apis").to_json()["objects"]})
    assert mesh.pods
    assert all(each.started is None and each.runs == () for each in mesh.pods)
    assert mesh.pods[0].run("istio-proxy") == ContainerRun("istio-proxy")
