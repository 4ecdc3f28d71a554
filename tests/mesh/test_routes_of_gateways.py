"""What an egress gateway does with a call: each row's answer is the one that istiod's own generator gave for it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from support.gateway_rows import BASE, HTTP_SERVER, Rows, api, gateway, listener, outside, plain, route, rules, to
from support.gateway_rows_api import BACKENDS, LISTENERS, ORDER
from support.gateway_rows_istio import KINDS, RULES, SERVERS
from support.mesh import HOST, Manifest, service
from support.route_words import shown, world_of

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.ages import ORDER as UNKNOWN_ORDER
from egressaudit.mesh.routes.gateway import step
from egressaudit.mesh.trim import trim
from egressaudit.mesh.world import World
from egressaudit.model import Call, Step

TABLES: dict[str, Rows] = {
    "kinds": KINDS, "servers": SERVERS, "rules": RULES, "listeners": LISTENERS, "order": ORDER, "backends": BACKENDS,
}  # fmt: skip
ROWS = {f"{table}: {row}": answer for table, rows in TABLES.items() for row, answer in rows.items()}
DENIED = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners"}
TAKEN, MISSING = {"type": "Accepted", "status": "True"}, {"type": "ResolvedRefs", "status": "False"}


def step_of(world: World, call: Call) -> Step:
    """What egress/gw-1 does."""
    return step(world, next(each for each in world.pods if each.name == "gw-1"), call)


@pytest.mark.parametrize("row", ROWS)
def test_a_gateway_does_what_istiod_generates(row: str) -> None:
    objects, call, answer = ROWS[row]
    found = step_of(world_of(*BASE, *objects), call)
    assert (found.listener, *map(shown, found.choices)) == answer
    assert found.choices[-1].when == ()


def test_a_choice_names_the_rule_that_a_person_wrote() -> None:
    both = [gateway(HTTP_SERVER), rules(http=[{"match": [{"port": 8080}], "route": [to()]}, {"route": [to()]}])]
    [written] = step_of(world_of(*BASE, *both), plain()).choices
    assert str(written.rule) == "VirtualService shop/vs spec.http[1]"
    docs = route("HTTPRoute", "shop/docs", {}, {"matches": [{"path": {"value": "/a"}}], "backendRefs": [outside()]})
    [converted] = step_of(world_of(*BASE, api(listener(80, "HTTP")), docs), plain(path="/a")).choices
    assert str(converted.rule) == "HTTPRoute shop/docs spec.rules[1]"


def test_a_service_may_call_a_port_of_the_proxy_by_name() -> None:
    named = [{"name": "http", "port": 80, "targetPort": "web"}]
    listed = [each for each in deepcopy(BASE) if each["kind"] != "Service"]
    [pod] = (each for each in listed if each["kind"] == "Pod")
    pod["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 9080}]
    both = [service("egress/gw", "10.96.0.9", {"istio": "gw"}, ports=named), gateway(HTTP_SERVER)]
    world = world_of(*listed, *both, rules(http=[{"route": [to(port=80)]}]))
    assert [shown(each) for each in step_of(world, plain(port=9080)).choices] == [f"send - outbound|80||{HOST}"]


@pytest.mark.parametrize(("said", "reason"), [("true", "no-listener"), ("false", "")])
def test_a_proxy_that_may_not_bind_low_ports_has_no_listener_there(said: str, reason: str) -> None:
    listed = [each for each in deepcopy(BASE) if each["kind"] != "Service"]
    [pod] = (each for each in listed if each["kind"] == "Pod")
    pod["spec"]["containers"][0]["env"] = [{"name": "ISTIO_META_UNPRIVILEGED_POD", "value": said}]
    world = world_of(*listed, gateway(HTTP_SERVER), rules(http=[{"route": [to()]}]))
    assert [each.reason for each in step_of(world, plain(port=80)).choices] == [reason]


def test_an_order_that_a_snapshot_does_not_tell_is_a_condition() -> None:
    two = [rules(f"shop/{name}", http=[{"name": name, "route": [to()]}]) for name in ("one", "two")]
    listed = [trim(each) for each in (*BASE, gateway(HTTP_SERVER), *two)]
    found = step_of(World.of(Objects.of(listed)), plain())
    assert [(each.route, each.when) for each in found.choices] == [("one", (UNKNOWN_ORDER,)), ("two", ())]


@pytest.mark.parametrize(
    ("backend", "said", "differs"),
    [
        (outside(), [TAKEN], []),
        (outside(), [DENIED], ["Accepted: False"]),
        (outside(), [{**DENIED, "reason": "UnsupportedValue"}], []),
        (outside(port=443), [TAKEN, MISSING], []),
        ({"name": "gw", "namespace": "egress", "port": 80}, [{**MISSING, "status": "True"}], ["ResolvedRefs: True"]),
    ],
)
def test_a_status_that_the_objects_contradict_is_told(
    backend: Manifest, said: list[Manifest], differs: list[str]
) -> None:
    docs = route("HTTPRoute", "shop/docs", {"backendRefs": [backend]}, hostnames=[HOST])
    parent = {"parentRef": {"name": "api", "namespace": "egress"}, "conditions": said}
    docs["status"] = {"parents": [{**parent, "controllerName": "istio.io/gateway-controller"}]}
    found = step_of(world_of(*BASE, api(listener(80, "HTTP")), docs), plain())
    assert [each.message.partition("says ")[2].partition(" for ")[0] for each in found.faults] == differs


@pytest.mark.parametrize(
    ("reason", "cluster"), [("ResolvedRefs", "gw.egress.svc.cluster.local"), ("RefNotPermitted", "")]
)
def test_without_any_grant_read_the_status_of_a_route_says_whether_it_may_name_a_service(
    reason: str, cluster: str
) -> None:
    docs = route("HTTPRoute", "shop/docs", {"backendRefs": [{"name": "gw", "namespace": "egress", "port": 80}]})
    said = [{"type": "ResolvedRefs", "status": "True", "reason": reason}]
    docs["status"] = {"parents": [{"parentRef": {"name": "api", "namespace": "egress"}, "conditions": said}]}
    older = [each for each in BASE if each["kind"] != "GatewayClass"]
    [found] = step_of(world_of(*older, api(listener(80, "HTTP")), docs), plain()).choices
    assert [each.host for each in found.to] == ([cluster] if cluster else [])


def test_no_value_of_a_header_or_query_is_kept() -> None:
    secret = [{"name": "authorization", "type": "Exact", "value": "hunter2"}]
    match = {"headers": secret, "queryParams": secret}
    modifier = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": secret}}
    kept = trim(route("HTTPRoute", "shop/docs", {"matches": [match], "filters": [modifier]}))
    assert "hunter2" not in str(kept)
    assert "authorization" in str(kept)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    listed = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in listed for place in ((*path, key), *_places(each, (*path, key)))]


@pytest.mark.parametrize("wrong", [None, "", "x", 7, True, [], [7], [{}], {}, {"a": 1}])
def test_a_wrong_type_anywhere_is_no_error(wrong: Any) -> None:
    docs = route(
        "HTTPRoute", "shop/docs", {"matches": [{"path": {"value": "/"}}], "backendRefs": [outside()]}, hostnames=[HOST]
    )
    objects = [api(listener(80, "HTTP", HOST)), docs, gateway(HTTP_SERVER), rules(http=[{"route": [to()]}])]
    for at, one in enumerate(objects):
        for place in _places(one):
            if place[0] in ("kind", "apiVersion"):
                continue
            broken = deepcopy(objects)
            parent: Any = broken[at]
            for key in place[:-1]:
                parent = parent[key]
            parent[place[-1]] = wrong
            found = step_of(World.of(Objects.of([trim(each) for each in (*BASE, *broken)])), plain())
            assert found.choices[-1].when == ()
