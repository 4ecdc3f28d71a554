"""What a sidecar does with a call: each row's answer is the one that istiod's own generator gave for it."""

from __future__ import annotations

import pytest
from support.mesh import GW_HOST, HOST, Manifest, entry, obj, sidecar
from support.sidecar_rows import (
    BASE,
    GW,
    HTTP,
    HTTPS,
    NEW,
    OLD,
    OUTSIDE,
    ROWS,
    SOURCE,
    TCP_ENTRY,
    made,
    policy,
    rules,
    to,
)

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.ages import ORDER
from egressaudit.mesh.routes.sidecar_proxy import WHICH, alike, step
from egressaudit.mesh.trim import trim
from egressaudit.mesh.world import World
from egressaudit.model import Call, Choice


def shown(choice: Choice) -> str:
    """A choice in a line."""
    clusters = [each.cluster if each.weight == 100 else f"{each.cluster}={each.weight}" for each in choice.to]
    when = [f"[{', '.join(choice.when)}]"] if choice.when else []
    authority = ["as", choice.authority] if choice.authority else []
    words = [choice.act.value, choice.route or "-", *clusters, *authority, *when, choice.reason]
    if choice.act.value == "passthrough" and not choice.route:
        words = ["passthrough", "-"]
    return " ".join(each for each in words if each)


def world_of(*manifests: Manifest) -> World:
    """The world of these objects, as a snapshot keeps them."""
    return World.of(Objects.of([trim(each) for each in manifests]))


@pytest.mark.parametrize("row", ROWS)
def test_a_sidecar_does_what_istiod_generates(row: str) -> None:
    objects, call, answer = ROWS[row]
    world = world_of(*BASE, *objects)
    pod = next(each for each in world.pods if each.name == "shop-1")
    found = step(world, pod, call)
    assert (found.listener, *map(shown, found.choices)) == answer
    assert found.choices[-1].when == ()


def test_delegates_that_name_each_other_lead_nowhere() -> None:
    world = world_of(
        *BASE,
        entry("egress/docs"),
        rules("egress/root", http=[{"delegate": {"name": "one"}}]),
        obj("VirtualService", "egress/one", spec={"http": [{"delegate": {"name": "two"}}]}),
        obj("VirtualService", "egress/two", spec={"http": [{"delegate": {"name": "one"}}]}),
    )
    found = step(world, world.pods[-1], Call(HOST, 80, HTTP))
    assert [shown(each) for each in found.choices] == ["refuse - no-cluster"]


def test_an_order_that_is_not_known_is_a_condition() -> None:
    one = rules("egress/a", http=[{"name": "a", "redirect": {"uri": "/"}}])
    two = rules("egress/b", http=[{"name": "b", "redirect": {"uri": "/"}}])
    world = world_of(*BASE, entry("egress/docs"), one, two)
    found = step(world, world.pods[-1], Call(HOST, 80, HTTP))
    assert [(each.route, each.when) for each in found.choices] == [("a", (ORDER,)), ("b", ())]


def test_an_order_that_is_known_is_none() -> None:
    one = rules("egress/a", created=NEW, http=[{"name": "a", "redirect": {"uri": "/"}}])
    two = rules("egress/b", created=OLD, http=[{"name": "b", "redirect": {"uri": "/"}}])
    world = world_of(*BASE, made(OLD, entry("egress/docs")), one, two)
    found = step(world, world.pods[-1], Call(HOST, 80, HTTP))
    assert [(each.route, each.when) for each in found.choices] == [("b", ())]


def test_a_condition_that_an_older_snapshot_dropped_is_still_one() -> None:
    dropped = rules("egress/docs", http=[{"match": [{"uri": {}, "headers": {}}], "redirect": {"uri": "/"}}])
    world = world_of(*BASE, entry("egress/docs"), dropped)
    found = step(world, world.pods[-1], Call(HOST, 80, HTTP, path="/"))
    assert [each.when for each in found.choices] == [("uri not kept", "header not kept"), ()]


