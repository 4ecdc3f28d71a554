"""Which DestinationRule a proxy has for a host, and what it says of a leg; and what a Sidecar imports."""

from __future__ import annotations

from typing import Any

import pytest
from support.mesh import HOST, Manifest, entry, obj

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.destination_rules import Destinations, Leg
from egressaudit.mesh.routes.imports import Imports
from egressaudit.mesh.routes.registered import ServiceRegistry
from egressaudit.mesh.trim import trim
from egressaudit.mesh.world import World
from egressaudit.model import Tls


def rule(where: str, host: str = HOST, **spec: Any) -> Manifest:
    return obj("DestinationRule", where, spec={"host": host, **spec})


def subset(name: str, **more: Any) -> Manifest:
    return {"name": name, "labels": {"version": name}, **more}


def found(client: str, *rules: Manifest, labels: dict[str, str] | None = None) -> str:
    """The rules that count for a client's namespace, with their subsets; the ServiceEntry is of `egress`."""
    world = World.of(Objects.of([trim(each) for each in (entry("egress/docs"), *rules)]))
    (service,) = world.once(ServiceRegistry.of).services
    merged = world.once(Destinations.of).of_service(client, labels or {}, service)
    if merged is None:
        return ""
    return " ".join((*(str(each.ref) for each in merged.origins), *merged.subsets))


LOOKUPS: dict[str, tuple[str, list[Manifest], str]] = {
    "the client's namespace first": ("shop", [rule("shop/a"), rule("egress/b"), rule("istio-system/c")], "shop/a"),
    "then the service's": ("shop", [rule("egress/b"), rule("istio-system/c")], "egress/b"),
    "then the root": ("shop", [rule("istio-system/c"), rule("other/d")], "istio-system/c"),
    "no other": ("shop", [rule("other/d")], ""),
    "the client's, also where only the service's has the subset": (
        "shop",
        [rule("shop/a"), rule("egress/b", subsets=[subset("v1")])],
        "shop/a",
    ),
    "the client's wildcard before the service's own name": (
        "shop",
        [rule("shop/a", "*.redhat.com"), rule("egress/b")],
        "shop/a",
    ),
    "the most specific host in one namespace": (
        "shop",
        [rule("egress/a", "*.com"), rule("egress/b", "*.redhat.com")],
        "egress/b",
    ),
    "what is not exported is not there": ("shop", [rule("egress/b", exportTo=["."])], ""),
    "what is exported to others is not there": ("shop", [rule("egress/b", exportTo=["other"])], ""),
    "two of one host are one, with the subsets of both": (
        "shop",
        [rule("egress/a", subsets=[subset("v1")]), rule("egress/b", subsets=[subset("v1"), subset("v2")])],
        "egress/a egress/b v1 v2",
    ),
    "of two that are exported differently the last": (
        "egress",
        [rule("egress/a", exportTo=["."]), rule("egress/b", exportTo=["*"], subsets=[subset("v2")])],
        "egress/b v2",
    ),
}


@pytest.mark.parametrize("row", LOOKUPS)
def test_one_destination_rule_counts(row: str) -> None:
    client, rules, answer = LOOKUPS[row]
    assert found(client, *rules) == answer


def test_a_rule_with_a_selector_is_for_the_proxies_that_it_selects() -> None:
    own = rule("shop/a", workloadSelector={"matchLabels": {"app": "shop"}})
    assert found("shop", own, rule("shop/b"), labels={"app": "shop"}) == "shop/a"
    assert found("shop", own, rule("shop/b")) == "shop/b"


LEGS: dict[str, tuple[Manifest, int, str, Leg]] = {
    "nothing said": ({}, 80, "", Leg()),
    "of the host": ({"trafficPolicy": {"tls": {"mode": "SIMPLE", "sni": "a"}}}, 80, "", Leg(Tls.TLS, "a")),
    "a port's own policy replaces the host's": (
        {"trafficPolicy": {"tls": {"mode": "SIMPLE"}, "portLevelSettings": [{"port": {"number": 80}}]}},
        80,
        "",
        Leg(),
    ),
    "a subset's own policy goes first": (
        {
            "trafficPolicy": {"tls": {"mode": "SIMPLE"}},
            "subsets": [subset("v1", trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL"}})],
        },
        80,
        "v1",
        Leg(Tls.MUTUAL),
    ),
    "a tunnel": (
        {"trafficPolicy": {"tunnel": {"targetHost": "t.example.com", "targetPort": 443}}},
        443,
        "",
        Leg(tunnel="t.example.com:443"),
    ),
    "a tunnel of the host is none of its subsets": (
        {"trafficPolicy": {"tunnel": {"targetHost": "t.example.com", "targetPort": 443}}, "subsets": [subset("v1")]},
        443,
        "v1",
        Leg(),
    ),
}


@pytest.mark.parametrize("row", LEGS)
def test_a_rule_says_how_a_leg_is_sent(row: str) -> None:
    spec, port, named, leg = LEGS[row]
    world = World.of(Objects.of([trim(each) for each in (entry("egress/docs"), rule("shop/a", **spec))]))
    (service,) = world.once(ServiceRegistry.of).services
    merged = world.once(Destinations.of).of_service("shop", {}, service)
    assert merged is not None
    assert merged.leg(port, named) == leg


@pytest.mark.parametrize(
    ("hosts", "imported"),
    [
        (["*/*"], True),
        (["./*"], False),
        (["egress/*"], True),
        ([f"egress/{HOST}"], True),
        (["egress/*.redhat.com"], True),
        (["egress/*.example.com"], False),
        ([f"*/{HOST}"], True),
        (["~/*"], False),
        (["*/*", f"~egress/{HOST}"], False),
        (["*/*", "~other/*"], True),
        (["docs.redhat.com", "a/b/c"], False),
    ],
)
def test_a_sidecar_imports_a_host(hosts: list[str], *, imported: bool) -> None:
    world = World.of(Objects.of([trim(entry("egress/docs"))]))
    (service,) = world.once(ServiceRegistry.of).services
    assert Imports.of(hosts, "shop").has_service(service) is imported
