"""Flows of a window: each rule of `join/engines/duckdb/rules` as rows, and what must never change a flow's path."""

from __future__ import annotations

import pytest
from support.hops import (
    CURL,
    FAR,
    GW,
    GW_HOST,
    HOST,
    HOUR,
    NO_UPSTREAM,
    SPARE,
    START,
    ZTUNNEL,
    at_gateway,
    flows,
    mesh,
    seen,
    straight,
    to_gateway,
    tunnel,
)
from support.mesh import endpoint_slice

from egressaudit.model import Confidence, Path, Window

ME = "curl/StatefulSet/curl"


VIA = (ME, f"{HOST}:80", "via-gateway", "", "egress/gw", 1)


LOST = (ME, "240.240.0.1:80", "unknown", "no-gateway-line", "", 1)


# ---------------------------------------------------------------- sidecars and gateways


def test_a_flow_through_the_gateway_is_joined_by_the_addresses_of_the_connection():
    found = flows({CURL: [to_gateway()], GW: [at_gateway()]}).groups
    (group, proofs), *more = found
    assert not more
    assert (group.path, group.confidence) == (Path.VIA_GATEWAY, Confidence.JOINED)
    assert [(proof.sender, proof.last) for proof in proofs] == [((0, 1), (1, 1))]


def test_a_request_that_the_source_may_have_tried_elsewhere_first_proves_no_way_though_the_gateway_has_it():
    # Somebody gave the gateway's Service an endpoint outside: Envoy logs the last attempt alone.
    by_hand = endpoint_slice("egress/gw", "", "203.0.113.9")
    by_hand["metadata"] = {"namespace": "egress", "name": "by-hand", "labels": {"kubernetes.io/service-name": "gw"}}
    by_hand["endpoints"] = [{"addresses": ["203.0.113.9"]}]
    logs = {CURL: [to_gateway()], GW: [at_gateway()]}
    assert seen(logs, world=mesh(by_hand)) == [(*VIA[:3], "other-endpoints", *VIA[4:])]
    assert seen(logs) == [VIA]


NO_HEALTHY = {**NO_UPSTREAM, "response_flags": "UH", "response_code_details": "no_healthy_upstream"}


