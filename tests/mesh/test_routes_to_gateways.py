"""The leg to a gateway: which proxies a destination reaches, and the call as they get it."""

from __future__ import annotations

from typing import Any

import pytest
from support.gateway_rows import BASE, MUTUAL_HTTPS, gateway, outside, path, route, rules, to
from support.mesh import GATEWAY_API, GW_HOST, HOST, Manifest, obj, sidecar
from support.route_words import shown, world_of

from egressaudit.mesh.routes.gateway import step as gateway_step
from egressaudit.mesh.routes.gateway_leg import arrivals, clusters_of
from egressaudit.mesh.routes.sidecar_proxy import step
from egressaudit.mesh.world import World
from egressaudit.model import Call, Pod, RouteDestination, Scheme, Tls

SENDER = sidecar("shop/shop-1", "10.0.0.2", labels={"app": "shop"})
OTHERS = sidecar("other/other-1", "10.0.0.3", labels={"app": "shop"})
TO_GW = RouteDestination(f"outbound|443||{GW_HOST}", GW_HOST, 443)
OWN_SNI = f"outbound_.443_._.{GW_HOST}"
REQUEST, BYTES = Call(HOST, 80, Scheme.HTTP), Call(HOST, 443, Scheme.HTTPS, sni=HOST)


def legs(tls: Manifest, where: str = "shop/gw", **more: Any) -> Manifest:
    """A DestinationRule of the gateway's Service."""
    return obj("DestinationRule", where, spec={"host": GW_HOST, "trafficPolicy": {"tls": tls}, **more})


def pod_of(world: World, name: str = "shop-1") -> Pod:
    return next(each for each in world.pods if each.name == name)


@pytest.mark.parametrize(
    ("rules", "call", "tls", "sni"),
    [
        ([], REQUEST, Tls.NONE, ""),
        ([], BYTES, Tls.NONE, HOST),
        ([legs({"mode": "DISABLE"})], REQUEST, Tls.NONE, ""),
        ([legs({"mode": "ISTIO_MUTUAL"})], REQUEST, Tls.MUTUAL, OWN_SNI),
        ([legs({"mode": "ISTIO_MUTUAL", "sni": HOST})], BYTES, Tls.MUTUAL, HOST),
        ([legs({"mode": "SIMPLE"})], REQUEST, Tls.TLS, HOST),
        ([legs({"mode": "SIMPLE"})], BYTES, Tls.TLS, ""),
        ([legs({"mode": "ISTIO_MUTUAL"}, "egress/gw")], REQUEST, Tls.MUTUAL, OWN_SNI),
        ([legs({"mode": "ISTIO_MUTUAL"}, "other/gw")], REQUEST, Tls.NONE, ""),
        ([legs({"mode": "ISTIO_MUTUAL"}, "egress/gw", exportTo=["."])], REQUEST, Tls.NONE, ""),
    ],
)
def test_a_leg_is_as_the_clients_destination_rule_says(rules: list[Manifest], call: Call, tls: Tls, sni: str) -> None:
    world = world_of(*BASE, SENDER, *rules)
    [found] = arrivals(world, pod_of(world), TO_GW, call)
    assert (found.pod.name, found.call.port, found.call.scheme) == ("gw-1", 8443, call.scheme)
    assert (found.call.tls, found.call.sni) == (tls, sni)


def test_pods_that_say_so_get_mtls_without_a_rule_unless_the_mesh_has_it_off() -> None:
    marked = [
        {**each, "metadata": {**each["metadata"], "labels": {"istio": "gw", "security.istio.io/tlsMode": "istio"}}}
        if each["kind"] == "Pod"
        else each
        for each in BASE
    ]
    off = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "enableAutoMtls: false\n"})
    found = []
    for more in ([], [off]):
        world = world_of(*marked, SENDER, *more)
        found += [each.call.tls for each in arrivals(world, pod_of(world), TO_GW, REQUEST)]
    assert found == [Tls.MUTUAL, Tls.NONE]


@pytest.mark.parametrize("policy", [{}, {"portLevelSettings": [{}]}])
def test_tls_that_an_older_snapshot_dropped_is_a_condition(policy: Manifest) -> None:
    world = world_of(*BASE, SENDER, obj("DestinationRule", "shop/gw", spec={"host": GW_HOST, "trafficPolicy": policy}))
    found = arrivals(world, pod_of(world), TO_GW, REQUEST)
    assert [each.call.tls for each in found] == [Tls.MUTUAL, Tls.TLS, Tls.NONE]
    assert all(each.when for each in found)


def test_a_rewritten_host_is_what_the_gateway_sees() -> None:
    world = world_of(*BASE, SENDER)
    [found] = arrivals(world, pod_of(world), TO_GW, REQUEST, "new.example")
    assert (found.call.host, found.call.authority) == ("new.example", "new.example")


@pytest.mark.parametrize(("port", "named"), [(80, HOST), (8080, f"{HOST}:8080")])
def test_a_gateway_matches_the_host_that_the_client_named_whatever_its_own_port(port: int, named: str) -> None:
    rule = rules(http=[{"match": [{"authority": {"exact": named}}], "route": [to(port=443)]}, {"route": [to(port=80)]}])
    world = world_of(*BASE, SENDER, gateway(MUTUAL_HTTPS), rule, legs({"mode": "ISTIO_MUTUAL"}))
    [found] = arrivals(world, pod_of(world), TO_GW, Call(HOST, port, Scheme.HTTP))
    assert found.call.authority == named
    assert shown(gateway_step(world, found.pod, found.call).choices[0]) == f"send - outbound|443||{HOST}"


