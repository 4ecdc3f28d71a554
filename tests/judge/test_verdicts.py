"""Join and judge: one row for each rule, checked by eye. Column names are Istio's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.probes import (
    EXTERNAL,
    GATEWAY_LOG,
    GATEWAY_REF,
    HOST,
    SIDECAR_LOG,
    START,
    VIA_GATEWAY,
    VIA_WAYPOINT,
    WAYPOINT_LOG,
    WAYPOINT_REF,
    curl,
    gateway,
    pod,
    probe,
    sidecar,
    waypoint,
    ztunnel,
)
from support.verdicts import PASSING, PASSTHROUGH, row, verdict

from egressaudit.model import (
    Expectation,
    Hop,
    Path,
    Scheme,
)

DIRECT = Expectation(path=Path.DIRECT)


BLOCKED = Expectation(path=Path.BLOCKED)


OTHER_GATEWAY = Expectation(path=Path.VIA_GATEWAY, via=GATEWAY_REF, pods=(pod("x", "y", "10.9.9.9"),))


NOWHERE = {"upstream_host": None, "upstream_local_address": None}
"""What Envoy writes where it chose no address."""


RESET = {
    "upstream_local_address": None,
    "response_code_details": "upstream_reset_before_response_started{connection_failure}",
}


DYNAMIC = {"cluster_kind": "dynamic-dns", "cluster_host": None, "upstream_cluster": "AllowAnyDynamicDNSCluster"}


NOTHING = {"bytes_sent": 0, "bytes_recv": 0}


TCP = {
    "method": None,
    "path": None,
    "user_agent": None,
    "authority": None,
    "response_code": 0,
    "response_code_details": None,
}


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ((sidecar(), gateway()), ("PASS", "via-gateway")),
        ((gateway(), sidecar()), ("PASS", "via-gateway")),
        ((sidecar(**TCP), gateway(**TCP)), ("PASS", "via-gateway")),
        # Evidence missing.
        ((), ("INCONCLUSIVE", "unknown")),
        ((sidecar(),), ("INCONCLUSIVE", "unknown")),
        ((gateway(),), ("INCONCLUSIVE", "unknown")),
        # The source sent it elsewhere.
        ((sidecar(**PASSING, upstream_host=EXTERNAL), gateway()), ("FAIL", "passthrough")),
        ((sidecar(**DYNAMIC, upstream_host=EXTERNAL), gateway()), ("FAIL", "passthrough")),
        ((sidecar(cluster_host=HOST, upstream_host=EXTERNAL), gateway()), ("FAIL", "direct")),
        ((sidecar(cluster_host="*.redhat.com", upstream_host=EXTERNAL), gateway()), ("FAIL", "direct")),
        ((sidecar(cluster_host="proxy.example.com", upstream_host=EXTERNAL),), ("FAIL", "direct")),
        ((sidecar(upstream_host="10.0.0.77:8080"), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(upstream_host="10.0.0.66:8080"), gateway()), ("INCONCLUSIVE", "unknown")),
        (
            (sidecar(**TCP, **NOWHERE, cluster_kind="blackhole", response_flags="UH"),),
            ("FAIL", "blocked"),
        ),
        # No connection was made: never a PASS, never a violation.
        ((sidecar(**RESET, response_flags="UF"), gateway()), ("INCONCLUSIVE", "failed")),
        (
            (sidecar(**NOWHERE, response_flags="UH", response_code_details="no_healthy_upstream"), gateway()),
            ("INCONCLUSIVE", "failed"),
        ),
        (
            (sidecar(), gateway(**NOWHERE, response_flags="NR", response_code_details="route_not_found")),
            ("INCONCLUSIVE", "failed"),
        ),
        ((sidecar(), gateway(**NOWHERE)), ("INCONCLUSIVE", "unknown")),
        (
            (sidecar(cluster_host=HOST, upstream_host=EXTERNAL, **RESET, response_flags="UF"),),
            ("INCONCLUSIVE", "failed"),
        ),
        ((sidecar(), gateway(**RESET, response_flags="UF")), ("INCONCLUSIVE", "failed")),
        # An earlier attempt may have been connected: whichever way it was tried, it may have left that way.
        ((sidecar(), gateway(**RESET, response_flags="UF,URX")), ("INCONCLUSIVE", "failed")),
        (
            (sidecar(**RESET, cluster_host=HOST, upstream_host=EXTERNAL, response_flags="UF,URX"),),
            ("INCONCLUSIVE", "failed"),
        ),
        # A flag says how it ended, the socket says that it left.
        ((sidecar(), gateway(response_flags="UC")), ("PASS", "via-gateway")),
        (
            (sidecar(), gateway(response_flags="DC", response_code_details="downstream_remote_disconnect")),
            ("PASS", "via-gateway"),
        ),
        ((sidecar(cluster_host=HOST, upstream_host=EXTERNAL, response_flags="UT"),), ("FAIL", "direct")),
        # The gateway refused it although the cluster name is filled.
        (
            (sidecar(), gateway(**NOWHERE, response_code_details="rbac_access_denied_matched_policy[none]")),
            ("FAIL", "blocked"),
        ),
        ((sidecar(), gateway(**NOWHERE, response_code_details="direct_response")), ("FAIL", "blocked")),
        # Words of a refusal beside an address that was chosen: nothing is refused any more, and it left.
        (
            (sidecar(), gateway(response_code_details="direct_response", route_name="block_all")),
            ("PASS", "via-gateway"),
        ),
        # A line with another pod's sockets proves nothing for its own.
        ((sidecar(), gateway(upstream_local_address="10.0.0.77:51000")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(upstream_local_address="10.0.0.77:50000", upstream_host=EXTERNAL),), ("INCONCLUSIVE", "unknown")),
        # The gateway's line does not prove that it left for this host.
        ((sidecar(), gateway(cluster_host="httpbin.org")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(cluster_kind="passthrough", cluster_host=None)), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(upstream_host="10.0.0.77:80")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(upstream_host="envoy://connect_originate/10.0.0.77:80")), ("INCONCLUSIVE", "unknown")),
        # The gateway's line is about something else.
        ((sidecar(), gateway(downstream_remote_address="10.0.0.5:50001")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(downstream_local_address="10.0.0.9:8443")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(user_agent="curl/8.11.0")), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(log=WAYPOINT_LOG)), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(log=SIDECAR_LOG, number=7)), ("INCONCLUSIVE", "unknown")),
        # The source's line is about something else.
        ((sidecar(downstream_remote_address="10.0.0.5:40001"), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(user_agent="curl/8.11.0"), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(cluster_kind="inbound"), gateway()), ("INCONCLUSIVE", "unknown")),
        # Statuses contradict each other.
        ((sidecar(response_code=200), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(response_code=200)), ("INCONCLUSIVE", "unknown")),
        # Lines that are not clean prove nothing.
        ((sidecar(clean=False), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(clean=False)), ("INCONCLUSIVE", "unknown")),
        # More than one candidate.
        ((sidecar(), sidecar(2), gateway()), ("INCONCLUSIVE", "unknown")),
        ((sidecar(), gateway(), gateway(2)), ("INCONCLUSIVE", "unknown")),
    ],
)
def test_the_lines_decide_the_verdict(hops: tuple[Hop, ...], expected: tuple[str, str]) -> None:
    assert row(verdict(*hops)) == expected


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ((ztunnel(), waypoint()), ("PASS", "via-waypoint")),
        ((ztunnel(), waypoint(**TCP, bytes_received=78, bytes_sent=540)), ("PASS", "via-waypoint")),
        ((ztunnel(),), ("INCONCLUSIVE", "unknown")),
        ((waypoint(),), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(), waypoint(user_agent="curl/8.11.0")), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(), waypoint(downstream_remote_address="10.0.0.6:48306")), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(), waypoint(downstream_local_address="240.240.0.5:80")), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(), waypoint(**TCP, bytes_received=79, bytes_sent=540)), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(src_addr="10.0.0.5:40001"), waypoint()), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(direction="inbound"), waypoint()), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(dst_service="httpbin.org"), waypoint()), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(**NOTHING, error="http status: 503 Service Unavailable"),), ("INCONCLUSIVE", "failed")),
        ((ztunnel(dst_addr="10.0.0.77:15008"), waypoint()), ("INCONCLUSIVE", "unknown")),
        ((ztunnel(dst_addr=EXTERNAL, dst_hbone_addr=None), waypoint()), ("FAIL", "direct")),
        ((ztunnel(dst_addr=EXTERNAL, dst_hbone_addr=None, dst_service=None),), ("FAIL", "passthrough")),
        (
            (ztunnel(**NOTHING, error="connection closed due to policy rejection: explicitly denied by: a/b"),),
            ("FAIL", "blocked"),
        ),
        # A policy that came while the connection was open: what had gone had gone.
        (
            (
                ztunnel(
                    dst_addr=EXTERNAL, dst_hbone_addr=None, error="connection closed due to policy rejection: denied"
                ),
            ),
            ("FAIL", "direct"),
        ),
        # A tunnel ends at a pod: it is never a way out of its own, wherever its address lies.
        ((ztunnel(dst_addr="203.0.113.7:15008"),), ("INCONCLUSIVE", "unknown")),
    ],
)
def test_the_lines_decide_the_verdict_in_ambient_mode(hops: tuple[Hop, ...], expected: tuple[str, str]) -> None:
    assert row(verdict(*hops, ambient=True, expect=VIA_WAYPOINT)) == expected


BLACKHOLE = sidecar(**TCP, **NOWHERE, cluster_kind="blackhole", cluster_host=None, response_flags="UH")


STRAIGHT = sidecar(cluster_host=HOST, upstream_host=EXTERNAL)


STRAIGHT_REFUSED = sidecar(cluster_host=HOST, upstream_host=EXTERNAL, **RESET, response_flags="UF")


@pytest.mark.parametrize(
    ("hops", "expect", "expected"),
    [
        ((BLACKHOLE,), BLOCKED, ("PASS", "blocked")),
        ((STRAIGHT,), BLOCKED, ("FAIL", "direct")),
        ((STRAIGHT_REFUSED,), BLOCKED, ("INCONCLUSIVE", "failed")),
        ((sidecar(), gateway()), BLOCKED, ("FAIL", "via-gateway")),
        ((), BLOCKED, ("INCONCLUSIVE", "unknown")),
        ((STRAIGHT,), DIRECT, ("PASS", "direct")),
        ((PASSTHROUGH,), DIRECT, ("PASS", "passthrough")),
        ((STRAIGHT_REFUSED,), DIRECT, ("INCONCLUSIVE", "failed")),
        ((BLACKHOLE,), DIRECT, ("FAIL", "blocked")),
        # What was not connected broke no rule, and kept none.
        ((STRAIGHT_REFUSED,), VIA_GATEWAY, ("INCONCLUSIVE", "failed")),
        ((sidecar(), gateway()), OTHER_GATEWAY, ("FAIL", "via-gateway")),
        ((sidecar(), gateway()), VIA_WAYPOINT, ("FAIL", "via-gateway")),
        ((sidecar(), gateway()), Expectation(path=Path.VIA_GATEWAY), ("FAIL", "via-gateway")),
    ],
)
def test_the_expectation_decides_the_outcome(
    hops: tuple[Hop, ...], expect: Expectation, expected: tuple[str, str]
) -> None:
    assert row(verdict(*hops, expect=expect)) == expected


def test_without_curls_own_word_nothing_is_known() -> None:
    silent = probe(curl(exit_code=None, http_code=None, local_address=None, connected=None))
    assert row(verdict(sidecar(), gateway(), sent=silent)) == ("INCONCLUSIVE", "unknown")


def test_a_curl_that_failed_is_no_pass_even_with_all_lines() -> None:
    cut = probe(curl(exit_code=56, error="Recv failure: Connection reset by peer"))
    found = verdict(sidecar(), gateway(), sent=cut)
    assert (row(found), found.code) == (("INCONCLUSIVE", "via-gateway"), "EA310")
    # What left the wrong way did so whether or not an answer came back.
    assert row(verdict(STRAIGHT, sent=cut)) == ("FAIL", "direct")


def test_a_pod_outside_the_mesh_that_connects_went_direct() -> None:
    found = verdict(uncaptured="pod curl/curl-1 has no sidecar", captured=False)
    assert row(found) == ("FAIL", "direct")
    assert "has no sidecar" in found.reason


def test_a_pod_outside_the_mesh_that_does_not_connect_is_not_blocked() -> None:
    refused = probe(curl(exit_code=7, http_code=0, local_address=None, connected=False))
    found = verdict(uncaptured="pod has no sidecar", captured=False, sent=refused, expect=BLOCKED)
    assert row(found) == ("INCONCLUSIVE", "unknown")


def test_a_pod_outside_the_mesh_that_dials_a_pod_did_not_leave() -> None:
    inside = probe(curl(remote_address="10.0.0.77:80"))
    assert row(verdict(uncaptured="no sidecar", captured=False, sent=inside))[0] == "INCONCLUSIVE"


def test_a_waypoint_and_gateway_chain_satisfies_either_expectation() -> None:
    chain = (
        ztunnel(),
        waypoint(upstream_host="10.0.0.9:8080", upstream_local_address="10.0.0.8:51000"),
        gateway(downstream_remote_address="10.0.0.8:51000"),
    )
    by_waypoint, by_gateway = (
        replace(VIA_WAYPOINT, passing=(GATEWAY_REF,)),
        replace(VIA_GATEWAY, passing=(WAYPOINT_REF,)),
    )
    assert row(verdict(*chain, ambient=True, expect=by_waypoint)) == ("PASS", "via-waypoint")
    assert row(verdict(*chain, ambient=True, expect=by_gateway)) == ("PASS", "via-gateway")
    # The right one somewhere in the chain is not enough: every other hop must be allowed too.
    assert row(verdict(*chain, ambient=True, expect=VIA_WAYPOINT)) == ("FAIL", "via-gateway")
    assert row(verdict(*chain, ambient=True, expect=VIA_GATEWAY)) == ("FAIL", "via-gateway")


def test_two_tcp_flows_of_equal_size_through_one_waypoint_are_not_guessed() -> None:
    same = {**TCP, "bytes_received": 78, "bytes_sent": 540}
    sent = probe(scheme=Scheme.TCP, port=443)
    found = verdict(ztunnel(), waypoint(1, **same), waypoint(2, **same), ambient=True, expect=VIA_WAYPOINT, sent=sent)
    assert row(found) == ("INCONCLUSIVE", "unknown")


LONG_AGO = START - timedelta(minutes=30)


@pytest.mark.parametrize("tcp", [{}, TCP])
def test_lines_of_an_older_connection_with_the_same_port_are_not_taken(tcp: dict[str, object]) -> None:
    old = (sidecar(**tcp, start_time=LONG_AGO), gateway(**tcp, start_time=LONG_AGO))
    assert row(verdict(*old)) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(sidecar(**tcp), old[1])) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(*old, sidecar(2, **tcp), gateway(2, **tcp))) == ("PASS", "via-gateway")


def test_lines_that_were_there_before_the_probe_are_not_about_it() -> None:
    assert row(verdict(sidecar(**TCP), gateway(**TCP), before={SIDECAR_LOG: 1})) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(sidecar(**TCP), gateway(**TCP), before={GATEWAY_LOG: 1})) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(sidecar(2, **TCP), gateway(2, **TCP), before={SIDECAR_LOG: 1, GATEWAY_LOG: 1})) == (
        "PASS",
        "via-gateway",
    )
