"""Flows of ambient pods, of the lines of ztunnels and waypoints: what is joined, and what proves nothing."""

from __future__ import annotations

import pytest
from support.hops import (
    CURL,
    FAR,
    GW,
    HOST,
    NO_BYTES,
    WAYPOINT,
    ZTUNNEL,
    at_gateway,
    at_waypoint,
    seen,
    straight,
    tunnel,
)
from support.lines import GW as GW_SOCKET

APP = "amb/StatefulSet/app"


def test_a_tunnel_and_the_waypoints_line_are_matched_by_address_and_time():
    assert seen({ZTUNNEL: [tunnel()], WAYPOINT: [at_waypoint()]}) == [
        (APP, f"{HOST}:80", "via-waypoint", "", "egress/waypoint", 1)
    ]


def test_the_flows_of_a_pod_that_had_the_address_before_are_not_its_owners():
    gone = {"src_workload": "batch-7"}
    found = seen(
        {ZTUNNEL: [tunnel(**gone), tunnel(dst_addr=FAR, dst_hbone_addr=None, **gone)], WAYPOINT: [at_waypoint()]}
    )
    assert [(row[0], row[2]) for row in found] == [("(unknown)", "direct"), (APP, "unattributed")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([tunnel()], (APP, f"{HOST}:80", "unknown", "no-gateway-line", "", 1)),
        # Where no byte went, the waypoint has no request to log.
        ([tunnel(**NO_BYTES)], (APP, f"{HOST}:80", "failed", "nothing-sent", "", 1)),
        (
            [
                tunnel(
                    dst_addr="240.240.0.1:80",
                    dst_hbone_addr=None,
                    error="no healthy upstream: 240.240.0.1:80",
                    **NO_BYTES,
                )
            ],
            (APP, "", "failed", "no-upstream", "", 1),
        ),
        (
            [tunnel(error="connection failed: Connection refused (os error 111)", **NO_BYTES)],
            (APP, f"{HOST}:15008", "failed", "gateway-not-reached", "", 1),
        ),
        # An error at the end does not unsay what was sent.
        (
            [tunnel(dst_addr=FAR, dst_hbone_addr=None, error="connection failed: Connection reset by peer")],
            (APP, f"{HOST}:80", "direct", "", "", 1),
        ),
        (
            [tunnel(**NO_BYTES, error="connection closed due to policy rejection: explicitly denied by: a/b")],
            (APP, f"{HOST}:15008", "blocked", "authorization-policy", "", 1),
        ),
        ([tunnel(dst_addr=FAR, dst_hbone_addr=None)], (APP, f"{HOST}:80", "direct", "", "", 1)),
        (
            [tunnel(dst_addr=FAR, dst_hbone_addr=None, dst_service=None)],
            (APP, "203.0.113.7:80", "passthrough", "", "", 1),
        ),
        (
            [tunnel(dst_addr="10.0.0.2:15008")],
            (APP, f"{HOST}:15008", "unknown", "inside-address", "", 1),
        ),
    ],
)
def test_ztunnels_line_alone_says(lines, expected):
    (found,) = seen({ZTUNNEL: lines, WAYPOINT: []})
    assert (found[0], *found[2:]) == (expected[0], *expected[2:])


@pytest.mark.parametrize(
    "line",
    [
        at_waypoint(300),
        at_waypoint(downstream_remote_address="10.0.0.3:0"),
        at_waypoint(downstream_remote_address="10.0.0.1:51000"),
        at_waypoint(downstream_local_address="240.240.0.2:80"),
    ],
    ids=["time", "from X-Forwarded-For", "source", "address in the tunnel"],
)
def test_a_waypoint_line_of_another_tunnel_proves_nothing(line):
    paths = {path for _, _, path, _, _, _ in seen({ZTUNNEL: [tunnel()], WAYPOINT: [line]})}
    assert paths == {"unknown", "unattributed"}


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (CURL, straight(upstream_local_address="10.0.0.2:50000")),
        (CURL, straight(downstream_remote_address="10.0.0.2:40000")),
        (GW, at_gateway(upstream_local_address="10.0.0.2:60000")),
        (GW, at_gateway(downstream_local_address="10.0.0.10:8080")),
        (WAYPOINT, at_waypoint(upstream_local_address="10.0.0.2:60000")),
    ],
)
def test_a_line_with_another_pods_sockets_proves_nothing(log, line):
    assert seen({log: [line]}) == []


def test_a_waypoint_may_hand_on_to_a_gateway():
    onward = at_waypoint(upstream_host=GW_SOCKET, upstream_local_address="10.0.0.8:61000")
    got = at_gateway(downstream_remote_address="10.0.0.8:61000")
    assert seen({ZTUNNEL: [tunnel()], WAYPOINT: [onward], GW: [got]}) == [
        (APP, f"{HOST}:80", "via-gateway", "", "egress/waypoint egress/gw", 1)
    ]
