"""Objects of any shape: a sidecar is asked without an error, and its last choice has no condition."""

from __future__ import annotations

from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st
from support.junk import JUNK, junk_objects
from support.leaves import leaves, with_leaf
from support.mesh import GW_HOST, HOST, egress_gateway, entry, obj, service, sidecar

from egressaudit.mesh import Mesh
from egressaudit.mesh.routes.sidecar_proxy import alike, step
from egressaudit.model import Act, Call, ObjectRef, Scheme

SOURCE = sidecar("shop/shop-1", "10.0.0.2", labels={"app": "shop"})
TO_GATEWAY = {"destination": {"host": GW_HOST, "port": {"number": 80}, "subset": "v1"}, "weight": 50}
WHOLE = [
    obj("Namespace", "shop", "v1", labels={"team": "a"}),
    *egress_gateway("gw", "10.0.0.9", "10.96.0.9")[-1:],
    service("shop/cart", "None", {"app": "cart"}, ports=[{"name": "tcp", "port": 443, "appProtocol": "https"}]),
    service("shop/alias", "", type="ExternalName", externalName=HOST),
    entry("shop/docs", addresses=["203.0.113.0/24"], protocol="TCP", port=443, resolution="NONE", exportTo=["*"]),
    entry("egress/docs", workloadSelector={"labels": {"app": "vm"}})
    | {"status": {"addresses": [{"host": HOST, "value": "240.240.0.1"}]}},
    obj("WorkloadEntry", "egress/vm", spec={"address": "203.0.113.7", "labels": {"app": "vm"}}),
    obj("VirtualService", "shop/docs", spec={
        "hosts": [HOST, "*.redhat.com"], "gateways": ["mesh"], "exportTo": ["."],
        "http": [
            {"match": [{"uri": {"prefix": "/a"}, "headers": {"x": {}}, "port": 80, "gateways": ["mesh"]}],
             "route": [TO_GATEWAY, {"destination": {"host": HOST}, "weight": 50}],
             "fault": {"abort": {"percentage": {"value": 5}}}, "rewrite": {"authority": "a"}},
            {"match": [{"sourceLabels": {"app": "shop"}, "sourceNamespace": "shop"}], "delegate": {"name": "part"}}],
        "tls": [{"match": [{"sniHosts": [HOST], "destinationSubnets": ["10.0.0.0/8"]}], "route": [TO_GATEWAY]}],
        "tcp": [{"match": [{"port": 443, "destinationSubnets": ["10.0.0.0/8"]}], "route": [TO_GATEWAY]}]}),
    obj("VirtualService", "shop/part", spec={"http": [{"match": [{"uri": {"exact": "/a"}}], "route": [TO_GATEWAY]}]}),
    obj("DestinationRule", "shop/docs", spec={
        "host": GW_HOST, "exportTo": ["."], "workloadSelector": {"matchLabels": {"app": "shop"}},
        "subsets": [{"name": "v1", "labels": {"a": "b"}}], "trafficPolicy": {
            "tunnel": {"targetHost": "t", "targetPort": 443}, "tls": {"mode": "SIMPLE", "sni": "a"},
            "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "ISTIO_MUTUAL"}}]}}),
    obj("Sidecar", "shop/own", spec={
        "workloadSelector": {"labels": {"app": "shop"}},
        "egress": [{"port": {"number": 443, "protocol": "TLS"}, "hosts": ["./*"], "bind": "127.0.0.1"},
                   {"hosts": ["*/*", "~other/*"], "captureMode": "DEFAULT"}],
        "outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": GW_HOST, "port": {"number": 80}}}}),
]  # fmt: skip

CALLS = (
    Call(HOST, 80, Scheme.HTTP),
    Call(HOST, 443, Scheme.HTTPS, address="203.0.113.7"),
    Call("cart", 443, Scheme.TCP),
    Call("other.example.com", 443, Scheme.HTTPS),
)


def asked(objects):
    """What the sidecar is asked; every choice that sends says where to, every other one does not."""
    mesh = Mesh.of([SOURCE, *objects])
    source = mesh.pod(ObjectRef("shop", "shop-1"))
    assert source is not None
    alike(mesh.world, source)
    for call in CALLS:
        choices = step(mesh.world, source, call).choices
        assert choices[-1].when == ()
        assert all(bool(each.to) is (each.act is Act.SEND) for each in choices)


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