def test_subnets_that_an_older_snapshot_dropped_are_a_condition() -> None:
    dropped = rules("egress/tcp", tcp=[{"match": [{"destinationSubnets": {}}], "route": [to(GW_HOST)]}])
    world = world_of(*BASE, entry("egress/tcp", port=443, protocol="TCP"), dropped)
    found = step(world, world.pods[-1], Call(HOST, 443, HTTPS))
    assert [shown(each) for each in found.choices] == [
        f"send - {GW} [destinationSubnets not kept]",
        f"send - outbound|443||{HOST}",
    ]


def test_an_address_that_is_not_known_is_a_condition() -> None:
    world = world_of(*BASE, TCP_ENTRY)
    found = step(world, world.pods[-1], Call(HOST, 443, HTTPS))
    assert [shown(each) for each in found.choices] == [
        f"send - outbound|443||{HOST} [address {OUTSIDE}]",
        "passthrough -",
    ]


def test_sidecars_that_capture_dns_dial_what_istiod_gave_the_host() -> None:
    given = entry("egress/tcp", port=443, protocol="TCP")
    given["status"] = {"addresses": [{"host": HOST, "value": "240.240.0.1"}]}
    capturing = sidecar("shop/shop-1", "10.0.0.2")
    capturing["spec"]["containers"][1]["env"] = [{"name": "ISTIO_META_DNS_CAPTURE", "value": "true"}]
    found = [
        step(world, next(each for each in world.pods if each.name == "shop-1"), Call(HOST, 443, HTTPS)).listener
        for world in (world_of(given, capturing), world_of(given, SOURCE))
    ]
    assert found == ["240.240.0.1_443", "0.0.0.0_443"]


def test_a_name_that_two_services_want_is_a_condition() -> None:
    addresses = ["203.0.113.7"]
    two = [
        entry("egress/a", "a.example.com", addresses=addresses),
        entry("egress/b", "b.example.com", addresses=addresses),
    ]
    world = world_of(*BASE, *two)
    found = step(world, world.pods[-1], Call(OUTSIDE, 80, HTTP))
    assert [(each.to[0].host, each.when) for each in found.choices] == [
        ("a.example.com", (WHICH,)),
        ("b.example.com", ()),
    ]


def test_a_service_that_is_not_imported_still_has_its_address() -> None:
    own = obj("Sidecar", "shop/own", spec={"egress": [{"hosts": ["./*"]}]})
    taken = entry("shop/tcp", "tcp.example.com", protocol="TCP", addresses=["10.96.0.0/16"])
    world = world_of(*BASE, own, taken)
    found = step(world, next(each for each in world.pods if each.name == "shop-1"), Call("gw.egress", 80, HTTP))
    assert [shown(each) for each in found.choices] == ["send - outbound|80||tcp.example.com"]


SELECTED = "[{namespaceSelector: {matchLabels: {egress: yes}}}]"


@pytest.mark.parametrize(
    ("visibility", "answer"),
    [
        ("defaultVisibility: NAMESPACE", "passthrough allow_any"),
        ("defaultVisibility: NONE", "passthrough allow_any"),
        ("defaultVisibility: PUBLIC", f"send default outbound|80||{HOST}"),
        (
            f"defaultVisibility: NONE, policies: [{{visibility: PUBLIC, matchingRules: {SELECTED}}}]",
            f"send default outbound|80||{HOST}",
        ),
    ],
)
def test_the_mesh_may_hide_service_entries_from_sidecars(visibility: str, answer: str) -> None:
    mesh = f"serviceEntryVisibility: {{applyToSidecars: true, {visibility}}}".replace("yes", "'yes'")
    config = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": mesh})
    labelled = obj("Namespace", "egress", "v1", labels={"egress": "yes"})
    world = world_of(*BASE, config, labelled, entry("egress/docs"))
    found = step(world, next(each for each in world.pods if each.name == "shop-1"), Call(HOST, 80, HTTP))
    assert [shown(each) for each in found.choices] == [answer]


def test_pods_are_alike_unless_something_tells_their_sidecars_apart() -> None:
    others = [sidecar(f"ns{number}/app-1", f"10.1.0.{number}", labels={"app": "shop"}) for number in (1, 2, 3)]
    world = world_of(*others, entry("egress/docs"), policy("REGISTRY_ONLY"), SOURCE, rules("ns3/own", exportTo=["."]))
    key = {pod.namespace: alike(world, pod) for pod in world.pods}
    assert key["ns1"] == key["ns2"]
    assert len(set(key.values())) == 3