@pytest.mark.parametrize(
    "to",
    [
        RouteDestination(f"outbound|80||{HOST}", HOST, 80),
        RouteDestination(f"outbound|81||{GW_HOST}", GW_HOST, 81),
        RouteDestination(f"outbound|443|v1|{GW_HOST}", GW_HOST, 443, "v1"),
        RouteDestination("outbound|80||shop.shop.svc.cluster.local", "shop.shop.svc.cluster.local", 80),
    ],
)
def test_other_clusters_reach_no_gateway(to: RouteDestination) -> None:
    shop = obj("Service", "shop/shop", "v1", spec={"selector": {"app": "shop"}, "ports": [{"port": 80}]})
    world = world_of(*BASE, SENDER, shop)
    assert arrivals(world, pod_of(world), to, REQUEST) == ()


def test_where_a_gateway_has_no_pod_now_it_is_one_as_its_workload_would_make_it() -> None:
    world = world_of(*(each for each in BASE if each["kind"] != "Pod"), SENDER)
    [found] = arrivals(world, pod_of(world), TO_GW, REQUEST)
    assert (str(found.pod.ref), found.pod.labels) == ("egress/gw", {"istio": "gw"})


# ---------------------------------------------------------------- routes of the Gateway API at the sender

ENTRY = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs", "namespace": "egress"}
LED = {"backendRefs": [{"name": "gw", "namespace": "egress", "port": 443}]}
DEFAULT = f"send default outbound|80||{HOST}"
BY_ITS_OWN = f"send egress.docs.0 outbound|443||{GW_HOST}"
BY_ROUTE = f"send shop.docs.0 outbound|443||{GW_HOST}"


@pytest.mark.parametrize(
    ("where", "parent", "own", "others"),
    [
        ("egress/docs", {}, BY_ITS_OWN, BY_ITS_OWN),
        ("shop/docs", {}, BY_ROUTE, DEFAULT),
        ("shop/docs", {"port": 80}, BY_ROUTE, DEFAULT),
        ("shop/docs", {"port": 443}, DEFAULT, DEFAULT),
        ("shop/docs", {"sectionName": "no-such-port"}, BY_ROUTE, DEFAULT),
        ("shop/docs", {"namespace": "shop"}, DEFAULT, DEFAULT),
    ],
)
def test_a_route_of_a_service_entry_is_for_its_clients(
    where: str, parent: dict[str, Any], own: str, others: str
) -> None:
    """As istiod generates it: outside its parent's namespace a route holds for clients of its own namespace alone."""
    world = world_of(*BASE, SENDER, OTHERS, route("HTTPRoute", where, LED, parentRefs=[{**ENTRY, **parent}]))
    said = [
        " ".join(map(shown, step(world, pod_of(world, name), Call(HOST, 80, Scheme.HTTP, path="/")).choices))
        for name in ("shop-1", "other-1")
    ]
    assert said == [own, others]


def test_rules_of_a_route_are_tried_by_specificity_at_a_sidecar_too() -> None:
    docs = route(
        "HTTPRoute",
        "egress/docs",
        {"matches": [path("PathPrefix", "/")], "backendRefs": [outside()]},
        {"matches": [path("PathPrefix", "/a")], **LED},
        parentRefs=[ENTRY],
    )
    world = world_of(*BASE, SENDER, docs)
    [found] = step(world, pod_of(world), Call(HOST, 80, Scheme.HTTP, path="/a", method="GET")).choices
    assert (found.route, str(found.rule)) == ("egress.docs.1", "HTTPRoute egress/docs spec.rules[1]")


# ---------------------------------------------------------------- BackendTLSPolicy

SIMPLE = obj("DestinationRule", "egress/docs", spec={"host": HOST, "trafficPolicy": {"tls": {"mode": "DISABLE"}}})


def tls_policy(called: str, hostname: str, created: str = "1", **target: str) -> Manifest:
    """A BackendTLSPolicy of the ServiceEntry egress/docs."""
    ref = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs", **target}
    spec = {"targetRefs": [ref], "validation": {"hostname": hostname, "wellKnownCACertificates": "System"}}
    made = obj("BackendTLSPolicy", f"egress/{called}", GATEWAY_API, spec=spec)
    made["metadata"]["creationTimestamp"] = f"2026-01-0{created}T00:00:00Z"
    return made


@pytest.mark.parametrize(
    ("policies", "at_80", "at_443"),
    [
        ([], (None, ""), (None, "")),
        ([tls_policy("one", "one.example")], (Tls.TLS, "one.example"), (Tls.TLS, "one.example")),
        ([tls_policy("one", "one.example", sectionName="tls")], (None, ""), (Tls.TLS, "one.example")),
        ([tls_policy("one", "one.example", sectionName="no-such-port")], (None, ""), (None, "")),
        (
            [tls_policy("new", "new.example", "2"), tls_policy("old", "old.example", "1")],
            (Tls.TLS, "old.example"),
            (Tls.TLS, "old.example"),
        ),
        ([tls_policy("one", "one.example"), SIMPLE], (Tls.NONE, ""), (Tls.NONE, "")),
        ([tls_policy("one", "one.example", name="gone")], (None, ""), (None, "")),
    ],
)
def test_a_backend_tls_policy_originates_tls(
    policies: list[Manifest], at_80: tuple[Tls | None, str], at_443: tuple[Tls | None, str]
) -> None:
    world = world_of(*BASE, *policies)
    known = clusters_of(world, pod_of(world, "gw-1"))
    legs = [known.leg(RouteDestination(f"outbound|{port}||{HOST}", HOST, port)) for port in (80, 443)]
    assert [(each.tls, each.sni) for each in legs] == [at_80, at_443]
