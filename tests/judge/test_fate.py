"""What one line proves: the table of egressaudit/judge/fate.py, row by row."""

from __future__ import annotations

import pytest
from support.fates import (
    DIRECT,
    FAILED,
    FOREIGN,
    GATEWAY,
    INBOUND,
    INSIDE,
    NO_ANSWER,
    NOWHERE,
    ONWARD,
    OPEN,
    PASSTHROUGH,
    REJECTED,
    WAYPOINT,
    connection,
    envoy,
    fate,
    nowhere,
    refused,
    unknown,
    ztunnel,
)

from egressaudit.join.line_facts import EnvoyFacts, ZtunnelFacts
from egressaudit.mesh.places import Place


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (envoy(), DIRECT),
        # Flags say how it ended: a socket of its own says that it left.
        (envoy(flags="DC", details="downstream_remote_disconnect"), DIRECT),
        (envoy(flags="UT", details="response_timeout"), DIRECT),
        (envoy(flags="UR", details="upstream_reset_before_response_started{remote_reset}"), DIRECT),
        (envoy(flags="DT", details="duration_timeout"), DIRECT),
        (envoy(flags="DI"), DIRECT),
        (envoy(flags="UC", details=""), DIRECT),
        (envoy(flags="URX", details=""), DIRECT),
        (envoy(flags="UF,URX", details=NO_ANSWER), DIRECT),
        (envoy(flags="RL", details="request_rate_limited"), DIRECT),
        (envoy(details="rbac_access_denied_matched_policy[none]"), DIRECT),
        (envoy(block_all=True, details="direct_response"), DIRECT),
        (connection(), DIRECT),
        (connection(flags="DC"), DIRECT),
        (connection(ended="rbac_access_denied_matched_policy[none]"), DIRECT),
        # Formats without that socket: an answer says so too.
        (envoy(own=False), DIRECT),
        (envoy(own=False, flags="UF"), DIRECT),
        (connection(own=False, moved=True), DIRECT),
        (connection(own=False, moved=True, flags="UF"), DIRECT),
        (envoy(own=False, details="", flags="DC"), OPEN),
        (envoy(own=False, details="response_timeout", flags="UT"), OPEN),
        (envoy(own=False, details="", flags="DC", moved=True), OPEN),
        (connection(own=False), OPEN),
        # The connection was not made.
        (envoy(own=False, flags="UF", details=NO_ANSWER), FAILED),
        (connection(own=False, flags="UF"), FAILED),
        (connection(own=False, flags="UF,URX"), FAILED),
        (envoy(own=False, flags="UF", details=NO_ANSWER, place=Place.INSIDE), FAILED),
        (
            envoy(own=False, flags="UF", details=NO_ANSWER, place=Place.PROXY),
            ("not-left", "failed", "gateway-not-reached"),
        ),
        # An earlier attempt of the same request may have been connected.
        (envoy(own=False, flags="UF,URX", details=NO_ANSWER), OPEN),
        # No flag of that name: UFX is none, and LR,UFR neither.
        (envoy(own=False, flags="UFX", details=NO_ANSWER), OPEN),
        # Which way it left.
        (envoy(kind="passthrough", host=False), PASSTHROUGH),
        (envoy(kind="dynamic-dns", host=False), PASSTHROUGH),
        (envoy(kind="inbound-passthrough", host=False, came_in=True), PASSTHROUGH),
        (envoy(kind="inbound", host=False, came_in=True), PASSTHROUGH),
        (envoy(role=GATEWAY), ("left", "via-gateway", "")),
        (envoy(role=GATEWAY, flags="DC", details=""), ("left", "via-gateway", "")),
        (envoy(role=WAYPOINT, kind="inbound-vip"), ("left", "via-waypoint", "")),
        (envoy(role=GATEWAY, kind="passthrough", host=False), unknown("gateway-cluster")),
        (envoy(role=WAYPOINT, kind="other", host=False), unknown("gateway-cluster")),
        (envoy(role=GATEWAY, own=False, details=""), ("may-have-left", "via-gateway", "may-have-left")),
        (envoy(mixed=True), ("left", "direct", "other-endpoints")),
        (envoy(role=GATEWAY, mixed=True), ("left", "via-gateway", "other-endpoints")),
        (envoy(mixed=True, place=Place.PROXY), ("onward", "unknown", "other-endpoints")),
        (envoy(mixed=True, place=Place.INSIDE, service="pods"), unknown("other-endpoints")),
        # The last attempt was not connected. An earlier one may have been, somewhere else.
        (envoy(mixed=True, own=False, flags="UF", details=NO_ANSWER), OPEN),
        (
            envoy(mixed=True, own=False, flags="UF,URX", details=NO_ANSWER, place=Place.PROXY),
            unknown("no-gateway-line"),
        ),
    ],
)
def test_what_a_line_of_an_envoy_to_an_address_proves(facts: EnvoyFacts, expected: tuple[str, str, str]) -> None:
    assert fate(facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (nowhere(flags="NR", details="route_not_found"), NOWHERE),
        (nowhere(flags="NC", details="cluster_not_found"), NOWHERE),
        (nowhere(flags="UH", details="no_healthy_upstream"), NOWHERE),
        (nowhere(flags="DC", details="downstream_remote_disconnect"), NOWHERE),
        # An answer from no address, and a request without a word why it was not sent: the address is missing.
        (nowhere(details="via_upstream"), unknown("no-address")),
        (nowhere(), unknown("no-address")),
        # A connection that ended was made: the address was left out.
        (nowhere(flags="UR", details="upstream_reset_before_response_started{remote_reset}"), unknown("no-address")),
        (nowhere(request=False, flags="UC"), unknown("no-address")),
        (nowhere(request=False), NOWHERE),
        (nowhere(request=False, moved=True), unknown("no-address")),
        (nowhere(role=GATEWAY, flags="NR"), NOWHERE),
        (nowhere(flags="UAEX", details="ext_authz_denied"), refused("external-authorization")),
        (nowhere(flags="UAEX"), refused("external-authorization")),
        (nowhere(details="ext_authz_error"), refused("external-authorization")),
        (nowhere(flags="RL", details="request_rate_limited"), refused("rate-limit")),
        (nowhere(details="local_rate_limited"), refused("rate-limit")),
        (nowhere(flags="FI", details="fault_filter_abort"), refused("fault-abort")),
        (nowhere(flags="FI"), refused("fault-abort")),
        (nowhere(details="rbac_access_denied_matched_policy[none]"), refused("authorization-policy")),
        (
            nowhere(request=False, ended="rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]"),
            refused("authorization-policy"),
        ),
        (nowhere(details="jwt_authn_access_denied{Jwt_is_missing}"), refused("request-authentication")),
        (nowhere(kind="blackhole", host=False, flags="UH", request=False), refused("black-hole-cluster")),
        (nowhere(kind="", host=False, block_all=True, details="direct_response"), refused("block-all-route")),
        (nowhere(details="direct_response"), refused("direct-response")),
        # Words that only resemble them: a name of a route or a flag proves nothing by itself.
        (nowhere(block_all=True), unknown("no-address")),
        (nowhere(details="not_rbac_access_denied"), NOWHERE),
        (nowhere(flags="RLX"), NOWHERE),
        # A connection of the proxy's own to no address is no line that Envoy writes.
        (nowhere(own=True, kind="blackhole"), unknown("no-address")),
        (nowhere(own=True, flags="NR"), unknown("no-address")),
        # A Service of pods that has none ready: it would not have left.
        (nowhere(service="pods", flags="UH"), INSIDE),
        (nowhere(service="pods-only", flags="UH"), INSIDE),
        (nowhere(service="gateway", flags="UH"), NOWHERE),
        # It arrived for the pod itself.
        (nowhere(came_in=True, kind=""), INBOUND),
        (envoy(came_in=True, kind="inbound", place=Place.INSIDE, host=False), INBOUND),
        (envoy(came_in=True, kind="inbound", place=Place.ODD, host=False), INBOUND),
        # Another pod's sockets.
        (envoy(foreign=True), FOREIGN),
        (nowhere(foreign=True, details="direct_response"), FOREIGN),
        (envoy(foreign=True, came_in=True, place=Place.INSIDE), FOREIGN),
    ],
)
def test_what_a_line_of_an_envoy_without_an_address_or_for_its_own_pod_proves(
    facts: EnvoyFacts, expected: tuple[str, str, str]
) -> None:
    assert fate(facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (envoy(place=Place.PROXY), ONWARD),
        (envoy(place=Place.PROXY, own=False), unknown("no-gateway-line")),
        (envoy(place=Place.PROXY, service="gateway"), ONWARD),
        # To a pod: inside, where the cluster is a Service of pods; else whoever is there may pass it on.
        (envoy(place=Place.INSIDE, service="pods"), INSIDE),
        (envoy(place=Place.INSIDE, service="other"), INSIDE),
        (envoy(place=Place.INSIDE, kind="passthrough", host=False), INSIDE),
        (envoy(place=Place.INSIDE), unknown("inside-address")),
        (envoy(place=Place.INSIDE, service="gateway"), unknown("gateway-replaced")),
        (envoy(place=Place.INSIDE, service="gone"), unknown("service-gone")),
        (envoy(place=Place.VACANT, service="pods-only"), INSIDE),
        (envoy(place=Place.VACANT, service="pods"), unknown("not-a-pod")),
        (envoy(place=Place.VACANT, service="gateway"), unknown("gateway-replaced")),
        (envoy(place=Place.VACANT), unknown("vacant-address")),
        (envoy(place=Place.VACANT_TUNNEL, service="pods-only", kind="inbound-vip", role=WAYPOINT), INSIDE),
        (envoy(place=Place.VACANT_TUNNEL, service="pods-only"), unknown("not-a-pod")),
        (envoy(place=Place.VACANT_TUNNEL), unknown("no-address")),
        (envoy(place=Place.SERVICE), unknown("service-address")),
        (envoy(place=Place.NODE), unknown("node-address")),
        (envoy(place=Place.PRIVATE), unknown("private-address")),
        (envoy(place=Place.VIRTUAL), unknown("virtual-address")),
        (envoy(place=Place.SPECIAL), unknown("special-address")),
        (envoy(place=Place.ODD), unknown("no-address")),
        (envoy(place=Place.API_SERVER, service="api-server"), INSIDE),
        (envoy(place=Place.API_SERVER), unknown("service-address")),
        # The name of a Service in the cluster makes an address outside unproven, never inside.
        (envoy(service="pods"), unknown("not-a-pod")),
        (envoy(service="pods-only"), unknown("not-a-pod")),
        (envoy(service="gateway"), unknown("gateway-replaced")),
        (envoy(service="gone"), unknown("service-gone")),
        (envoy(service="other"), DIRECT),
        (envoy(service="api-server"), DIRECT),
        # An inbound listener may lead out too: its upstream is looked at like any other.
        (envoy(came_in=True, kind="inbound-passthrough", host=False, place=Place.NODE), unknown("node-address")),
    ],
)
def test_what_each_place_proves(facts: EnvoyFacts, expected: tuple[str, str, str]) -> None:
    assert fate(facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ztunnel(), DIRECT),
        (ztunnel(host=False), PASSTHROUGH),
        (ztunnel(moved=False), DIRECT),
        (ztunnel(error="io error: connection reset"), DIRECT),
        (ztunnel(error="io error: connection reset", moved=False), OPEN),
        (ztunnel(error="io error: x", moved=False, host=False), ("may-have-left", "passthrough", "may-have-left")),
        # Opened, and no line of its end.
        (ztunnel(opened=True, moved=False), ("may-have-left", "direct", "still-open")),
        (ztunnel(opened=True, moved=False, host=False), ("may-have-left", "passthrough", "still-open")),
        (ztunnel(opened=True, moved=False, service="pods"), unknown("still-open")),
        (ztunnel(inbound=True, foreign=True), INBOUND),
        (ztunnel(foreign=True), FOREIGN),
        # Refused before anything was passed on; after it, what had gone had gone.
        (ztunnel(error=REJECTED, moved=False), refused("authorization-policy")),
        (ztunnel(error=REJECTED), DIRECT),
        (ztunnel(error=f"io error: {REJECTED}", moved=False), OPEN),
        # Before anything was dialled, and a connection that was not made.
        (ztunnel(error="no healthy upstream", moved=False), NOWHERE),
        (ztunnel(error="unknown waypoint: x", moved=False), NOWHERE),
        (ztunnel(error="dns lookup: no such host", moved=False), NOWHERE),
        (ztunnel(error="requested service a/b found, but cannot resolve port", moved=False), NOWHERE),
        (ztunnel(early=True, moved=False), NOWHERE),
        (ztunnel(error="no healthy upstream"), DIRECT),
        (ztunnel(early=True), DIRECT),
        (ztunnel(error="connection failed: refused", moved=False), FAILED),
        (
            ztunnel(error="connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: x", moved=False),
            FAILED,
        ),
        (
            ztunnel(error="http status: 503", tunnel=True, place=Place.PROXY, moved=False),
            ("not-left", "failed", "gateway-not-reached"),
        ),
        (
            ztunnel(error="tls error: x", tunnel=True, place=Place.PROXY, moved=False),
            ("not-left", "failed", "gateway-not-reached"),
        ),
        (ztunnel(error="http status: 503", tunnel=True, place=Place.PROXY), ONWARD),
        # A tunnel ends at a waypoint or a pod: it is never direct, wherever its address lies.
        (ztunnel(tunnel=True, place=Place.PROXY), ONWARD),
        (ztunnel(tunnel=True), unknown("waypoint-replaced")),
        (ztunnel(tunnel=True, host=False), unknown("waypoint-replaced")),
        (ztunnel(tunnel=True, place=Place.NODE), unknown("waypoint-replaced")),
        (ztunnel(tunnel=True, place=Place.INSIDE, service="pods"), INSIDE),
        (ztunnel(tunnel=True, place=Place.INSIDE, host=False), INSIDE),
        (ztunnel(tunnel=True, place=Place.INSIDE), unknown("inside-address")),
        (ztunnel(tunnel=True, place=Place.VACANT, ends_there=True, service="pods-only"), INSIDE),
        (ztunnel(tunnel=True, place=Place.VACANT, ends_there=True, host=False), INSIDE),
        (ztunnel(tunnel=True, place=Place.VACANT, service="pods-only"), unknown("waypoint-replaced")),
        (ztunnel(tunnel=True, place=Place.VACANT, ends_there=True, service="pods"), unknown("waypoint-replaced")),
        # Straight.
        (ztunnel(place=Place.INSIDE, service="pods"), INSIDE),
        (ztunnel(place=Place.INSIDE, host=False), INSIDE),
        (ztunnel(place=Place.INSIDE), unknown("inside-address")),
        # A gateway passes on what it gets, also what came to it without a tunnel.
        (ztunnel(place=Place.PROXY, service="gateway"), ONWARD),
        (ztunnel(place=Place.PROXY), ONWARD),
        (ztunnel(place=Place.PROXY, host=False), ONWARD),
        (ztunnel(place=Place.VACANT, service="pods-only"), INSIDE),
        (ztunnel(place=Place.VACANT), unknown("vacant-address")),
        (ztunnel(place=Place.API_SERVER, service="api-server"), INSIDE),
        (ztunnel(place=Place.SERVICE), unknown("service-address")),
        (ztunnel(place=Place.NODE), unknown("node-address")),
        (ztunnel(place=Place.PRIVATE), unknown("private-address")),
        (ztunnel(place=Place.VIRTUAL), unknown("virtual-address")),
        (ztunnel(place=Place.SPECIAL), unknown("special-address")),
        (ztunnel(place=Place.NONE), unknown("no-address")),
        (ztunnel(place=Place.ODD), unknown("no-address")),
    ],
)
def test_what_a_line_of_a_ztunnel_proves(facts: ZtunnelFacts, expected: tuple[str, str, str]) -> None:
    assert fate(facts) == expected
