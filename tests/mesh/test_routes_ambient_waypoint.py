"""What a waypoint does with a call, as istiod generates it."""

from __future__ import annotations

import pytest
from support.mesh import GATEWAY_API, HOST, entry, obj, pod, service

from egressaudit.mesh import Mesh
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.model import Call, ObjectRef, Scheme

USE = "istio.io/use-waypoint"
BOUND = {USE: "wp", f"{USE}-namespace": "egress"}
WAYPOINT = obj(
    "Gateway", "egress/wp", GATEWAY_API,
    spec={"gatewayClassName": "istio-waypoint", "listeners": [
        {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "All"}}}]},
    status={"addresses": [{"type": "Hostname", "value": "wp.egress.svc.cluster.local"}]},
)  # fmt: skip
GW = service("egress/gw", "10.96.0.1", {"istio": "gw"}, ports=[{"name": "http", "port": 80}])
VIP = "240.240.0.1"
PORTS = [
    {"number": 80, "name": "http", "protocol": "HTTP"},
    {"number": 443, "name": "tls", "protocol": "TLS"},
    {"number": 9000, "name": "tcp", "protocol": "TCP"},
    {"number": 53, "name": "dns", "protocol": "UDP"},
]


def docs(where="shop/docs", host=HOST, *, vip=VIP, labels=None, **spec):
    made = entry(where, host, labels=BOUND if labels is None else labels, **{"ports": PORTS, **spec})
    return made | ({"status": {"addresses": [{"host": host, "value": vip}]}} if vip else {})


def made(entry, at="2026-01-01T00:00:00Z"):
    return entry | {"metadata": {**entry["metadata"], "creationTimestamp": at}}


def rules(where, *, hosts=(HOST,), gateways=None, export=None, **kinds):
    spec = {"hosts": list(hosts), **kinds}
    spec |= {"gateways": gateways} if gateways else {}
    return obj("VirtualService", where, spec=spec | ({"exportTo": export} if export else {}))


def to(host, port=80, **more):
    return [{"destination": {"host": host, "port": {"number": port}}, **more}]


def said(choice):
    clusters = " ".join(each.cluster + (f" {each.weight}%" if each.weight < 100 else "") for each in choice.to)
    parts = [*(f"[{each}]" for each in choice.when), choice.act.value, clusters, choice.reason, f"<{choice.route}>"]
    return " ".join(each for each in parts if each and each != "<>")


def became(*objects, host=HOST, port=80, scheme="http", address="", path=None):
    mesh = Mesh.of([WAYPOINT, GW, *objects])
    call = Call(host, port, Scheme(scheme), address=address, path=path)
    return [said(each) for each in waypoint_step(mesh.world, ObjectRef("egress", "wp"), call).choices]


OWN, NO_CHAIN = f"send inbound-vip|80|http|{HOST} <default>", "refuse no-filter-chain"
TO_GW = "send outbound|80||gw.egress.svc.cluster.local"


