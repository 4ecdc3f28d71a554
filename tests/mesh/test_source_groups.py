"""Which workloads are one group, and for which hosts the configuration treats groups of several namespaces alike."""

from __future__ import annotations

import pytest
from support.claims import DOCS
from support.mesh import entry, obj, pod, route, sidecar
from support.scenarios import NAMES, mesh

from egressaudit.judge.declared import declared_ways
from egressaudit.mesh import Mesh
from egressaudit.mesh.modes.capture import captured_pods
from egressaudit.mesh.source_groups import Alike, source_groups
from egressaudit.mesh.steering.outside_hosts import registered_targets

SHOP = [
    sidecar("shop/cart-0", "10.0.0.1", labels={"app": "cart"}),
    sidecar("shop/web-0", "10.0.0.2", labels={"app": "web"}),
]
SELECTING = obj("Sidecar", "shop/cart", spec={"workloadSelector": {"labels": {"app": "cart"}}, "egress": []})
BY_LABEL = route(match=[{"sourceLabels": {"app": "cart"}}])
EXCLUDED = {"traffic.sidecar.istio.io/excludeOutboundPorts": "443", "sidecar.istio.io/status": "{}"}


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ([], ["shop (sidecar)"]),
        ([SELECTING], ["shop (sidecar, app=cart)", "shop (sidecar, app=web)"]),
        ([BY_LABEL], ["shop (sidecar, app=cart)", "shop (sidecar, app=web)"]),
        ([sidecar("cart/web-0", "10.0.0.3")], ["cart (sidecar)", "shop (sidecar)"]),
        ([pod("shop/job-0", "10.0.0.4", "job")], ["shop (sidecar)"]),
        (
            [sidecar("shop/old-0", "10.0.0.5", annotations=EXCLUDED)],
            ["shop (sidecar)", "shop (sidecar, traffic.sidecar.istio.io/excludeOutboundPorts=443)"],
        ),
    ],
)
def test_workloads_are_one_group_unless_something_tells_them_apart(more, names) -> None:
    assert [each.name for each in source_groups(Mesh.of([*SHOP, *more]).world)] == names


def test_a_group_names_its_workloads_and_a_ready_pod_stands_for_it() -> None:
    waiting = {"conditions": [{"type": "Ready", "status": "False"}]}
    [group] = source_groups(Mesh.of([sidecar("shop/a-0", "10.0.0.9", status=waiting), *SHOP]).world)
    assert (group.workloads, group.pods) == (("StatefulSet/a", "StatefulSet/cart", "StatefulSet/web"), 3)
    assert group.example.name == "cart-0"


ASKING = {"istio.io/use-waypoint": "wp"}
SILENT = obj("Telemetry", "b/off", "telemetry.istio.io/v1", spec={})
FAR = [sidecar(f"{name}/web-0", f"10.0.1.{number}") for number, name in enumerate(("a", "b", "c"))]


@pytest.mark.parametrize(
    ("objects", "sets"),
    [
        ([entry("x/docs")], [("a", "b", "c")]),
        ([entry("a/docs")], [("a", "b", "c")]),
        ([entry("a/docs"), route()], [("a",), ("b", "c")]),
        ([entry("x/docs", exportTo=["b"]), route()], [("a", "c"), ("b",)]),
        ([entry("x/docs"), obj("Sidecar", "c/default", spec={})], [("a", "b", "c")]),
        ([entry("x/docs"), route(), obj("Sidecar", "c/default", spec={})], [("a", "b"), ("c",)]),
        ([entry("x/docs"), route(match=[{"sourceNamespace": "a"}])], [("a",), ("b", "c")]),
        ([entry("x/docs"), route(), SILENT], [("a", "c"), ("b",)]),
        (
            [entry("x/docs", labels=ASKING), SILENT],
            [("a", "c"), ("b",)],
        ),
        ([entry("x/docs", labels=ASKING), obj("Sidecar", "c/default", spec={})], [("a", "b", "c")]),
    ],
)
def test_namespaces_that_nothing_about_a_host_tells_apart_are_alike(objects, sets) -> None:
    world = Mesh.of([*FAR, *objects]).world
    found = Alike(world).sets(DOCS, source_groups(world))
    assert [tuple(group.namespace for group in each) for each in found] == sets


@pytest.mark.parametrize("name", NAMES)
def test_one_pod_stands_for_all_of_its_group_in_every_scenario(name: str) -> None:
    """What each pod alone is given is what its group is given, but for names."""
    snapshot = mesh(name)
    targets = registered_targets(snapshot.world.objects)
    together = declared_ways(snapshot, source_groups(snapshot.world), targets)
    for each in captured_pods(snapshot.pods):
        [group] = source_groups(snapshot.world, [each])
        own = {(way.host, way.port, way.scheme): way for way in declared_ways(snapshot, [group], targets)}
        shared = {(way.host, way.port, way.scheme): way for way in together if group.name in way.sources}
        assert {key: (way.path, way.via, way.outcome) for key, way in own.items()} == {
            key: (way.path, way.via, way.outcome) for key, way in shared.items()
        }
