"""What a waypoint does with a call, as istiod generates it."""

from __future__ import annotations

import pytest
from support.mesh import APPS, GATEWAY_API, HOST, entry, obj, pod, service

from egressaudit.mesh import Mesh
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.model import Act, Call, ObjectRef, Scheme

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


def tunnel(target):
    return {"tunnel": {"protocol": "CONNECT", "targetHost": target, "targetPort": 443}}


def tunnels(where, host=HOST, *, selector=None, subset=None, target="t"):
    """A DestinationRule that asks for a tunnel to `target`, and for another in its one subset."""
    spec = {"host": host, "trafficPolicy": tunnel(target)}
    spec |= {"workloadSelector": {"matchLabels": selector}} if selector is not None else {}
    if subset is not None:
        spec["subsets"] = [{"name": "v1", "labels": {"version": "v1"}, **({"trafficPolicy": subset} if subset else {})}]
    return obj("DestinationRule", where, spec=spec)


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
    # A DestinationRule with a selector is for what goes out, not for the inbound clusters of a waypoint.
    defined["spec"]["workloadSelector"] = {"matchLabels": ITS_LABEL}
    assert became(docs(), rule, defined) == ["refuse no-cluster"]


OTHER = docs("shop/other", "other.example.com", vip="240.240.0.2")
ITS_LABEL = {"gateway.networking.k8s.io/gateway-name": "wp"}


@pytest.mark.parametrize(
    ("objects", "port", "expected"),
    [
        # Of the service's own host, wherever its DestinationRule is found; requests have none.
        ([tunnels("egress/t")], 443, "t:443"),
        ([tunnels("shop/t")], 443, "t:443"),
        ([tunnels("istio-system/t", "*.redhat.com")], 9000, "t:443"),
        ([tunnels("egress/t")], 80, ""),
        ([tunnels("egress/t", "other.example.com")], 443, ""),
        # A rule with a selector is for its own namespace, by the labels of the waypoint's pods.
        ([tunnels("egress/t", selector=ITS_LABEL)], 443, "t:443"),
        ([tunnels("egress/t", selector={})], 443, "t:443"),
        ([tunnels("egress/t", selector={"app": "x"})], 443, ""),
        ([tunnels("istio-system/t", selector=ITS_LABEL)], 443, ""),
        # Of what a rule for bytes sends to: of one destination by its subset, of several by the first host.
        ([OTHER, tunnels("egress/t", "other.example.com"),
          rules("egress/a", tcp=[{"route": to("other.example.com", 443)}])], 443, "t:443"),
        ([OTHER, tunnels("egress/t"), rules("egress/a", tcp=[{"route": to("other.example.com", 443)}])], 443, ""),
        ([OTHER, tunnels("egress/t", "other.example.com"), tunnels("egress/u", target="u"),
          rules("egress/a", tcp=[{"route": to("other.example.com", 443, weight=30) + to(HOST, 443, weight=70)}])],
         443, "t:443"),
        ([tunnels("egress/t", subset=tunnel("v1")),
          rules("egress/a", tcp=[{"route": [{"destination": {"host": HOST, "subset": "v1"}}]}])], 443, "v1:443"),
        ([tunnels("egress/t", subset={}),
          rules("egress/a", tcp=[{"route": [{"destination": {"host": HOST, "subset": "v1"}}]}])], 443, ""),
    ],
)  # fmt: skip
def test_connections_take_the_tunnel_of_a_destination_rule(objects, port, expected):
    mesh = Mesh.of([WAYPOINT, GW, docs(), *objects])
    scheme = {80: Scheme.HTTP, 443: Scheme.HTTPS, 9000: Scheme.TCP}[port]
    step = waypoint_step(mesh.world, ObjectRef("egress", "wp"), Call(HOST, port, scheme))
    assert [(each.act, each.tunnel) for each in step.choices] == [(Act.SEND, expected)]


def test_a_waypoint_has_the_labels_of_its_pods():
    labels = {**ITS_LABEL, "gateway.istio.io/managed": "istio.io-mesh-controller", "team": "a"}
    template = {"spec": {"containers": [{"name": "istio-proxy"}]}}
    mesh = Mesh.of([
        WAYPOINT, docs(), tunnels("egress/t", selector={"team": "a"}),
        obj("Deployment", "egress/wp", APPS, owner="Gateway/wp", spec={"template": template}),
        obj("ReplicaSet", "egress/wp-5d8f", APPS, owner="Deployment/wp"),
        pod("egress/wp-1", "10.0.0.20", "istio-proxy", owner="ReplicaSet/wp-5d8f", labels=labels),
    ])  # fmt: skip
    step = waypoint_step(mesh.world, ObjectRef("egress", "wp"), Call(HOST, 443, Scheme.HTTPS))
    assert [each.tunnel for each in step.choices] == ["t:443"]


def test_two_hosts_of_one_entry_share_its_addresses_and_each_is_served_at_one_of_them():
    """With both at the other address, the waypoint has nothing at this one."""
    both = docs(vip="", addresses=["10.9.0.7", "10.9.0.8"])
    both["spec"]["hosts"] = ["one.test", "www.example.org"]
    found = became(both, host="one.test", address="10.9.0.7")
    assert found == [
        *(
            f"[of 10.9.0.7, 10.9.0.8 of {host} the waypoint serves 10.9.0.7] send inbound-vip|80|http|{host} <default>"
            for host in ("one.test", "www.example.org")
        ),
        NO_CHAIN,
    ]


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
    assert not found[2:]


def test_its_listener_may_be_of_one_service_and_its_clusters_of_another():
    """Each of three may be the one that it serves."""
    three = [
        made(docs("a/a")),
        made(docs("b/b", ports=PORTS[1:])),
        made(docs("c/c", ports=[PORTS[2] | {"number": 80}])),
    ]
    found = became(*three, address=VIP)
    missing = "refuse no-cluster"
    assert found == [
        f"[the waypoint serves ServiceEntry a/a and has the clusters of ServiceEntry b/b] {missing} <default>",
        f"[the waypoint serves ServiceEntry a/a and has the clusters of ServiceEntry c/c] {missing} <default>",
        f"[the waypoint serves ServiceEntry a/a] {OWN}",
        "[the waypoint serves ServiceEntry b/b] refuse no-filter-chain",
        f"[the waypoint serves ServiceEntry c/c and has the clusters of ServiceEntry a/a] {missing}",
        f"[the waypoint serves ServiceEntry c/c and has the clusters of ServiceEntry b/b] {missing}",
        f"[the waypoint serves ServiceEntry c/c] send inbound-vip|80|tcp|{HOST}",
    ]


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