@pytest.mark.parametrize(
    ("objects", "call", "expected"),
    [
        # A service that is bound to it, by the address that was dialed.
        ([docs()], {}, [OWN]),
        ([docs()], {"address": VIP}, [OWN]),
        ([docs()], {"address": VIP, "host": "other.example.com"}, [OWN]),
        ([docs()], {"address": "203.0.113.7"}, [NO_CHAIN]),
        ([made(docs(vip=""))], {}, [NO_CHAIN]),
        # A manifest that was not applied: istiod will give it an address.
        ([docs(vip="")], {}, [OWN]),
        ([docs(vip="")], {"address": "203.0.113.7"}, [NO_CHAIN]),
        ([docs(vip="", resolution="NONE")], {}, [NO_CHAIN]),
        ([docs(vip="", addresses=["10.9.0.0/24"])], {"address": "10.9.0.7"}, [OWN]),
        # Of several addresses of one entry istiod serves one, now this, now that.
        ([docs(vip="", addresses=["10.9.0.7", "10.9.0.8"])], {"address": "10.9.0.8"},
         [f"[of 10.9.0.7, 10.9.0.8 of {HOST} the waypoint serves 10.9.0.8] {OWN}", NO_CHAIN]),
        ([docs(vip="", addresses=["10.9.0.7", "10.9.0.8"])], {"address": "10.9.0.8", "port": 53, "scheme": "tcp"},
         [NO_CHAIN]),
        ([docs(labels={})], {"address": VIP}, [NO_CHAIN]),
        ([], {}, [NO_CHAIN]),
        # By protocol.
        ([docs()], {"port": 443, "scheme": "https"}, [f"send inbound-vip|443|tcp|{HOST}"]),
        ([docs()], {"port": 443, "scheme": "http"}, [f"send inbound-vip|443|tcp|{HOST}"]),
        ([docs()], {"port": 9000, "scheme": "tcp"}, [f"send inbound-vip|9000|tcp|{HOST}"]),
        ([docs()], {"port": 80, "scheme": "https"}, ["refuse protocol-error"]),
        ([docs()], {"port": 53, "scheme": "tcp"}, [NO_CHAIN]),
        ([docs()], {"port": 8080}, [NO_CHAIN]),
        # Hosts of the mesh with DYNAMIC_DNS are passed over.
        ([docs(resolution="DYNAMIC_DNS", location="MESH_INTERNAL")], {}, [NO_CHAIN]),
        # Wildcards: HTTP by the host of the request, TLS only by a switch that is off.
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS")], {},
         ["send inbound-vip|80|http|*.redhat.com <default>"]),
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS")], {"host": "a.example.com", "address": VIP},
         ["refuse no-route"]),
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS", ports=[PORTS[0] | {"number": 8080}])], {"port": 8080},
         ["refuse no-route"]),
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS")], {"port": 443, "scheme": "https"}, [NO_CHAIN]),
        ([docs(host="*.redhat.com", resolution="DYNAMIC_DNS")], {"port": 9000, "scheme": "tcp"},
         ["refuse no-cluster"]),
        # A Service of the cluster.
        ([service("shop/cart", "10.96.0.5", {"app": "cart"}) | {
            "metadata": {"namespace": "shop", "name": "cart", "labels": BOUND}}],
         {"host": "cart.shop.svc.cluster.local"}, ["send inbound-vip|80|http|cart.shop.svc.cluster.local <default>"]),
    ],
)  # fmt: skip
def test_a_call_without_rules(objects, call, expected):
    assert became(*objects, **call) == expected


@pytest.mark.parametrize(
    ("rule", "call", "expected"),
    [
        # Of the service's namespace and of the waypoint's own; of no other.
        (rules("shop/a", http=[{"route": to("gw.egress.svc.cluster.local")}]), {}, [TO_GW]),
        (rules("egress/a", http=[{"route": to("gw")}]), {}, [TO_GW]),
        (rules("other/a", http=[{"route": to("gw.egress.svc.cluster.local")}]), {}, [OWN]),
        (rules("shop/a", export=["."], http=[{"route": to("gw.egress.svc.cluster.local")}]), {}, [OWN]),
        (rules("egress/a", gateways=["egress/gw"], http=[{"route": to("gw")}]), {}, [OWN]),
        # To itself, to a host that it does not serve, to none.
        (rules("egress/a", http=[{"route": to(HOST)}]), {}, [f"send inbound-vip|80|http|{HOST}"]),
        (rules("egress/a", http=[{"route": to(HOST, 443)}]), {}, [f"send inbound-vip|443|tcp|{HOST}"]),
        (rules("egress/a", http=[{"route": to("nope.example.com")}]), {}, ["refuse no-cluster"]),
        (rules("egress/a", http=[{"route": to("gw", 81)}]), {}, ["refuse no-cluster"]),
        # A rule for a wildcard is followed, and gives the waypoint no cluster of what it sends to.
        (rules("egress/a", hosts=["*.redhat.com"], http=[{"route": to("gw")}]), {}, ["refuse no-cluster"]),
        # Matches: labels of the source are not heeded, the namespace is the waypoint's.
        (rules("egress/a", http=[{"match": [{"sourceLabels": {"app": "x"}}], "route": to("gw")}]), {}, [OWN]),
        (rules("egress/a", http=[{"match": [{"sourceNamespace": "egress"}], "route": to("gw")}]), {}, [TO_GW]),
        (rules("egress/a", http=[{"match": [{"sourceNamespace": "shop"}], "route": to("gw")}]), {}, [OWN]),
        (rules("egress/a", http=[{"match": [{"port": 443}], "route": to("gw")}]), {}, [OWN]),
        (rules("egress/a", http=[{"match": [{"uri": {"prefix": "/x"}}], "route": to("gw")}]), {"path": "/x"}, [TO_GW]),
        (rules("egress/a", http=[{"match": [{"uri": {"prefix": "/x"}}], "route": to("gw")}]), {"path": "/"},
         ["refuse no-route"]),
        # Bytes: a rule for TLS counts for the service's own host alone.
        (rules("egress/a", tls=[{"match": [{"sniHosts": [HOST]}], "route": to("gw")}]), {"port": 443}, [TO_GW]),
        (rules("egress/a", hosts=[HOST, "a.redhat.com"],
               tls=[{"match": [{"sniHosts": [HOST, "a.redhat.com"]}], "route": to("gw")}]),
         {"port": 443}, [f"send inbound-vip|443|tcp|{HOST}"]),
        (rules("egress/a", tcp=[{"route": to("gw")}]), {"port": 443}, [TO_GW]),
        (rules("egress/a", tcp=[{"match": [{"port": 80}], "route": to("gw")}]), {"port": 443},
         [f"send inbound-vip|443|tcp|{HOST}"]),
        (rules("egress/a", tcp=[{"match": [{"sourceNamespace": "egress"}], "route": to("gw")}]), {"port": 443},
         [f"send inbound-vip|443|tcp|{HOST}"]),
        (rules("egress/a", tcp=[{"route": to("gw", weight=30) + to(HOST, 443, weight=70)}]), {"port": 443},
         [f"{TO_GW} 30% inbound-vip|443|tcp|{HOST} 70%"]),
    ],
)  # fmt: skip
def test_the_rules_that_it_follows(rule, call, expected):
    scheme = "https" if call.get("port") == 443 else "http"
    assert became(docs(), rule, scheme=scheme, **call) == expected


