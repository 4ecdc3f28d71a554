"""What a ztunnel does with a call of an ambient pod."""

from __future__ import annotations

import pytest
from support.mesh import GATEWAY_API, HOST, entry, obj, pod, service
from support.scenarios import mesh

from egressaudit.mesh import Mesh
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.mesh.routes.ztunnel_step import ztunnel_step
from egressaudit.model import Call, ObjectRef, Scheme

USE = "istio.io/use-waypoint"
VIP = "240.240.0.1"
APP = pod("shop/app-1", "10.0.0.3", "app", labels={"istio.io/dataplane-mode": "ambient"})
WAYPOINT = obj(
    "Gateway", "shop/wp", GATEWAY_API,
    spec={"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
    status={"addresses": [{"type": "Hostname", "value": "wp.shop.svc.cluster.local"}]},
)  # fmt: skip
NEW = WAYPOINT | {"metadata": {"namespace": "shop", "name": "new"}, "status": {
    "addresses": [{"type": "Hostname", "value": "new.shop.svc.cluster.local"}]}}  # fmt: skip
MESH_PORT = [{"name": "mesh", "port": 15008}]
FRONT = service("shop/wp", "10.96.0.8", {"wp": "yes"}, ports=MESH_PORT)
BEHIND = pod("shop/wp-1", "10.0.0.8", "istio-proxy", labels={"wp": "yes"})
READY = [WAYPOINT, FRONT, BEHIND]
WP = "send wp.shop.svc.cluster.local:15008"


def docs(where="shop/docs", *, vip=VIP, host=HOST, annotations=None, rev=None, **spec):
    use = spec.pop("use", None)
    made = entry(where, host, labels={} if use is None else {USE: use}, **spec)
    made["metadata"]["annotations"] = annotations or {}
    if rev:
        made["metadata"]["labels"]["istio.io/rev"] = rev
    return made | ({"status": {"addresses": [{"host": host, "value": vip}]}} if vip else {})


def old(entry, made="2026-01-01T00:00:00Z"):
    return entry | {"metadata": {**entry["metadata"], "creationTimestamp": made}}


def said(choice):
    to = " ".join(f"{each.host}:{each.port}" + (f" {each.weight}%" if each.weight < 100 else "") for each in choice.to)
    parts = [*(f"[{each}]" for each in choice.when), choice.act.value, to, choice.reason]
    return " ".join(each for each in parts if each)


def step(*objects, host=HOST, port=80, address="", annotations=None):
    app = APP | {"metadata": {**APP["metadata"], "annotations": annotations or {}}}
    known = Mesh.of([app, *objects])
    source = known.pod(ObjectRef("shop", "app-1"))
    return ztunnel_step(known.world, source, Call(host, port, Scheme.HTTP, address=address))


def became(*objects, **call):
    return [said(each) for each in step(*objects, **call).choices]


AT_VIP = f"[address {VIP}] "


@pytest.mark.parametrize(
    ("objects", "call", "expected"),
    [
        # Nothing is known of the host.
        ([], {}, ["passthrough"]),
        ([], {"address": "203.0.113.7"}, ["passthrough"]),
        # Known by an address of its own: to an endpoint, at its port.
        ([docs()], {}, [f"{AT_VIP}send {HOST}:80", "passthrough"]),
        ([docs()], {"address": VIP}, [f"send {HOST}:80"]),
        ([docs()], {"address": "203.0.113.7"}, ["passthrough"]),
        ([docs(ports=[{"number": 80, "name": "http", "targetPort": 443}])], {"address": VIP}, [f"send {HOST}:443"]),
        ([docs(vip="", addresses=["10.9.0.1"])], {"address": "10.9.0.1"}, [f"send {HOST}:80"]),
        ([docs(vip="", addresses=["10.9.0.0/24"])], {"address": "10.9.0.7"}, [f"send {HOST}:80"]),
        ([docs(vip="", addresses=["10.9.0.0/24"])], {}, ["passthrough"]),
        ([docs(vip="", addresses=["10.9.0.0/24", "docs"])], {"address": "10.9.0.7"}, ["passthrough"]),
        # Not by one that it has no right to.
        ([docs(resolution="NONE")], {"address": VIP}, ["passthrough"]),
        ([docs(host="*.redhat.com")], {"address": VIP}, ["passthrough"]),
        # A port that it does not have, and no endpoints: nothing leaves.
        ([docs()], {"address": VIP, "port": 443}, ["refuse no-healthy-upstream"]),
        ([docs(resolution="STATIC")], {"address": VIP}, ["refuse no-healthy-upstream"]),
        ([docs(resolution="STATIC", endpoints=[{"address": "203.0.113.7", "ports": {"http": 8080}}])],
         {"address": VIP}, [f"send {HOST}:8080"]),
        # resolution NONE goes where it was dialed, whatever the port.
        ([docs(vip="", addresses=["10.9.0.1"], resolution="NONE")], {"address": "10.9.0.1", "port": 9},
         ["passthrough"]),
        # A wildcard of DYNAMIC_DNS without a waypoint resolves to nothing.
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS")], {"address": VIP}, ["refuse no-resolved-addresses"]),
        # DNS that is not captured gives no address of the mesh.
        ([docs(use="wp"), *READY], {"annotations": {"ambient.istio.io/dns-capture": "false"}}, ["passthrough"]),
    ],
)  # fmt: skip
def test_a_service_without_a_waypoint(objects, call, expected):
    assert became(*objects, **call) == expected


@pytest.mark.parametrize(
    ("objects", "call", "expected"),
    [
        ([docs(use="wp"), *READY], {}, [f"{AT_VIP}{WP}", "passthrough"]),
        ([docs(use="wp"), *READY], {"address": VIP}, [WP]),
        # The port is the waypoint's business.
        ([docs(use="wp"), *READY], {"address": VIP, "port": 9}, [WP]),
        ([docs(use="wp", resolution="NONE", vip="", addresses=["10.9.0.1"]), *READY], {"address": "10.9.0.1"}, [WP]),
        ([docs(host="*.redhat.com", use="wp", resolution="DYNAMIC_DNS"), *READY], {}, [f"{AT_VIP}{WP}", "passthrough"]),
        # exportTo and outboundTrafficPolicy are nothing to ztunnel.
        ([docs("egress/docs"), docs("shop/docs", use="wp", exportTo=["nobody"]), *READY], {"address": VIP}, [WP]),
        # Fail-open: istiod tells of no waypoint.
        ([docs(use="wp")], {"address": VIP}, [f"send {HOST}:80"]),
        ([docs(use="none"), *READY], {"address": VIP}, [f"send {HOST}:80"]),
        # Fail-closed: it tells of one, and that one is not there.
        ([docs(use="wp"), WAYPOINT], {"address": VIP}, ["refuse waypoint-unreachable"]),
        ([docs(use="wp"), WAYPOINT, FRONT], {"address": VIP}, ["refuse waypoint-unreachable"]),
        ([docs(use="wp"), WAYPOINT, service("shop/wp", "10.96.0.8", {"wp": "yes"}), BEHIND], {"address": VIP},
         ["refuse waypoint-unreachable"]),
        # An address that is a workload's too is taken for the workload's.
        ([docs(use="wp", vip="", resolution="STATIC", addresses=[VIP], endpoints=[{"address": VIP}]), *READY],
         {"address": VIP}, [f"send {HOST}:80"]),
        # A canary gets its share; one that is not there refuses it.
        ([docs(use="wp", annotations={f"{USE}-canary-weight": "30"}) | {}, NEW, *READY], {"address": VIP}, [WP]),
    ],
)  # fmt: skip
def test_a_service_with_a_waypoint(objects, call, expected):
    assert became(*objects, **call) == expected


def canary(weight):
    made = docs(use="wp", annotations={f"{USE}-canary-weight": weight})
    made["metadata"]["labels"][f"{USE}-canary"] = "new"
    return made


def test_a_canary_waypoint_gets_its_share_and_refuses_it_if_it_is_not_reached():
    front = service("shop/new", "10.96.0.9", {"wp": "yes"}, ports=MESH_PORT)
    both = "send wp.shop.svc.cluster.local:15008 70% new.shop.svc.cluster.local:15008 30%"
    assert became(canary("30"), NEW, front, *READY, address=VIP) == [both]
    half = ["[30 % of connections] refuse waypoint-unreachable", "send wp.shop.svc.cluster.local:15008 70%"]
    assert became(canary("30"), NEW, *READY, address=VIP) == half


@pytest.mark.parametrize(
    ("objects", "slugs"),
    [
        ([docs(use="wp"), *READY], []),
        ([docs()], []),
        ([docs(use="none"), *READY], []),
        ([docs(use="wp")], ["waypoint-unbound"]),
        ([docs(use="wp"), WAYPOINT], ["waypoint-unreachable"]),
        ([docs(use="wp", vip="", resolution="STATIC", addresses=[VIP], endpoints=[{"address": VIP}]), *READY],
         ["waypoint-skipped-for-endpoint"]),
    ],
)  # fmt: skip
def test_fail_open_and_fail_closed_are_told_apart(objects, slugs):
    assert [each.slug for each in step(*objects, address=VIP).faults] == slugs


def test_a_service_without_an_address_is_not_known_and_its_waypoint_is_passed_by():
    found = step(old(docs(use="wp", vip="")), *READY)
    assert [each.slug for each in found.faults] == ["waypoint-needs-address"]
    assert [said(each) for each in found.choices] == ["passthrough"]
    wild = step(docs(use="wp", host="*.redhat.com", resolution="NONE"), *READY)
    assert [each.slug for each in wild.faults] == ["waypoint-needs-address"]
    assert step(old(docs(vip="")), *READY).faults == ()


def test_a_manifest_that_was_not_applied_gets_an_address_and_its_waypoint_is_ready():
    manifest = {key: said for key, said in WAYPOINT.items() if key != "status"}
    found = step(docs(use="wp", vip=""), manifest, FRONT, BEHIND)
    assert [said(each) for each in found.choices] == [f"[address that istiod gives the host] {WP}", "passthrough"]
    assert found.faults == ()
    # What says that it is not ready, is heard; and an object of a cluster that has no address.
    no = {"conditions": [{"type": "Programmed", "status": "False"}]}
    for unready in (manifest | {"status": no}, manifest | {"status": {"addresses": []}}, old(manifest)):
        assert [each.slug for each in step(docs(use="wp", vip=""), unready, FRONT, BEHIND).faults] == [
            "waypoint-unbound"
        ]


def test_an_endpoint_by_its_address_goes_through_a_waypoint_for_workloads():
    for_all = WAYPOINT | {"metadata": {**WAYPOINT["metadata"], "labels": {"istio.io/waypoint-for": "all"}}}
    ends = [{"address": "203.0.113.7", "labels": {USE: "wp"}}, {"address": "203.0.113.8"}]
    objects = [docs(resolution="STATIC", endpoints=ends), for_all, FRONT, BEHIND]
    assert became(*objects, address="203.0.113.7") == [WP]
    assert became(*objects, address="203.0.113.8") == ["passthrough"]


CART = [
    service("shop/cart", "10.96.0.5", {"app": "cart"}),
    pod("shop/cart-1", "10.0.0.5", "app", labels={"app": "cart"}),
]


@pytest.mark.parametrize(
    ("host", "address", "expected"),
    [
        ("cart", "", ["send cart.shop.svc.cluster.local:8080"]),
        ("cart.shop", "", ["send cart.shop.svc.cluster.local:8080"]),
        ("cart.shop.svc.cluster.local", "", ["send cart.shop.svc.cluster.local:8080"]),
        ("10.96.0.5", "", ["send cart.shop.svc.cluster.local:8080"]),
        ("cart", "10.0.0.5", ["passthrough"]),
    ],
)
def test_a_service_of_the_cluster(host, address, expected):
    assert became(*CART, host=host, address=address) == expected


def test_a_pod_by_its_address_goes_through_a_waypoint_for_workloads():
    bound = pod("shop/cart-1", "10.0.0.5", "app", labels={USE: "wp"})
    for_all = WAYPOINT | {"metadata": {**WAYPOINT["metadata"], "labels": {"istio.io/waypoint-for": "all"}}}
    assert became(bound, *READY, host="10.0.0.5") == ["passthrough"]
    assert became(bound, for_all, FRONT, BEHIND, host="10.0.0.5") == [WP]


def shown(policy: str):
    return obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": f"serviceEntryVisibility: {policy}"})


ONLY_OWN = shown("{defaultVisibility: NAMESPACE}")
HIDDEN = shown("{policies: [{visibility: NONE, matchingRules: [{namespaceSelector: {matchLabels: {team: a}}}]}]}")
TEAM = obj("Namespace", "egress", "v1", labels={"team": "a"})


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        # Of two namespaces' services the client's own counts, else the oldest that everybody sees.
        ([docs("egress/a", port=81), docs("shop/b", port=80)], [f"send {HOST}:80"]),
        ([old(docs("egress/a", port=80)), old(docs("other/b", port=81), "2026-01-02T00:00:00Z")], [f"send {HOST}:80"]),
        ([old(docs("other/b", port=80)), old(docs("egress/a", port=81), "2026-01-02T00:00:00Z")], [f"send {HOST}:80"]),
        # What the mesh shows to its own namespace alone, or to nobody.
        ([docs("shop/b"), ONLY_OWN], [f"send {HOST}:80"]),
        ([docs("egress/b"), ONLY_OWN], ["passthrough"]),
        ([docs("egress/b"), HIDDEN, TEAM], ["passthrough"]),
        ([docs("egress/b"), HIDDEN], [f"send {HOST}:80"]),
    ],
)
def test_which_of_several_services_of_one_address_counts(objects, expected):
    assert became(*objects, address=VIP) == expected


@pytest.mark.parametrize(
    ("name", "cluster"),
    [
        ("ambient", "inbound-vip|80|http|httpbin.org"),
        ("waypoint-gateway", "outbound|80||httpbin-egress-gateway-istio.egress-gateway.svc.cluster.local"),
    ],
)
def test_the_scenarios_of_the_lab_go_by_the_waypoint(name, cluster):
    known = mesh(name)
    source = known.pod(ObjectRef("egress-gateway", "test-pod"))
    call = Call("httpbin.org", 80, Scheme.HTTP)
    first = ztunnel_step(known.world, source, call).choices[0]
    assert [each.host for each in first.to] == ["waypoint.egress-gateway.svc.cluster.local"]
    [then] = waypoint_step(known.world, ObjectRef("egress-gateway", "waypoint"), call).choices
    assert [each.cluster for each in then.to] == [cluster]
