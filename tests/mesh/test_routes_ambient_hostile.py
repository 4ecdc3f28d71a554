"""Objects of any shape: ztunnels and waypoints are asked without an error, and nothing is claimed that is not there."""

from __future__ import annotations

import json
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st
from support.junk import JUNK, junk_objects
from support.leaves import leaves, with_leaf
from support.mesh import entry, obj, pod, service

from egressaudit.mesh import Mesh, NamedPlanes, still_to_read, trim
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.mesh.routes.ztunnel_step import ztunnel_step
from egressaudit.model import Act, Call, ObjectRef, Scheme

APP = pod("shop/app-1", "10.0.0.3", "app", labels={"istio.io/dataplane-mode": "ambient"})
BOUND = {"istio.io/use-waypoint": "wp", "istio.io/use-waypoint-canary": "new"}
WHOLE = [
    obj("Namespace", "shop", "v1", labels={"team": "a"}, annotations={"istio.io/use-waypoint-canary-weight": "5"}),
    obj("GatewayClass", "istio-waypoint", "gateway.networking.k8s.io/v1", labels={"istio.io/waypoint-for": "service"}),
    obj(
        "Gateway", "shop/wp", "gateway.networking.k8s.io/v1",
        annotations={"ambient.istio.io/waypoint-inbound-binding": "PROXY/80"},
        spec={"gatewayClassName": "istio-waypoint", "listeners": [
            {"name": "m", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "Selector",
             "selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}}}}]},
        status={"addresses": [{"type": "Hostname", "value": "wp.shop.svc.cluster.local"}]},
    ),
    service("shop/wp", "10.96.0.8", {"wp": "yes"}, ports=[{"name": "mesh", "port": 15008}]),
    pod("shop/wp-1", "10.0.0.8", "istio-proxy", labels={"wp": "yes"}),
    entry("shop/docs", labels=BOUND, workloadSelector={"labels": {"wp": "yes"}}, endpoints=[{"address": "203.0.113.7"}],
          addresses=["240.240.0.1"]) | {"status": {"addresses": [{"host": "docs.redhat.com", "value": "240.240.0.1"}]}},
    obj("VirtualService", "shop/docs", spec={
        "hosts": ["docs.redhat.com"], "gateways": ["mesh"],
        "http": [{"match": [{"port": 80}], "route": [{"destination": {"host": "wp", "port": {"number": 80}}}]}],
        "tls": [{"match": [{"sniHosts": ["docs.redhat.com"]}], "route": [{"destination": {"host": "wp"}}]}],
        "tcp": [{"match": [{"port": 9}], "route": [{"destination": {"host": "wp"}, "weight": 1}]}]}),
    obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": json.dumps({
        "discoverySelectors": [{"matchLabels": {"team": "a"}}],
        "serviceEntryVisibility": {"defaultVisibility": "PUBLIC", "policies": [{"visibility": "NAMESPACE",
            "matchingRules": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}]}})}),
    obj("IstioRevision", "canary", "sailoperator.io/v1", spec={"namespace": "mesh"}),
]  # fmt: skip


CALLS = ((80, Scheme.HTTP, ""), (443, Scheme.HTTPS, "240.240.0.1"), (9, Scheme.TCP, "10.0.0.8"))


def asked(objects):
    """What both proxies are asked; every choice that sends says where to, every other one does not."""
    mesh = Mesh.of([APP, *objects])
    source = mesh.pod(ObjectRef("shop", "app-1"))
    assert source is not None
    for port, scheme, address in CALLS:
        call = Call("docs.redhat.com", port, scheme, address=address)
        for step in (ztunnel_step(mesh.world, source, call), waypoint_step(mesh.world, ObjectRef("shop", "wp"), call)):
            assert not step.choices[-1].when or step.choices[-1].act is Act.REFUSE
            assert all(bool(each.to) is (each.act is Act.SEND) for each in step.choices)
    still_to_read([trim(each) for each in objects if isinstance(each, dict)], NamedPlanes())


PLACES = [(n, path) for n, each in enumerate(WHOLE) for path in leaves(each)]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES), JUNK)
def test_a_wrong_type_at_any_leaf_raises_nothing(place, value):
    asked(with_leaf(WHOLE, *place, value))


@settings(max_examples=50, deadline=None)
@given(st.lists(junk_objects(), max_size=6))
def test_objects_of_any_shape_raise_nothing(objects):
    asked([*objects, *WHOLE])


def test_every_leaf_that_is_gone_or_of_the_wrong_type_raises_nothing():
    for place, value in zip(PLACES, cycle((None, 7, "x", [], {}, [None], {"": 1})), strict=False):
        asked(with_leaf(WHOLE, *place, value))
