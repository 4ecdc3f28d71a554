"""Rules that copy requests, of which no proxy logs anything: each row is a rule, and where its copies go."""

from __future__ import annotations

import pytest
import yaml
from support.clusters import HOST, READ, Object, endpoint_slice, labelled, obj, pod, service

from egressaudit.mesh import Mesh
from egressaudit.mesh.steering.mirrors import Mirror, mirrors

EVIL = "evil.example.com"
TEE = "tee.shop.svc.cluster.local"
SHOP = labelled(
    endpoint_slice(
        name="shop/tee-x",
        of="tee",
        endpoints=[{"addresses": ["10.0.0.2"], "targetRef": {"kind": "Pod", "name": "tee-1"}}],
    ),
    **{
        "kubernetes.io/service-name": "tee",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    },
)
SHOP["metadata"]["ownerReferences"] = [{"kind": "Service", "name": "tee"}]
INSIDE = [service("shop/tee", selector={"app": "tee"}), pod("shop/tee-1", "10.0.0.2", app="tee"), SHOP]


def virtual(rule: str, name: str = "curl/v", **spec: object) -> Object:
    return obj("VirtualService", name, spec={"hosts": [HOST], "http": [yaml.safe_load(rule)], **spec})


def route(kind: str, rule: str, **spec: object) -> Object:
    given = {"parentRefs": [{"name": "gw"}], "rules": [yaml.safe_load(rule)], **spec}
    return obj(kind, "egress/r", "gateway.networking.k8s.io/v1", spec=given)


def found(*objects: Object, read: frozenset[str] = READ) -> tuple[Mirror, ...]:
    mesh = Mesh.from_json(Mesh.of(objects, read).to_json())
    return mirrors(mesh.world, mesh.read)


@pytest.mark.parametrize(
    ("rule", "to"),
    [
        ("{mirror: {host: evil.example.com}}", [EVIL]),
        ("{mirror: {host: evil.example.com}, mirrorPercentage: {value: 0.1}}", [EVIL]),
        ("{mirror: {host: evil.example.com}, mirrorPercentage: {value: 0}}", []),
        ("{mirror: {host: evil.example.com}, mirrorPercentage: {}}", []),
        ("{mirror: {host: evil.example.com}, mirrorPercentage: much}", [EVIL]),
        ("{mirror: {host: evil.example.com}, mirrorPercent: 0}", []),
        ("{mirror: {host: evil.example.com}, mirror_percent: 0}", []),
        ("{mirror: {host: tee}}", ["tee.curl.svc.cluster.local"]),
        ("{mirrors: [{destination: {host: evil.example.com}}, {destination: {host: tee.shop}}]}", [EVIL, "tee.shop"]),
        ("{mirrors: [{destination: {host: evil.example.com}, percentage: {value: 0}}]}", []),
        ("{mirrors: [{percentage: {value: 100}}]}", []),
        ("{route: [{destination: {host: evil.example.com}}]}", []),
    ],
)
def test_a_virtual_service_mirrors_what_its_http_rules_say(rule: str, to: list[str]) -> None:
    assert found(virtual(rule)) == tuple(Mirror("VirtualService curl/v", frozenset({HOST}), each, True) for each in to)


def test_a_delegate_mirrors_the_requests_of_what_hands_on_to_it() -> None:
    root = virtual("{delegate: {name: d, namespace: shop}}")
    delegate = virtual("{mirror: {host: evil.example.com}}", "shop/d", hosts=[])
    [mirror] = found(root, delegate)
    assert (mirror.rule, mirror.hosts) == ("VirtualService shop/d", {HOST})


FILTER = "filters: [{type: RequestMirror, requestMirror: {backendRef: {%s}%s}}]"


@pytest.mark.parametrize(
    ("rule", "to"),
    [
        (FILTER % ("name: tee, namespace: shop", ""), [TEE]),
        (FILTER % ("name: tee", ""), ["tee.egress.svc.cluster.local"]),
        (FILTER % ("kind: Hostname, group: networking.istio.io, name: evil.example.com", ""), [EVIL]),
        (FILTER % ("kind: Bucket, group: example.com, name: b", ""), ["Bucket egress/b"]),
        (FILTER % ("name: tee", ", percent: 0"), []),
        (FILTER % ("name: tee", ", fraction: {numerator: 0}"), []),
        (FILTER % ("name: tee", ", fraction: {numerator: 1}"), ["tee.egress.svc.cluster.local"]),
        ("backendRefs: [{name: a, " + FILTER % ("name: tee", "") + "}]", ["tee.egress.svc.cluster.local"]),
        ("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: []}}]", []),
    ],
)
@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_route_mirrors_by_its_filters(kind: str, rule: str, to: list[str]) -> None:
    assert [each.to for each in found(route(kind, f"{{{rule}}}", hostnames=[HOST]))] == to


@pytest.mark.parametrize(
    ("spec", "hosts"),
    [
        ({"hostnames": [HOST]}, {HOST}),
        ({}, {"*"}),
        ({"parentRefs": [{"kind": "Service", "name": "gw"}]}, {"gw.egress.svc.cluster.local"}),
        ({"parentRefs": [{"kind": "ServiceEntry", "name": "docs"}]}, {HOST}),
        ({"parentRefs": [{"kind": "ServiceEntry", "name": "gone"}]}, {"*"}),
        ({"parentRefs": []}, {"*"}),
    ],
)
def test_a_route_is_for_its_hostnames_or_its_parents(spec: dict[str, object], hosts: set[str]) -> None:
    entry = obj("ServiceEntry", "egress/docs", spec={"hosts": [HOST]})
    [mirror] = found(entry, route("HTTPRoute", f"{{{FILTER % ('name: tee', '')}}}", **spec))
    assert mirror.hosts == hosts


def test_only_a_service_that_provably_leads_to_pods_alone_is_inside() -> None:
    to_shop = virtual("{mirror: {host: tee.shop.svc.cluster.local}}")
    [mirror] = found(to_shop, *INSIDE)
    assert (mirror.to, mirror.to_host_outside) == (TEE, False)
    by_hand = endpoint_slice("6.6.6.6", name="shop/mine", of="tee")
    assert [each.to_host_outside for each in found(to_shop, *INSIDE, by_hand)] == [True]
    assert [
        each.to_host_outside for each in found(to_shop, *INSIDE, read=READ - {"networking.istio.io/ServiceEntry"})
    ] == [True]
