"""What a proxy does by its own configuration: dumps of istiod's generator, and one answer for each call.

`programmed_by_istiod.json` holds what istiod generates for a sidecar and a gateway of one mesh (under ALLOW_ANY and
under REGISTRY_ONLY), without the fields that decide nothing, and what those do with some hundred calls, as
`tools/istiod_oracle` evaluates them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.changed_documents import LEAVES, PATHS, changed

from egressaudit.mesh.programmed import Dumped, dumped, programmed_step, route_tables
from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, Scheme, Step, Tls

PROXIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "programmed_by_istiod.json").read_text("utf-8"))
SIDECAR = PROXIES[0]["config_dump"]


def call_of(asked: dict[str, Any]) -> Call:
    return Call(
        host=asked["host"],
        port=asked["port"],
        scheme=Scheme(asked["scheme"]),
        tls=Tls(asked.get("tls", "plaintext")),
        address=asked["address"],
        path=asked.get("path"),
        method=asked.get("method"),
    )


def step(dump: Dumped, call: Call) -> Step:
    return programmed_step(dump, call, ObjectRef("app", "curl-1"), Reporter.SIDECAR)


def words(choice: Choice) -> dict[str, Any]:
    return {
        "act": choice.act.value,
        "route": choice.route,
        "to": [[each.cluster, each.weight] for each in choice.to],
        "when": list(choice.when),
        "reason": choice.reason,
        "authority": choice.authority,
    }


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda each: each["proxy"])
def test_each_call_takes_the_way_that_the_oracle_says(proxy: dict[str, Any]) -> None:
    dump = dumped([proxy["config_dump"]], all_clusters=True)
    assert len(proxy["answers"]) > 50
    for answer in proxy["answers"]:
        found = step(dump, call_of(answer["call"]))
        assert (answer["call"], found.listener) == (answer["call"], answer["listener"])
        assert (answer["call"], [words(each) for each in found.choices]) == (answer["call"], answer["choices"])


def test_a_choice_names_the_object_that_istiod_made_it_of() -> None:
    call = Call("split.example.com", 80, Scheme.HTTP)
    [choice] = step(dumped([SIDECAR], all_clusters=True), call).choices
    assert str(choice.rule).strip() == "VirtualService app/split"
    assert [(each.host, each.port, each.weight) for each in choice.to] == [
        ("gw.egress.svc.cluster.local", 80, 90),
        ("split.example.com", 80, 10),
    ]


def test_a_filter_chain_names_its_object_too() -> None:
    [choice] = step(dumped([SIDECAR]), Call("docs.example.com", 443, Scheme.HTTPS)).choices
    assert choice.to[0].cluster == "outbound|444||gw.egress.svc.cluster.local"
    assert str(choice.rule).strip() == "VirtualService app/docs"


def test_clusters_that_nobody_asked_for_are_not_missing() -> None:
    call = Call("api.example.com", 80, Scheme.HTTP)
    assert [each.reason for each in step(dumped([SIDECAR], all_clusters=True), call).choices] == ["no-cluster"]
    assert [each.act for each in step(dumped([SIDECAR]), call).choices] == [Act.SEND]


def test_a_dump_of_everything_is_read_like_one_of_a_resource() -> None:
    entries = SIDECAR["configs"]
    whole = {
        "configs": [
            {"@type": "BootstrapConfigDump", "bootstrap": {"node": {"id": "x"}}},
            {"dynamic_listeners": [each for each in entries if "active_state" in each]},
            {"dynamic_route_configs": [each for each in entries if "route_config" in each]},
            {"dynamic_active_clusters": [each for each in entries if "cluster" in each]},
        ]
    }
    assert dumped([whole], all_clusters=True) == dumped([SIDECAR], all_clusters=True)


def test_an_update_that_the_proxy_refused_is_told() -> None:
    entry = {"name": "0.0.0.0_80", "error_state": {"details": "bad regex"}, "active_state": {"listener": {"name": "a"}}}
    assert dumped([{"configs": [entry]}]).refused == ("0.0.0.0_80: bad regex",)


def test_the_endpoints_of_a_cluster_are_those_that_are_not_unhealthy() -> None:
    def at(address: str, **status: str) -> dict[str, Any]:
        return {"endpoint": {"address": {"socket_address": {"address": address, "port_value": 8080}}}, **status}

    ends = [at("10.0.0.1", health_status="HEALTHY"), at("10.0.0.2", health_status="UNHEALTHY"), at("fd00::1")]
    config = {"endpoint_config": {"cluster_name": "outbound|80||h", "endpoints": [{"lb_endpoints": ends}]}}
    assert dumped([{"configs": [config]}]).endpoints == {"outbound|80||h": ("10.0.0.1:8080", "[fd00::1]:8080")}


@pytest.mark.parametrize(
    ("certificates", "tls"), [([{"name": "default"}], Tls.MUTUAL), ([{"name": "own"}], Tls.TLS), ([], Tls.TLS)]
)
def test_a_cluster_says_in_which_tls_it_wraps_a_call(certificates: list[dict[str, str]], tls: Tls) -> None:
    common = {"tls_certificate_sds_secret_configs": certificates}
    context = {"@type": "x/envoy.UpstreamTlsContext", "sni": "gw", "common_tls_context": common}
    configs = [{"cluster": {"name": "a", "transport_socket": {"typed_config": context}}}, {"cluster": {"name": "b"}}]
    assert dumped([{"configs": configs}]).wrapped == {"a": (tls, "gw")}


def test_the_route_tables_that_listeners_look_up_are_known_by_name() -> None:
    assert route_tables(dumped([SIDECAR])) == ("80",)


@pytest.mark.parametrize(("named", "cluster"), [("", "b"), ("h", "a")])
def test_a_gateway_gets_the_host_that_the_client_named_at_another_port(named: str, cluster: str) -> None:
    exact = {"headers": [{"name": ":authority", "string_match": {"exact": "h"}}], "prefix": "/"}
    routes = [{"match": match, "route": {"cluster": to}} for match, to in ((exact, "a"), ({"prefix": "/"}, "b"))]
    manager = {"route_config": {"virtual_hosts": [{"name": "h", "domains": ["*"], "routes": routes}]}}
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    socket = {"socket_address": {"address": "0.0.0.0", "port_value": 8080}}
    dump = dumped([{"configs": [{"listener": {"name": "l", "address": socket, "filter_chains": [chain]}}]}])
    [choice] = step(dump, Call("h", 8080, Scheme.HTTP, path="/", authority=named)).choices
    assert [each.cluster for each in choice.to] == [cluster]


def test_the_listener_for_one_address_comes_before_that_of_any() -> None:
    def at(address: str) -> dict[str, Any]:
        socket = {"socket_address": {"address": address, "port_value": 80}}
        proxy = {"name": "envoy.filters.network.tcp_proxy", "typed_config": {"cluster": f"to {address}"}}
        return {"listener": {"name": f"{address}_80", "address": socket, "filter_chains": [{"filters": [proxy]}]}}

    dump = dumped([{"configs": [at("0.0.0.0"), at("240.240.0.1")]}])
    by_address = {
        address: step(dump, Call("h", 80, Scheme.TCP, address=address)).listener
        for address in ("240.240.0.1", "240.240.0.2", "")
    }
    assert by_address == {"240.240.0.1": "240.240.0.1_80", "240.240.0.2": "0.0.0.0_80", "": "0.0.0.0_80"}


def test_a_waypoint_asks_address_and_port_in_a_tree() -> None:
    chain = {
        "name": "inbound-vip|80|http|h",
        "filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": {"cluster": "inbound-vip|80|http|h"}}],
    }
    leaf = {"action": {"name": "x", "typed_config": {"value": chain["name"]}}}
    port = {"matcher": {"matcher_tree": {"input": {"name": "port"}, "exact_match_map": {"map": {"80": leaf}}}}}
    # Another service has the address too, for another port; Envoy goes on to the next.
    other = {"matcher": {"matcher_tree": {"input": {"name": "port"}, "exact_match_map": {"map": {"443": leaf}}}}}
    at = [{"address_prefix": "240.240.0.1", "prefix_len": 32}]
    ranges = [{"ranges": at, "on_match": other}, {"ranges": at, "on_match": port}]
    tree = {"matcher_tree": {"input": {"name": "ip"}, "custom_match": {"typed_config": {"range_matchers": ranges}}}}
    listener = {"name": "main_internal", "filter_chains": [chain], "filter_chain_matcher": tree}
    dump = dumped([{"configs": [{"listener": listener}]}])

    def clusters(address: str, port: int) -> list[str]:
        choices = step(dump, Call("h", port, Scheme.TCP, address=address)).choices
        return [to.cluster for each in choices for to in each.to] or [each.reason for each in choices]

    assert clusters("240.240.0.1", 80) == ["inbound-vip|80|http|h"]
    assert clusters("240.240.0.1", 81) == clusters("240.240.0.2", 80) == ["no-filter-chain"]


@settings(max_examples=150, deadline=None)
@given(
    proxy=st.sampled_from(PROXIES),
    path=PATHS,
    leaf=LEAVES,
    asked=st.integers(0, 50),
)
def test_a_wrong_type_anywhere_is_no_crash(proxy: dict[str, Any], path: list[int], leaf: Any, asked: int) -> None:
    dump = dumped([changed(proxy["config_dump"], path, leaf)], all_clusters=True)
    assert step(dump, call_of(proxy["answers"][asked]["call"])).choices


@pytest.mark.parametrize("answer", [None, 7, [], {"configs": 7}, {"configs": [None, 7, {"listener": []}]}])
def test_an_answer_of_any_shape_has_no_listener(answer: object) -> None:
    [choice] = step(dumped([answer]), Call("h", 80, Scheme.HTTP)).choices
    assert choice.reason == "no-listener"
