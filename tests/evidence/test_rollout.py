"""What a cluster makes of manifests: pods, sidecars, the proxies of Gateways; and a mesh with manifests applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.junk import junk_objects
from support.mesh import APPS, GATEWAY_API, obj, service, sidecar

from egressaudit.evidence.applied import applied
from egressaudit.evidence.field_places import Slice
from egressaudit.evidence.manifests import WrittenObject
from egressaudit.evidence.rollout import injected, rolled_out
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import DataplaneMode, ObjectRef, Reporter


def namespace(name: str, **labels: str) -> dict:
    return obj("Namespace", name, "v1", labels=labels)


def workload(kind: str, where: str, **template: object) -> dict:
    spec = {"template": {"metadata": template, "spec": {"containers": [{"name": "app"}]}}}
    return obj(kind, where, APPS, spec=spec)


def mesh_of(*objects: dict) -> tuple[Mesh, list[str]]:
    return applied(None, [WrittenObject(each, Slice("f", 1, 0, "")) for each in objects], Trust(), ())


INJECTED, AMBIENT = {"istio-injection": "enabled"}, {"istio.io/dataplane-mode": "ambient"}


@pytest.mark.parametrize(
    ("labels", "pod_labels", "annotations", "expected"),
    [
        ({}, {}, {}, False),
        (INJECTED, {}, {}, True),
        (INJECTED, {"sidecar.istio.io/inject": "false"}, {}, False),
        (INJECTED, {}, {"sidecar.istio.io/inject": "false"}, False),
        (INJECTED, {"sidecar.istio.io/inject": "true"}, {"sidecar.istio.io/inject": "false"}, True),
        ({}, {"sidecar.istio.io/inject": "true"}, {}, True),
        ({"istio-injection": "disabled"}, {"sidecar.istio.io/inject": "true"}, {}, False),
        ({"istio.io/rev": "canary"}, {}, {}, True),
        ({}, {"istio.io/rev": "canary"}, {}, True),
        ({"istio-injection": "disabled", "istio.io/rev": "canary"}, {}, {}, False),
    ],
)
def test_which_pods_get_a_sidecar(labels, pod_labels, annotations, expected) -> None:
    assert injected(labels, pod_labels, annotations) is expected


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_workload_has_a_ready_pod_with_a_sidecar(kind: str) -> None:
    mesh, notes = mesh_of(namespace("shop", **INJECTED), workload(kind, "shop/cart", labels={"app": "cart"}))
    [pod] = mesh.pods
    assert (pod.owner, pod.mode, pod.ready) == (f"{kind}/cart", DataplaneMode.SIDECAR, True)
    assert pod.labels == {"app": "cart"}
    assert notes == ["judged by these files alone: what is not in them counts as not there"]


def test_a_workload_without_replicas_has_no_pod_and_one_in_ambient_mode_no_sidecar() -> None:
    none = workload("Deployment", "shop/cart")
    none["spec"]["replicas"] = 0
    mesh, _ = mesh_of(namespace("shop", **AMBIENT), none, workload("Deployment", "shop/web"))
    [pod] = mesh.pods
    assert (pod.owner, pod.mode) == ("Deployment/web", DataplaneMode.AMBIENT)


def test_a_namespace_that_is_not_there_is_assumed_to_be_in_the_mesh_and_named() -> None:
    mesh, notes = mesh_of(workload("Deployment", "shop/cart"))
    assert mesh.pods[0].mode is DataplaneMode.SIDECAR
    assert notes[1] == "namespace shop is not in the files: its pods are taken as having sidecars"


def test_a_gateway_of_the_gateway_api_has_proxies_and_a_service_as_istiod_makes_them() -> None:
    listeners = [{"name": "http", "port": 80}]
    gateway = obj("Gateway", "egress/gw", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": listeners})
    waypoint = obj("Gateway", "egress/wp", GATEWAY_API, spec={"gatewayClassName": "istio-waypoint"})
    other = obj("Gateway", "egress/x", GATEWAY_API, spec={"gatewayClassName": "nginx"})
    mesh, _ = mesh_of(gateway, waypoint, other)
    roles = {(pod.gateway, pod.role) for pod in mesh.pods}
    assert roles == {
        (ObjectRef("egress", "gw"), Reporter.EGRESS_GATEWAY),
        (ObjectRef("egress", "wp"), Reporter.WAYPOINT),
    }
    made = mesh.world.objects.one("", "Service", "egress", "gw-istio")
    assert made is not None
    assert made.spec["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_a_service_that_is_written_is_not_made_again() -> None:
    gateway = obj("Gateway", "egress/gw", GATEWAY_API, spec={"gatewayClassName": "istio"})
    own = service("egress/gw-istio", "10.0.0.1", {"a": "b"})
    found = [each for each in rolled_out([gateway, own]).objects if each["kind"] == "Service"]
    assert found == [own]


def test_applied_to_a_snapshot_objects_replace_their_like_and_running_workloads_keep_their_pods() -> None:
    deployment = workload("Deployment", "shop/web")
    replica = obj("ReplicaSet", "shop/web-1", APPS, owner="Deployment/web")
    before, after = (service("shop/a", "10.1.0.1", {"x": each}) for each in "12")
    running = sidecar("shop/web-1-x", "10.0.0.1", owner="ReplicaSet/web-1")
    base = Mesh.of([namespace("shop", **INJECTED), deployment, replica, running, before])
    changed = [after, workload("Deployment", "shop/web"), workload("Deployment", "shop/new")]
    mesh, notes = applied(base, [WrittenObject(each, Slice("f", 1, 0, "")) for each in changed], Trust(), ())
    assert sorted(pod.owner for pod in mesh.pods) == ["Deployment/new", "Deployment/web"]
    kept = mesh.world.objects.one("", "Service", "shop", "a")
    assert kept is not None
    assert kept.spec["selector"] == {"x": "2"}
    assert notes == []


def test_what_says_nothing_about_egress_and_unknown_versions_are_named() -> None:
    crd = obj("CronTab", "shop/a", "stable.example.com/v1")
    new = obj("VirtualService", "shop/a", "networking.istio.io/v9", spec={"hosts": ["a.com"]})
    _, notes = mesh_of(namespace("shop"), crd, new, obj("Job", "shop/a", "batch/v1"))
    assert notes[1:] == [
        "VirtualService has an unknown version, v9: it is read as v1",
        "passed over, for they declare no way out: 1 CronTab (stable.example.com/v1)",
    ]


@given(st.lists(junk_objects(), max_size=4))
def test_objects_of_any_shape_are_rolled_out_without_an_error(objects) -> None:
    rolled_out(objects, objects[:1])