NO_ROUTE = {**NO_UPSTREAM, "response_flags": "NR", "response_code_details": "route_not_found"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (straight(), (ME, f"{HOST}:80", "direct", "", "", 1)),
        (
            straight(cluster_kind="passthrough", cluster_host=None, cluster_port=None),
            (ME, "203.0.113.7:80", "passthrough", "", "", 1),
        ),
        # It could not connect: it has no socket of its own to that address, and nothing left.
        (
            straight(upstream_local_address=None, response_flags="UF", response_code_details="upstream_reset"),
            (ME, f"{HOST}:80", "failed", "upstream-failed", "", 1),
        ),
        # It gave up after several attempts: the line tells of the last, and an earlier one may have been connected.
        (
            straight(upstream_local_address=None, response_flags="UF,URX", response_code_details="upstream_reset"),
            (ME, f"{HOST}:80", "direct", "may-have-left", "", 1),
        ),
        # Whatever ended it, it had a socket to that address.
        (
            straight(response_code=503, response_flags="UC", response_code_details="upstream_reset"),
            (ME, f"{HOST}:80", "direct", "", "", 1),
        ),
        (
            straight(response_code=0, response_flags="DC", response_code_details="downstream_remote_disconnect"),
            (ME, f"{HOST}:80", "direct", "", "", 1),
        ),
        # An address was chosen, and nothing says whether a connection was made.
        (
            straight(upstream_local_address=None, response_code=504, response_code_details="response_timeout"),
            (ME, f"{HOST}:80", "direct", "may-have-left", "", 1),
        ),
        (
            straight(cluster_kind="blackhole", cluster_host=None, cluster_port=None, **NO_UPSTREAM),
            (ME, "240.240.0.1:80", "blocked", "black-hole-cluster", "", 1),
        ),
        (
            straight(
                cluster_kind=None, cluster_host=None, cluster_port=None, **NO_UPSTREAM,
                route_name="block_all", response_code_details="direct_response",
            ),
            (ME, "240.240.0.1:80", "blocked", "block-all-route", "", 1),
        ),
        (
            straight(upstream_host="10.0.0.2:80"),
            (ME, f"{HOST}:80", "unknown", "inside-address", "", 1),
        ),
        (
            straight(upstream_host="198.51.100.9:8080", cluster_host=GW_HOST),
            (ME, f"{GW_HOST}:80", "unknown", "gateway-replaced", "", 1),
        ),
        (
            straight(upstream_host="198.51.100.9:80", cluster_host="shop.shop.svc.cluster.local"),
            (ME, "shop.shop.svc.cluster.local:80", "unknown", "not-a-pod", "", 1),
        ),
        (
            straight(upstream_host="198.51.100.9:80", cluster_host="shop.shop.svc.example.com"),
            (ME, "shop.shop.svc.example.com:80", "unknown", "not-a-pod", "", 1),
        ),
        (
            straight(upstream_host="10.96.0.3:80", cluster_kind="passthrough", cluster_host=None, cluster_port=None),
            (ME, "10.96.0.3:80", "unknown", "service-address", "", 1),
        ),
        (
            straight(upstream_host="10.0.0.2:8080", cluster_host=GW_HOST),
            (ME, f"{GW_HOST}:80", "unknown", "gateway-replaced", "", 1),
        ),
        (
            straight(upstream_host="10.0.0.2:80", cluster_host="gone.shop.svc.cluster.local"),
            (ME, "gone.shop.svc.cluster.local:80", "unknown", "service-gone", "", 1),
        ),
        (
            straight(upstream_host="198.51.100.9:80", cluster_host="gone.shop.svc.cluster.local"),
            (ME, "gone.shop.svc.cluster.local:80", "unknown", "service-gone", "", 1),
        ),
        (
            straight(upstream_host="198.51.100.9:80", cluster_host="by-hand.shop.svc.cluster.local"),
            (ME, "by-hand.shop.svc.cluster.local:80", "direct", "", "", 1),
        ),
        (
            straight(**NO_HEALTHY, cluster_host=GW_HOST),
            (ME, f"{GW_HOST}:80", "failed", "no-upstream", "", 1),
        ),
        (
            to_gateway(upstream_local_address=None, response_flags="UF", response_code_details="upstream_reset"),
            (ME, f"{GW_HOST}:80", "failed", "gateway-not-reached", "", 1),
        ),
        (to_gateway(), LOST),
    ],
    ids=lambda row: row[2] + " " + row[3] if isinstance(row, tuple) else "",
)  # fmt: skip
def test_the_sources_line_alone_says(line, expected):
    assert seen({CURL: [line], GW: []}) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        straight(upstream_host="10.0.0.2:80", cluster_host="shop.shop.svc.cluster.local"),
        straight(cluster_kind="inbound", cluster_host=None, upstream_host="127.0.0.6:80"),
        straight(
            cluster_kind=None, cluster_host=None, upstream_host=None, downstream_remote_address="10.0.0.2:40000"
        ),
    ],
)  # fmt: skip
def test_what_stays_in_the_mesh_is_no_flow(line):
    assert seen({CURL: [line]}) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (at_gateway(), ("via-gateway", "")),
        (
            at_gateway(upstream_local_address=None, response_flags="UF", response_code_details="upstream_reset"),
            ("failed", "upstream-failed"),
        ),
        (at_gateway(response_flags="UC", response_code_details="upstream_reset"), ("via-gateway", "")),
        (at_gateway(**NO_UPSTREAM, response_code_details="rbac_access_denied"), ("blocked", "authorization-policy")),
        (at_gateway(upstream_host="10.0.0.2:80"), ("unknown", "inside-address")),
        (at_gateway(upstream_host="127.0.0.1:80"), ("unknown", "inside-address")),
        (at_gateway(cluster_kind="passthrough", cluster_host=None), ("unknown", "gateway-cluster")),
        (at_gateway(**NO_ROUTE), ("failed", "no-upstream")),
        (at_gateway(**NO_UPSTREAM), ("unknown", "no-address")),
    ],
)  # fmt: skip
def test_the_gateways_line_decides_what_became_of_it(line, expected):
    ((_, _, path, reason, via, _),) = seen({CURL: [to_gateway()], GW: [line]})
    assert (path, reason, via) == (*expected, "egress/gw")


@pytest.mark.parametrize(
    "line",
    [
        at_gateway(port=50001),
        at_gateway(downstream_remote_address="10.0.0.2:50000"),
        at_gateway(downstream_local_address="10.0.0.9:8443"),
        at_gateway(1800),
        at_gateway(clean=False),
        at_gateway(downstream_remote_address="10.0.0.1:0"),
    ],
    ids=["port", "address", "listener", "time", "not clean", "from X-Forwarded-For"],
)
def test_a_gateway_line_of_another_connection_proves_nothing(line):
    paths = [(path, reason) for _, _, path, reason, _, _ in seen({CURL: [to_gateway()], GW: [line]})]
    assert ("unknown", "no-gateway-line") in paths
    assert not [path for path, _ in paths if path.startswith("via")]


