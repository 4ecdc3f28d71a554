"""What is declared: one answer for groups that get the same, each fault once, and an outcome that is never too good."""

from __future__ import annotations

import pytest
from support.mesh import READ, egress_gateway, entry, obj, route, sidecar

from egressaudit.judge.declared import declared_ways, found_faults, undecided
from egressaudit.mesh import Mesh
from egressaudit.mesh.source_groups import source_groups
from egressaudit.mesh.steering.outside_hosts import registered_targets
from egressaudit.model import ObjectRef, Outcome, Path
from egressaudit.model.analysis import DeclaredWay, Effect, FoundFault

GATEWAY = obj(
    "Gateway",
    "egress/gw",
    spec={
        "selector": {"istio": "gw"},
        "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    },
)
BASE = [
    obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "accessLogFile: /dev/stdout"}),
    *egress_gateway("gw", "10.0.9.1", "10.1.0.1"),
    GATEWAY,
    sidecar("shop/web-0", "10.0.0.1"),
    sidecar("cart/web-0", "10.0.0.2"),
]


def without_mesh(where: str, host: str) -> dict:
    rule = route(where, host)
    rule["spec"]["gateways"] = ["egress/gw"]
    return rule


def analyzed(*objects: dict) -> tuple[tuple[DeclaredWay, ...], tuple[FoundFault, ...]]:
    mesh = Mesh.of([*BASE, *objects], READ)
    groups = source_groups(mesh.world)
    ways = declared_ways(mesh, groups, registered_targets(mesh.world.objects))
    return found_faults(mesh, ways, groups, lambda fault: fault.slug.upper())


def test_a_way_without_a_fault_is_one_for_all_groups() -> None:
    [way], faults = analyzed(entry("egress/docs"), route())
    assert (way.outcome, way.path, way.via) == (Outcome.PASS, Path.VIA_GATEWAY, ObjectRef("egress", "gw"))
    assert way.sources == ("cart (sidecar)", "shop (sidecar)")
    assert faults == ()


def test_a_host_that_no_rule_claims_has_no_way_and_that_is_no_fault_of_its_own() -> None:
    [way], faults = analyzed(entry("egress/docs", exportTo=["egress"]))
    assert (way.outcome, way.path, faults) == (Outcome.INCONCLUSIVE, None, ())


def test_a_fault_is_found_once_with_all_that_it_hits() -> None:
    hosts = ("a.example.com", "b.example.com")
    rule = without_mesh("egress/all", hosts[0])
    rule["spec"]["hosts"] = list(hosts)
    entries = [entry(f"egress/{host[0]}", host) for host in hosts]
    ways, [found] = analyzed(rule, *entries)
    assert (found.fault.slug, found.code) == ("mesh-gateway-missing", "MESH-GATEWAY-MISSING")
    assert found.hosts == ("a.example.com:80", "b.example.com:80")
    assert found.sources == ("cart (sidecar)", "shop (sidecar)")
    assert [way.found for way in ways] == [(0,), (0,)]


def test_groups_that_get_different_answers_are_told_apart() -> None:
    hiding = obj("Sidecar", "shop/default", spec={"egress": [{"hosts": ["./*"]}]})
    ways, faults = analyzed(entry("egress/docs"), route(), hiding)
    assert [(way.sources, way.outcome) for way in ways] == [
        (("cart (sidecar)",), Outcome.PASS),
        (("shop (sidecar)",), Outcome.FAIL),
    ]
    assert {each.fault.slug for each in faults} == {"not-imported"}
    assert {each.sources for each in faults} == {("shop (sidecar)",)}


EXCLUDED = {"sidecar.istio.io/status": "{}", "traffic.sidecar.istio.io/excludeOutboundPorts": "80"}
SILENT = obj("Telemetry", "egress/off", "telemetry.istio.io/v1", spec={"accessLogging": [{"disabled": True}]})
DENYING = obj("AuthorizationPolicy", "egress/none", "security.istio.io/v1", spec={})
REMOVING = {"applyTo": "CLUSTER", "patch": {"operation": "REMOVE"}}
PATCHING = obj("EnvoyFilter", "egress/odd", spec={"configPatches": [REMOVING]})


@pytest.mark.parametrize(
    ("objects", "outcome", "effects"),
    [
        ([route()], Outcome.PASS, set()),
        ([without_mesh("egress/docs", "docs.redhat.com")], Outcome.FAIL, {Effect.AROUND}),
        ([route(), SILENT], Outcome.INCONCLUSIVE, {Effect.UNSEEN}),
        ([route(), DENYING], Outcome.INCONCLUSIVE, {Effect.FAILS}),
        ([route(), PATCHING], Outcome.INCONCLUSIVE, {Effect.OPEN}),
        ([without_mesh("egress/docs", "docs.redhat.com"), SILENT], Outcome.FAIL, {Effect.AROUND, Effect.UNSEEN}),
    ],
)
def test_the_worst_effect_decides(objects, outcome, effects) -> None:
    ways, faults = analyzed(entry("egress/docs"), *objects)
    assert {way.outcome for way in ways} == {outcome}
    assert {each.effect for each in faults} == effects


def test_a_port_that_a_pod_excludes_goes_around_whatever_is_declared() -> None:
    ways, faults = analyzed(entry("egress/docs"), route(), sidecar("old/web-0", "10.0.0.3", annotations=EXCLUDED))
    assert [way.outcome for way in ways] == [Outcome.PASS, Outcome.FAIL]
    assert [each.fault.slug for each in faults] == ["not-captured"]


@pytest.mark.parametrize(
    ("read", "refused", "missing", "never_asked"),
    [
        (READ, set(), 0, 0),
        (READ - {"networking.istio.io/VirtualService"}, {"networking.istio.io/VirtualService"}, 1, 0),
        (READ - {"gateway.networking.k8s.io/HTTPRoute"}, {"gateway.networking.k8s.io/HTTPRoute"}, 1, 0),
        (READ - {"networking.istio.io/EnvoyFilter"}, set(), 0, 1),
        (READ - {"Node"}, {"Node"}, 0, 0),
        (set(), set(), 1, 0),
    ],
)
def test_kinds_that_declare_a_way_and_were_not_read_leave_it_undecided(read, refused, missing, never_asked) -> None:
    found = undecided(Mesh.of([], read, refused=refused))
    assert tuple(map(len, found)) == (missing, never_asked)