def test_a_route_of_the_gateway_api_leads_to_a_gateway_behind_it():
    route = obj(
        "HTTPRoute", "shop/out", GATEWAY_API,
        spec={
            "parentRefs": [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs"}],
            "rules": [{"backendRefs": [{"group": "networking.istio.io", "kind": "Hostname",
                                        "name": "gw.egress.svc.cluster.local", "port": 80}]}],
        },
    )  # fmt: skip
    assert became(docs(), route) == [f"{TO_GW} <shop.out.0>"]


def test_a_subset_is_a_cluster_of_its_own():
    subset = {"host": HOST, "port": {"number": 80}, "subset": "v1"}
    rule = rules("egress/a", http=[{"route": [{"destination": subset}]}])
    defined = obj("DestinationRule", "egress/docs", spec={"host": HOST, "subsets": [{"name": "v1"}]})
    assert became(docs(), rule, defined) == [f"send inbound-vip|80|http/v1|{HOST}"]
    assert became(docs(), rule) == ["refuse no-cluster"]


def test_of_two_services_of_one_host_it_serves_one_and_nothing_tells_which():
    one, two = made(docs("shop/a")), made(docs("pay/b"))
    mesh = Mesh.of([WAYPOINT, one, two])
    step = waypoint_step(mesh.world, ObjectRef("egress", "wp"), Call(HOST, 80, Scheme.HTTP, address=VIP))
    assert [each.slug for each in step.faults] == ["waypoint-serves-one-of"]
    assert [said(each) for each in step.choices] == [OWN]
    rule = rules("shop/r", http=[{"route": to("gw.egress.svc.cluster.local")}])
    found = became(one, two, rule, address=VIP)
    assert sorted(found[:2]) == [
        f"[the waypoint serves ServiceEntry pay/b] {OWN}",
        f"[the waypoint serves ServiceEntry shop/a] {TO_GW}",
    ]
    # Its listener may be of one and its clusters of the other.
    assert found[2:] == ["refuse no-cluster"]


def test_where_it_is_not_known_which_rule_is_older_both_are_answers():
    first, second = (rules(f"egress/{name}", http=[{"route": to(host)}]) for name, host in (("a", "gw"), ("b", HOST)))
    found = became(docs(), first, second)
    assert [each.partition("] ")[2] for each in found[:1]] == [TO_GW]
    assert found[1:] == [f"send inbound-vip|80|http|{HOST}"]
    assert became(docs(), made(first, "2026-01-02T00:00:00Z"), made(second)) == found[1:]


@pytest.mark.parametrize(
    ("value", "expected"), [("true", "send inbound-vip|443|tcp|*.redhat.com"), ("false", NO_CHAIN)]
)
def test_the_switch_of_istiod_for_tls_of_wildcards(value, expected):
    istiod = pod("istio-system/istiod-1", "10.0.0.20", "discovery", labels={"app": "istiod"})
    istiod["spec"]["containers"][0]["env"] = [
        {"name": "ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS", "value": value},
        {"name": "PASSWORD", "value": "s3cret"},
    ]
    wild = docs(host="*.redhat.com", resolution="DYNAMIC_DNS")
    assert became(wild, istiod, host="a.redhat.com", port=443, scheme="https") == [expected]
    assert "s3cret" not in str(Mesh.of([istiod]).to_json())
