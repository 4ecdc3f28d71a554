"""The causes of the second stage: hosts that the mesh does not know, or takes for others; no false advice."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import causes, found, line
from support.hops import CURL, GW, NO_UPSTREAM, ZTUNNEL, Row, at_gateway, straight, to_gateway, tunnel
from support.mesh import AMBIENT, BARE, GATEWAY_API, HOST, MESH, Manifest, but, entry, listener, obj, route, service

from egressaudit.model import Hop, Scheme

NO_HOST = {"cluster_host": None, "cluster_port": None}
PASSED = line(CURL, straight(cluster_kind="passthrough", **NO_HOST, route_name="allow_any"))
BLOCKED = {**NO_UPSTREAM, **NO_HOST, "response_code": 502, "response_code_details": "direct_response"}
REFUSED = line(CURL, straight(**BLOCKED, cluster_kind=None, route_name="block_all"))
BLACKHOLE = line(CURL, straight(**NO_UPSTREAM, **NO_HOST, cluster_kind="blackhole", response_flags="UH", method=None))
DYNAMIC = line(CURL, straight(cluster_kind="dynamic-dns", **NO_HOST))
DIRECT = line(CURL, straight())
CODEC = {"response_code": 400, "response_flags": "DPE", "response_code_details": "http1.codec_error"}
BROKEN = line(CURL, straight(**NO_UPSTREAM, **NO_HOST, **CODEC, cluster_kind=None, method=None))
BY_ADDRESS = line(CURL, straight(cluster_kind="passthrough", **NO_HOST, authority="203.0.113.7"))
STRAY = line(ZTUNNEL, tunnel(dst_addr="203.0.113.7:80", dst_hbone_addr=None, dst_service=None))
TO_PROXY = line(CURL, straight(cluster_host="proxy.example.com", method="CONNECT", authority=f"{HOST}:443"))
VIA_GW = (line(CURL, to_gateway()), line(GW, at_gateway()))
NO_CLUSTER = {**NO_UPSTREAM, **NO_HOST, "cluster_kind": None, "response_code": 503, "response_flags": "NC"}
NO_CLUSTER["response_code_details"] = "cluster_not_found"

GATEWAY: dict[str, Any] = {"expect": "gateway=egress/gw"}
IN_AMBIENT: dict[str, Any] = {"source": "amb/app-1", "container": "app", "expect": "waypoint=egress/waypoint"}


def unknown(*more: Manifest) -> tuple[Manifest, ...]:
    """The mesh with a ServiceEntry for another host alone."""
    return (*but(MESH, "ServiceEntry egress/docs"), *more)


HIDDEN = (
    *BARE,
    entry("egress/docs", port=443, protocol="TLS", exportTo=["."]),
    listener(port=443, protocol="TLS", tls={"mode": "PASSTHROUGH"}),
    route(port=443, kind="tls"),
)
"""A host that only egress sees. On a port of TLS a sidecar does not follow rules for a host that it does not know."""


def scope(*hosts: str, **policy: str) -> Manifest:
    """A Sidecar resource of the namespace curl."""
    more = {"outboundTrafficPolicy": policy} if policy else {}
    return obj("Sidecar", "curl/default", spec={"egress": [{"hosts": list(hosts)}], **more})


def config(mode: str) -> Manifest:
    said = f"accessLogFile: /dev/stdout\noutboundTrafficPolicy:\n  mode: {mode}\n"
    return obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": said})


def with_config(mode: str, objects: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    return (*but(objects, "ConfigMap istio-system/istio"), config(mode))


def only(port: int, protocol: str = "HTTP", **more: Any) -> tuple[Manifest, ...]:
    """The mesh whose ServiceEntry of the host has this port alone."""
    return (*but(MESH, "ServiceEntry egress/docs"), entry("egress/docs", port=port, protocol=protocol, **more))


TWO = entry("curl/docs", protocol="TCP", resolution="NONE")
ROUTE_OF_ONE = obj(
    "HTTPRoute",
    "egress/docs",
    GATEWAY_API,
    spec={
        "parentRefs": [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs"}],
        "rules": [{"backendRefs": [{"name": "gw", "port": 80}]}],
    },
)
TCP = {"port": 3306, "protocol": "TCP"}
SHARED = line(CURL, straight(cluster_host="other.example.com", cluster_port=3306, method=None, authority=None))
WIDER = line(CURL, straight(cluster_host="*.com"))

# The codes, the first one first; the objects, the lines, and what else is asked.
ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Hop, ...], dict[str, Any]]] = [
    ("EC13", unknown(), (PASSED,), GATEWAY),
    ("EC13", but(AMBIENT, "ServiceEntry egress/docs"), (STRAY,), IN_AMBIENT),
    ("EC14", with_config("REGISTRY_ONLY", unknown()), (REFUSED,), GATEWAY),
    ("EC14", with_config("REGISTRY_ONLY", unknown()), (BLACKHOLE,), GATEWAY),
    ("EC15", HIDDEN, (PASSED,), {"port": 443, "scheme": Scheme.HTTPS}),
    ("EC16", (*MESH, scope("istio-system/*")), (PASSED,), {}),
    ("EC17 EC27", MESH, (PASSED,), {"port": 443, "scheme": Scheme.HTTPS, **GATEWAY}),
    ("EC17 EC28", only(80, "TCP"), (BROKEN,), {"scheme": Scheme.HTTPS, **GATEWAY}),
    ("EC18", (*but(MESH, "ServiceEntry egress/docs"), entry("egress/docs", port=443), TWO), (BLACKHOLE,), GATEWAY),
    ("EC18 EC93", (*MESH, entry("curl/docs", port=443)), (VIA_GW[0], line(GW, at_gateway(**NO_CLUSTER))), {}),
    ("EC18", (*but(MESH, "VirtualService egress/docs"), ROUTE_OF_ONE, entry("curl/docs2")), (DIRECT,), GATEWAY),
    ("EC18 EC89", (*MESH, TWO), (DIRECT,), {}),
    ("EC19", (*MESH, entry("egress/com", "*.com")), (WIDER,), {}),
    (
        "EC20",
        (*BARE, entry("egress/db", **TCP), entry("egress/other", "other.example.com", **TCP)),
        (SHARED,),
        {"port": 3306, "scheme": Scheme.TCP, **GATEWAY},
    ),
    ("EC13 EC21", MESH, (BY_ADDRESS,), {"host": "203.0.113.7", **GATEWAY}),
    ("EC22", (*MESH, entry("egress/proxy", "proxy.example.com")), (TO_PROXY,), GATEWAY),
    ("EC23", unknown(), (DYNAMIC,), GATEWAY),
    ("EC24", unknown(), (line(CURL, straight(cluster_host="proxy.example.com", route_name="allow_any")),), GATEWAY),
    ("EC25 EC13", with_config("REGISTRY_ONLY", unknown()), (PASSED,), GATEWAY),
    ("EC25 EC14", unknown(), (REFUSED,), GATEWAY),
    ("EC25 EC14", (*with_config("REGISTRY_ONLY", unknown()), scope("*/*", mode="ALLOW_ANY")), (REFUSED,), GATEWAY),
    ("EC85", unknown(), (PASSED,), {"expect": "blocked"}),
    ("EC85", MESH, VIA_GW, {"expect": "blocked"}),
]


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_is_not_known_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        # A ServiceEntry that has the host tells an unknown host from one that is hidden, or has another port.
        (unknown(entry("egress/docs", exportTo=["."])), (PASSED,), {}, "EC13"),
        ((*MESH, scope("istio-system/*")), (PASSED,), {}, "EC15"),
        (unknown(entry("egress/docs", exportTo=["."])), (PASSED,), {}, "EC16"),
        (MESH, (PASSED,), {"port": 443, "scheme": Scheme.HTTPS, **GATEWAY}, "EC13"),
        (unknown(entry("egress/docs", exportTo=["curl"])), (DIRECT,), {}, "EC15"),
        # Where snapshot and line agree, the policy is no other one. One that says nothing at all allows any.
        (unknown(), (PASSED,), GATEWAY, "EC25"),
        (with_config("REGISTRY_ONLY", unknown()), (REFUSED,), GATEWAY, "EC25"),
        # ztunnel does not heed REGISTRY_ONLY (istio/istio issue 54281).
        (with_config("REGISTRY_ONLY", but(AMBIENT, "ServiceEntry egress/docs")), (STRAY,), IN_AMBIENT, "EC25"),
        # Two entries that agree are one owner too many, and no cause; nor are two that differ, if it went right.
        ((*MESH, entry("curl/docs")), (BLACKHOLE,), {}, "EC18"),
        ((*MESH, entry("curl/docs", port=443)), (DIRECT,), {}, "EC18"),
        # The cluster is the narrower host's own.
        ((*MESH, entry("egress/com", "*.com")), (DIRECT,), {}, "EC19"),
        # A name came with it.
        (MESH, (PASSED,), GATEWAY, "EC21"),
        # Addresses tell the two hosts of one port apart.
        (
            (
                *BARE,
                entry("egress/db", **TCP),
                entry("egress/other", "other.example.com", addresses=["203.0.113.9"], **TCP),
            ),
            (SHARED,),
            {"port": 3306, "scheme": Scheme.TCP, **GATEWAY},
            "EC20",
        ),
        (MESH, (DIRECT,), {}, "EC22"),
        (unknown(), (PASSED,), GATEWAY, "EC23"),
        (unknown(), (PASSED,), GATEWAY, "EC24"),
        (MESH, (DIRECT,), {}, "EC85"),
        # What should be blocked is not to be registered.
        (unknown(), (PASSED,), {"expect": "blocked"}, "EC13"),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("shop.shop.svc.cluster.local", "10.0.0.2:80"),
        ("gw.egress.svc.cluster.local", "10.0.0.9:80"),
        ("10.0.0.2", "10.0.0.2:80"),
        ("10.96.0.1", "10.96.0.1:80"),
        ("by-hand.shop.svc", "203.0.113.7:80"),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_nothing_is_said_about_a_service_entry_for_addresses_of_the_cluster(host, reached, refused) -> None:
    changed: Row = {**BLOCKED, "route_name": "block_all"} if refused else {"upstream_host": reached, **NO_HOST}
    hop = line(CURL, straight(**changed, cluster_kind=None if refused else "passthrough"))
    objects = (*MESH, service("shop/by-hand", "10.96.0.3"))
    said = [
        text
        for each in causes(objects, hop, host=host, expect="direct" if refused else "gateway=egress/gw")
        for text in (each.sentence, each.cause.remedy)
    ]
    assert not [text for text in said if "ServiceEntry" in text]


def test_the_policy_of_a_sidecar_resource_counts_before_that_of_the_mesh() -> None:
    [first, *_] = causes((*unknown(), scope("*/*", mode="REGISTRY_ONLY")), PASSED, **GATEWAY)
    said = "Sidecar curl/default says REGISTRY_ONLY, and the line shows that it let an unknown host pass"
    assert first.because == (said,)
    assert (first.objects, first.field) == (("Sidecar curl/default",), "spec.outboundTrafficPolicy.mode")
