"""Flows to pods that are gone: counted as in-mesh only where the snapshot proves that nothing else stands there.

shop is a Service at 10.96.0.2 with one pod, shop-1 at 10.0.0.2; 10.0.0.50 was a pod's. Each row adds one thing by
which whoever may write in a namespace could make the Service lead out.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.hops import CURL, HOST, OBJECTS, WAYPOINT, ZTUNNEL, add, at_waypoint, seen, straight, tunnel
from support.services import BY_HAND, READ, SHOP, Object, endpoint, endpoint_slice, obj, pod, service

from egressaudit.hops.lanes import HopFingerprints
from egressaudit.join.engines import open_engine
from egressaudit.join.surroundings import Surroundings
from egressaudit.judge.fate import fate_of
from egressaudit.mesh import Mesh

GONE = "10.0.0.50:8080"


NETWORKING = "networking.istio.io/v1"


def replaced(*more: Object) -> list[Object]:
    """The rows' mesh, with a slice of shop's one pod, and with these objects in place of those of the same name."""

    def key(each: Object) -> tuple[str, str, str]:
        return each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]

    usual = [*OBJECTS, pod("shop-1", "10.0.0.2"), endpoint_slice(endpoint("10.0.0.2"))]
    found = {key(each): each for each in (*usual, *more)}
    return list(found.values())


def world(*more: Object, read: tuple[str, ...] = READ) -> Mesh:
    return Mesh.of(replaced(*more), read)


def to_shop(address: str = GONE, host: str = SHOP, **fields: Any) -> dict[str, Any]:
    return straight(upstream_host=address, cluster_host=host, **fields)


def reasons(line: dict[str, Any], mesh: Mesh, log: Any = CURL) -> list[tuple[object, object]]:
    return [(path, reason) for _, _, path, reason, _, _ in seen({log: [line]}, world=mesh)]


NOT_PROVEN = [("unknown", "not-a-pod")]


# ---------------------------------------------------------------- what is proven


@pytest.mark.parametrize(
    "more",
    [
        (),
        (service(publishNotReadyAddresses=True),),
        (endpoint_slice(endpoint("10.0.0.2"), endpoint("10.0.0.51", "shop-0")),),
        (obj(NETWORKING, "WorkloadEntry", "shop", "vm", spec={"address": "10.0.9.9", "labels": {"app": "other"}}),),
        (obj(NETWORKING, "WorkloadEntry", "other", "vm", spec={"address": "10.0.9.9", "labels": {"app": "shop"}}),),
        (obj(NETWORKING, "WorkloadGroup", "other", "vms", spec={}),),
        (obj(NETWORKING, "ServiceEntry", "other", "e", spec={"hosts": [HOST, "*.example.com", "shop"]}),),
        (
            obj(
                NETWORKING,
                "DestinationRule",
                "shop",
                "d",
                spec={"host": "shop", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}},
            ),
        ),
    ],
    ids=["plain", "not ready", "a pod that left", "label", "namespace", "group elsewhere", "other hosts", "balanced"],
)
def test_a_flow_to_a_pod_that_is_gone_is_no_flow_out(more):
    assert SHOP in world(*more).backing().pods_only
    assert reasons(to_shop(), world(*more)) == []


def test_what_went_to_pods_that_are_gone_is_counted_like_what_went_to_pods():
    with (
        TemporaryDirectory() as folder,
        open_engine(Surroundings.of(world()), Path(folder), fate_of, memory_limit="1GB") as store,
    ):
        add(store, HopFingerprints(), 0, CURL, [to_shop(), to_shop(), to_shop("10.0.0.2:8080")])
        store.flush()
        assert store.ignored["inside"] == 3


# ---------------------------------------------------------------- what is not


def entry(address: str = "10.0.9.9", **spec: Any) -> Object:
    return obj(NETWORKING, "WorkloadEntry", "shop", "vm", spec={"address": address, **spec})


def rule(host: str, namespace: str = "curl", **policy: Any) -> Object:
    return obj(NETWORKING, "DestinationRule", namespace, "d", spec={"host": host, **policy})


PASSTHROUGH = {"loadBalancer": {"simple": "PASSTHROUGH"}}


GATEWAY = {"inject.istio.io/templates": "gateway"}


TEMPLATE = {"metadata": {"labels": {"app": "shop"}}, "spec": {"hostNetwork": True, "containers": [{"name": "shop"}]}}


OUT = {
    "a slice made by hand": BY_HAND,
    "one mirrored from Endpoints": endpoint_slice(name="m", manager="endpointslicemirroring-controller.k8s.io"),
    "one with the controller's mark, not of the Service": endpoint_slice(name="forged", owner="ConfigMap"),
    "one with the controller's mark, and no pod": endpoint_slice(endpoint("10.0.0.50", None), name="forged"),
    "one with a pod of another namespace": endpoint_slice(endpoint("10.0.0.1", "curl-1", "curl"), name="forged"),
    "a pod's endpoint at another address": endpoint_slice(endpoint("10.0.0.2"), endpoint("10.0.0.60")),
    "an endpoint far from all pods": endpoint_slice(endpoint("10.0.0.2"), endpoint("198.51.100.9", "shop-0")),
    "no endpoint to show it": endpoint_slice(),
    "a WorkloadEntry, by the labels of its spec": entry(labels={"app": "shop"}),
    "a WorkloadEntry, by its own labels": entry() | {"metadata": {**entry()["metadata"], "labels": {"app": "shop"}}},
    "a WorkloadGroup": obj(NETWORKING, "WorkloadGroup", "shop", "vms", spec={}),
    "a ServiceEntry of its host": obj(NETWORKING, "ServiceEntry", "curl", "e", spec={"hosts": [SHOP.upper() + "."]}),
    "a ServiceEntry of a pattern of it": obj(NETWORKING, "ServiceEntry", "curl", "e", spec={"hosts": ["*.local"]}),
    "a ServiceEntry of its short host": obj(NETWORKING, "ServiceEntry", "curl", "e", spec={"hosts": ["shop.shop"]}),
    "labelled endpoints of a ServiceEntry": obj(
        NETWORKING,
        "ServiceEntry",
        "shop",
        "e",
        spec={"hosts": [HOST], "endpoints": [{"address": "10.0.9.9", "labels": {"app": "shop"}}]},
    ),
    "PASSTHROUGH": rule("shop", "shop", trafficPolicy=PASSTHROUGH),
    "PASSTHROUGH by the sender": rule(SHOP, trafficPolicy=PASSTHROUGH),
    "PASSTHROUGH for all": rule("*", trafficPolicy=PASSTHROUGH),
    "PASSTHROUGH on a port": rule(SHOP, trafficPolicy={"portLevelSettings": [{"port": {"number": 80}, **PASSTHROUGH}]}),
    "PASSTHROUGH of a subset": rule(SHOP, subsets=[{"name": "v1", "trafficPolicy": PASSTHROUGH}]),
    "headless": service(clusterIP="None"),
    "a gateway to another network": service("ew", "istio-system", clusterIP="10.96.0.9", selector={"app": "ew"})
    | {"metadata": {"namespace": "istio-system", "name": "ew", "labels": {"topology.istio.io/network": "n2"}}},
    "an ExternalName": service(type="ExternalName", externalName=HOST),
    "a pod on the network of its node": pod("shop-2", "172.18.0.4", hostNetwork=True),
    "pods on the network of their nodes": obj("apps/v1", "Deployment", "shop", "s", spec={"template": TEMPLATE}),
    "a gateway of its own": pod("own-gateway", "10.0.0.61", annotations=GATEWAY, containers=("istio-proxy",)),
    "an east-west gateway": pod(
        "ew", "10.0.0.61", labels={"app": "shop", "gateway.networking.k8s.io/gateway-name": "ew"}
    ),
    "a waypoint of its own": pod(
        "own-waypoint",
        "10.0.0.61",
        labels={"app": "shop", "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"},
        containers=("istio-proxy",),
    ),
}


@pytest.mark.parametrize("more", OUT.values(), ids=OUT)
def test_what_may_lead_out_of_a_service_leaves_a_flow_unproven(more):
    mesh = world(more)
    assert SHOP not in mesh.backing().pods_only
    ((path, reason),) = reasons(to_shop(), mesh)
    assert (path, reason) in {*NOT_PROVEN, ("unknown", "gateway-replaced"), ("unknown", "vacant-address")}
    # An ExternalName is only another name: the address alone counts, and it was a pod's perhaps.
    assert (reason == "vacant-address") == (more.get("spec", {}).get("type") == "ExternalName")


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (to_shop("203.0.113.7:8080"), ()),
        (to_shop("8.8.8.8:53"), (pod("odd", "8.8.8.7"),)),
        (to_shop("10.0.2.50:8080"), ()),
        (to_shop("172.18.0.3:8080"), ()),
        (to_shop("10.0.0.77:8080"), (pod("other", "10.0.7.7", host="10.0.0.77"),)),
        (to_shop("10.96.0.3:8080"), (pod("near", "10.96.0.9"),)),
        (to_shop("10.0.0.50:8080"), (obj(NETWORKING, "WorkloadEntry", "other", "vm", spec={"address": "10.0.0.50"}),)),
        (
            to_shop("10.0.0.50:8080"),
            (obj(NETWORKING, "ServiceEntry", "x", "e", spec={"endpoints": [{"address": "10.0.0.50"}]}),),
        ),
        (to_shop("envoy://connect_originate/10.0.0.50:8080"), ()),
        (to_shop(GONE, "shop.shop.svc.clusterset.local"), ()),
        (to_shop(GONE, "shop.shop.svc.example.com"), ()),
    ],
    ids=[
        "outside", "public", "another block", "a node", "a node among pods", "a Service", "a WorkloadEntry's",
        "a ServiceEntry's", "a tunnel of a sidecar", "a host of several clusters", "another domain",
    ],
)  # fmt: skip
def test_an_address_that_no_pod_can_have_had_leaves_a_flow_unproven(line, more):
    assert reasons(line, world(*more)) == NOT_PROVEN


@pytest.mark.parametrize("kind", ["EndpointSlice", "WorkloadEntry", "WorkloadGroup", "ServiceEntry", "DestinationRule"])
def test_of_a_kind_that_could_not_be_read_there_may_be_one_that_leads_out(kind):
    read = tuple(each for each in READ if not each.endswith(f"/{kind}"))
    assert len(read) == len(READ) - 1
    assert reasons(to_shop(), world(read=read)) == NOT_PROVEN


def test_a_snapshot_that_does_not_say_what_was_read_proves_nothing():
    saved = json.loads(json.dumps(world().to_json()))
    assert reasons(to_shop(), Mesh.from_json(saved)) == []
    assert reasons(to_shop(), Mesh.from_json({**saved, "read": None})) == NOT_PROVEN
    del saved["read"]
    assert reasons(to_shop(), Mesh.from_json(saved)) == NOT_PROVEN


def test_the_gateways_service_is_never_one_of_pods_alone():
    made = endpoint_slice(endpoint("10.0.0.9", "gw-1", "egress"), service="gw")
    made["metadata"]["namespace"] = "egress"
    line = to_shop("10.0.0.50:8080", "gw.egress.svc.cluster.local")
    assert reasons(line, world(made)) == [("unknown", "gateway-replaced")]


# ---------------------------------------------------------------- ambient


def test_ztunnel_reaches_a_pod_that_is_gone_through_a_tunnel_to_that_pod_or_without_one():
    inside = tunnel(dst_service=SHOP, dst_addr="10.0.0.50:15008", dst_hbone_addr=GONE)
    plain = tunnel(dst_service=SHOP, dst_addr=GONE, dst_hbone_addr=None)
    assert reasons(inside, world(), ZTUNNEL) == []
    assert reasons(plain, world(), ZTUNNEL) == []


def test_a_tunnel_to_a_waypoint_that_is_gone_may_have_led_anywhere():
    line = tunnel(dst_service=SHOP, dst_addr="10.0.0.50:15008", dst_hbone_addr="10.96.0.2:80")
    assert reasons(line, world(), ZTUNNEL) == [("unknown", "waypoint-replaced")]
    longer = tunnel(dst_service=SHOP, dst_addr="10.0.0.5:15008", dst_hbone_addr=GONE)
    assert reasons(longer, world(), ZTUNNEL) == [("unknown", "waypoint-replaced")]


def test_a_waypoint_reaches_a_pod_that_is_gone_through_a_tunnel():
    fields = {"cluster_host": SHOP, "upstream_host": f"envoy://connect_originate/{GONE}"}
    assert reasons(at_waypoint(**fields), world(), WAYPOINT) == []
    assert reasons(at_waypoint(**fields), world(BY_HAND), WAYPOINT) == NOT_PROVEN


# ---------------------------------------------------------------- the API server


API = "kubernetes.default.svc.cluster.local"


API_SERVICE = service("kubernetes", "default", selector=None, clusterIP="10.96.0.10")


def api_slice(address: str = "198.51.100.5", port: int = 6443, name: str = "kubernetes", **labels: str) -> Object:
    made = endpoint_slice(endpoint(address, None), service="kubernetes", name=name)
    made["metadata"] = {
        "namespace": "default",
        "name": name,
        "labels": {"kubernetes.io/service-name": "kubernetes", **labels},
    }
    return made | {"ports": [{"name": "https", "port": port}]}


def test_what_goes_to_the_api_server_itself_stays_inside():
    known = world(API_SERVICE, api_slice())
    assert reasons(to_shop("198.51.100.5:6443", API), known) == []
    assert reasons(tunnel(dst_service=API, dst_addr="198.51.100.5:6443", dst_hbone_addr=None), known, ZTUNNEL) == []


MANAGED = {"endpointslice.kubernetes.io/managed-by": "me"}


@pytest.mark.parametrize(
    ("address", "more", "read"),
    [
        ("198.51.100.5:443", (api_slice(),), READ),
        ("198.51.100.6:6443", (api_slice(),), READ),
        ("198.51.100.5:6443", (api_slice(), api_slice("198.51.100.5", name="mine")), READ),
        ("198.51.100.5:6443", (api_slice(**MANAGED),), READ),
        ("198.51.100.5:6443", (api_slice(), obj(NETWORKING, "ServiceEntry", "x", "e", spec={"hosts": [API]})), READ),
        ("198.51.100.5:6443", (api_slice(),), tuple(each for each in READ if "EndpointSlice" not in each)),
        ("198.51.100.5:6443", (), READ),
    ],
    ids=["port", "address", "a second slice", "managed", "a ServiceEntry", "not read", "no slice"],
)
def test_anything_else_behind_its_service_is_a_place_outside(address, more, read):
    assert reasons(to_shop(address, API), world(API_SERVICE, *more, read=read)) == [("direct", "")]


def test_another_host_at_the_api_servers_address_is_not_proven_to_be_outside():
    known = world(API_SERVICE, api_slice())
    assert reasons(to_shop("198.51.100.5:6443", HOST), known) == [("unknown", "service-address")]
    assert reasons(to_shop("198.51.100.5:6443"), known) == NOT_PROVEN