def test_each_request_of_a_pooled_connection_needs_its_own_line():
    sent = [to_gateway(60 + n) for n in range(5)]
    got = [at_gateway(60.002 + n) for n in range(3)]
    assert sorted(seen({CURL: sent, GW: got})) == sorted([(*LOST[:5], 2), (*VIA[:5], 3)])


def test_a_port_that_is_used_again_is_another_connection():
    """The first line of the gateway is missing, and so is the second of the sidecar: they are not each other's."""
    assert seen({CURL: [to_gateway(60)], GW: [at_gateway(1200)]}) == [
        (ME, f"{HOST}:80", "unattributed", "", "egress/gw", 1),
        LOST,
    ]
    assert seen({CURL: [to_gateway(60), to_gateway(1200)], GW: [at_gateway(60), at_gateway(1200)]}) == [(*VIA[:5], 2)]


def test_clocks_may_differ_by_a_minute():
    assert seen({CURL: [to_gateway(60)], GW: [at_gateway(1)]}) == [VIA]
    assert seen({CURL: [to_gateway(60)], GW: [at_gateway(119)]}) == [VIA]


def test_a_gateway_line_without_a_source_line_is_unattributed():
    assert seen({CURL: [], GW: [at_gateway()]}) == [(ME, f"{HOST}:80", "unattributed", "", "egress/gw", 1)]
    assert seen({GW: [at_gateway(source="198.51.100.1")]}) == [
        ("(unknown)", f"{HOST}:80", "unattributed", "", "egress/gw", 1)
    ]


def test_the_gateway_that_was_passed_is_named():
    spare = {"upstream_host": "10.0.0.10:8080"}
    got = at_gateway(downstream_local_address="10.0.0.10:8080", upstream_local_address="10.0.0.10:60000")
    assert seen({CURL: [to_gateway(**spare)], SPARE: [got]}) == [(*VIA[:4], "egress/spare", 1)]


def test_a_gateway_may_hand_on_to_another():
    first = at_gateway(upstream_host="10.0.0.10:8080", upstream_local_address="10.0.0.9:61000")
    second = at_gateway(
        60.1,
        downstream_remote_address="10.0.0.9:61000",
        downstream_local_address="10.0.0.10:8080",
        upstream_local_address="10.0.0.10:60000",
    )
    logs = {CURL: [to_gateway()], GW: [first], SPARE: [second]}
    assert seen(logs) == [(*VIA[:4], "egress/gw egress/spare", 1)]
    assert seen({**logs, SPARE: []}) == [(ME, "10.0.0.9:8080", "unknown", "no-gateway-line", "egress/gw", 1)]


# ---------------------------------------------------------------- windows and names


def test_what_a_sender_calls_an_unknown_host_is_only_a_name():
    passed = straight(cluster_kind="passthrough", cluster_host=None, cluster_port=None, authority=f"{HOST}:80")
    ((group, _),) = flows({CURL: [passed]}).groups
    assert (group.host, group.server_names) == ("203.0.113.7", (HOST,))


def test_flows_outside_the_window_are_counted_apart():
    found = flows({CURL: [straight(10), straight(4000)]}, HOUR)
    assert (sum(group.flows for group, _ in found.groups), found.outside) == (1, 1)
    assert flows({CURL: [straight(0)]}, Window(START, HOUR.end)).outside == 0


def test_a_flow_belongs_to_every_window_that_it_overlaps():
    """A proxy logs a connection when it ends: one that began the hour before was open in this one too."""
    long = straight(-1800, duration=2_000_000)
    assert flows({CURL: [long]}, HOUR).outside == 0
    assert flows({CURL: [straight(-1800, duration=1_000_000)]}, HOUR).outside == 1


def test_a_pod_on_the_network_of_its_node_owns_no_address():
    shared = dict(mesh().objects[0])
    assert shared
    host_network = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "kube-system", "name": "agent", "labels": {}, "annotations": {}},
        "spec": {"hostNetwork": True, "containers": [{"name": "agent"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.3"}]},
    }
    found = seen({ZTUNNEL: [tunnel(dst_addr=FAR, dst_hbone_addr=None)]}, world=mesh(host_network))
    assert [row[0] for row in found] == ["(unknown)"]
