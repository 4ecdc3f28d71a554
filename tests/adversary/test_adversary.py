"""Ways to a false verdict that were tried: each row is what somebody hostile, or chance, could make."""

from __future__ import annotations

from typing import Any

import pytest
from support.probes import (
    GATEWAY_LOG,
    HOST,
    NONCE,
    OTHER_GATEWAY_LOG,
    OTHER_GATEWAY_REF,
    SIDECAR_LOG,
    SOURCE,
    VIA_GATEWAY,
    VIA_WAYPOINT,
    WAYPOINT_LOG,
    ZTUNNEL_LOG,
    counts,
    curl,
    gateway,
    pod,
    probe,
    sidecar,
    surroundings,
    waypoint,
    ztunnel,
)

from egressaudit.join.probe_hops import Vantage, join
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Expectation,
    Hop,
    Outcome,
    Probe,
    Scheme,
    Verdict,
)
from egressaudit.model import Path as Way
from egressaudit.probe import read_result

NOWHERE = {"upstream_host": None, "upstream_local_address": None}
CONNECTION = {
    "method": None,
    "path": None,
    "user_agent": None,
    "authority": None,
    "response_code": 0,
    "response_code_details": None,
}


def verdict(*hops: Hop, expect: Expectation = VIA_GATEWAY, sent: Probe | None = None, ambient: bool = False) -> Verdict:
    """The verdict in a mesh where another gateway shares the address of ours: both use the network of one node."""
    log = ZTUNNEL_LOG if ambient else SIDECAR_LOG
    addresses = {
        SIDECAR_LOG: ("10.0.0.5",),
        GATEWAY_LOG: ("10.0.0.9",),
        OTHER_GATEWAY_LOG: ("10.0.0.9",),
        WAYPOINT_LOG: ("10.0.0.8",),
        ZTUNNEL_LOG: ("10.0.0.2",),
    }
    around = surroundings(log, counts(*addresses))
    [flow] = join(hops, [sent or probe()], Vantage({str(SOURCE): log}, addresses, {}))
    return judge(flow, expect, around)


def row(found: Verdict) -> tuple[str, str]:
    return found.outcome.value, found.path_seen.value


# ---------------------------------------------------------------- what a workload may send


@pytest.mark.parametrize(
    "disguised",
    [
        # `-` is a valid method (RFC 9110, token): Envoy's HTTP/2 takes it, and the log then shows no method.
        {**CONNECTION, "protocol": "HTTP/2", "response_code": 404, "path": "/"},
        {**CONNECTION, "protocol": "HTTP/2", "response_code": 200, "response_code_details": "via_upstream"},
        # A connection that broke HTTP: Envoy writes no request, but a status.
        {**CONNECTION, "response_code": 400},
    ],
)
def test_a_request_that_looks_like_a_bare_connection_needs_the_nonce_too(disguised: dict[str, object]) -> None:
    assert row(verdict(sidecar(), gateway(**disguised))) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(sidecar(), gateway(1, **disguised), gateway(2))) == ("PASS", "via-gateway")
    assert row(verdict(sidecar(**disguised), gateway())) == ("INCONCLUSIVE", "unknown")


# ---------------------------------------------------------------- what chance may bring


def test_a_connection_from_curls_port_to_another_address_is_not_curls() -> None:
    # The kernel gives one port to several connections at once, as long as they go to different places.
    other = sidecar(**CONNECTION, downstream_local_address="198.51.100.2:5432")
    assert row(verdict(other, gateway(**CONNECTION))) == ("INCONCLUSIVE", "unknown")
    assert row(verdict(other, sidecar(2, **CONNECTION), gateway(**CONNECTION))) == ("PASS", "via-gateway")


def test_a_gateway_on_the_same_node_address_is_not_the_expected_one() -> None:
    through_other = (sidecar(), gateway(log=OTHER_GATEWAY_LOG))
    assert row(verdict(*through_other)) == ("FAIL", "via-gateway")
    expected = Expectation(path=Way.VIA_GATEWAY, via=OTHER_GATEWAY_REF, pods=(pod("other", "gw-2", "10.0.0.9"),))
    assert row(verdict(*through_other, expect=expected)) == ("PASS", "via-gateway")
    assert row(verdict(sidecar(), gateway(), expect=expected)) == ("FAIL", "via-gateway")


def test_two_tunnels_of_equal_size_do_not_share_one_line_of_the_waypoint() -> None:
    same = {**CONNECTION, "bytes_received": 78, "bytes_sent": 540}
    sent = probe(scheme=Scheme.TCP, port=443)
    twin = ztunnel(2, src_addr="10.0.0.5:40001")
    expect = {"ambient": True, "expect": VIA_WAYPOINT, "sent": sent}
    assert row(verdict(ztunnel(), waypoint(**same), **expect)) == ("PASS", "via-waypoint")  # type: ignore[arg-type]
    assert row(verdict(ztunnel(), twin, waypoint(**same), **expect)) == (  # type: ignore[arg-type]
        "INCONCLUSIVE",
        "unknown",
    )
    for unlike in (
        {"src_addr": "10.0.0.6:40001"},
        {"src_addr": "10.0.0.5:40001", "bytes_sent": 79},
        {"src_addr": "10.0.0.5:40001", "dst_hbone_addr": "240.240.0.9:80"},
        {"src_addr": "10.0.0.5:40001", "direction": "inbound"},
    ):
        found = verdict(ztunnel(), ztunnel(2, **unlike), waypoint(**same), **expect)  # type: ignore[arg-type]
        assert row(found) == ("PASS", "via-waypoint"), unlike


def test_a_duration_that_no_clock_can_hold_is_no_crash() -> None:
    sent = probe(scheme=Scheme.TCP, port=443)
    same = {**CONNECTION, "bytes_received": 78, "bytes_sent": 540}
    forever = ztunnel(duration=999_999_999_999_999_999)
    assert verdict(forever, waypoint(**same), ambient=True, expect=VIA_WAYPOINT, sent=sent).outcome is not Outcome.FAIL


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        # Envoy tried again: on another connection the last one tells, on the same one nothing does.
        ((sidecar(), gateway(1, downstream_remote_address="10.0.0.5:49999"), gateway(2)), ("PASS", "via-gateway")),
        ((sidecar(), gateway(1, response_code=503, response_flags="UF"), gateway(2)), ("INCONCLUSIVE", "unknown")),
        # The status is the external host's own.
        ((sidecar(response_code=503), gateway(response_code=503)), ("PASS", "via-gateway")),
        ((sidecar(response_code=503), gateway(response_code=503, response_flags="URX")), ("PASS", "via-gateway")),
        # The status is the proxy's: an injected fault, a limit, a direct answer.
        (
            (sidecar(**NOWHERE, response_code=503, response_code_details="fault_filter_abort", response_flags="FI"),),
            ("FAIL", "blocked"),
        ),
        ((sidecar(response_code=503), gateway(**NOWHERE, response_code=503, response_flags="FI")), ("FAIL", "blocked")),
        # The same sidecar takes in what the pod sends to itself.
        ((sidecar(cluster_kind="inbound"), sidecar(2), gateway()), ("PASS", "via-gateway")),
        # TLS origination: another port than was asked for, the same host.
        (
            (sidecar(response_code=503), gateway(response_code=503, upstream_host="203.0.113.7:443", cluster_port=443)),
            ("PASS", "via-gateway"),
        ),
        # A wildcard names the host, another host's cluster does not.
        (
            (sidecar(response_code=503), gateway(response_code=503, cluster_host="*.redhat.com")),
            ("PASS", "via-gateway"),
        ),
        (
            (sidecar(response_code=503), gateway(response_code=503, cluster_host="*.com.evil")),
            ("INCONCLUSIVE", "unknown"),
        ),
    ],
)
def test_retries_faults_and_answers_of_the_host_itself(hops: tuple[Hop, ...], expected: tuple[str, str]) -> None:
    code = int(str(hops[-1].get("response_code")))
    assert row(verdict(*hops, sent=probe(curl(http_code=code)))) == expected


# ---------------------------------------------------------------- what is not outside


@pytest.mark.parametrize("inside", ["10.0.0.77:80", "127.0.0.1:80", "[::1]:80", "0.0.0.0:80"])
@pytest.mark.parametrize("expect", [VIA_GATEWAY, Expectation(path=Way.DIRECT), Expectation(path=Way.BLOCKED)])
@pytest.mark.parametrize("how", [{"cluster_host": HOST}, {"cluster_kind": "passthrough", "cluster_host": None}])
def test_what_the_sidecar_sent_to_an_address_inside_has_not_left(
    inside: str, expect: Expectation, how: dict[str, object]
) -> None:
    # A forward proxy in the cluster, or a name that the cluster's DNS points at a Service: not proven to have left.
    assert row(verdict(sidecar(upstream_host=inside, **how), expect=expect)) == ("INCONCLUSIVE", "unknown")


@pytest.mark.parametrize("inside", ["127.0.0.1:80", "127.0.0.6:80", "[::1]:80"])
def test_what_the_gateway_sent_to_itself_has_not_left(inside: str) -> None:
    assert row(verdict(sidecar(), gateway(upstream_host=inside))) == ("INCONCLUSIVE", "unknown")


def test_a_pod_that_has_ended_has_no_address_any_more() -> None:
    def manifest(name: str, phase: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "egress", "name": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "istio-proxy"}]},
            "status": {"phase": phase, "podIP": "10.0.0.9"},
        }

    mesh = Mesh.of([manifest("runs", "Running"), manifest("evicted", "Failed"), manifest("done", "Succeeded")])
    assert {each.name: each.addresses for each in mesh.pods} == {"runs": ("10.0.0.9",), "evicted": (), "done": ()}


# ---------------------------------------------------------------- ztunnel's words


def test_only_ztunnels_own_words_are_a_refusal() -> None:
    words = "dns lookup: no such host: connection closed due to policy rejection.example.com"
    found = verdict(
        ztunnel(error=words, bytes_sent=0, bytes_recv=0), ambient=True, expect=Expectation(path=Way.BLOCKED)
    )
    assert row(found) == ("INCONCLUSIVE", "failed")


# ---------------------------------------------------------------- what stands in for curl


@pytest.mark.parametrize("odd", ["1e400", "NaN", "-1e400", "1" + "0" * 400, "[]", "null", '"x"', "true"])
@pytest.mark.parametrize("key", ["http_code", "response_code", "local_port", "remote_port", "time_connect", "local_ip"])
def test_whatever_the_container_has_for_curl_is_no_crash(key: str, odd: str) -> None:
    said = f'egressaudit:{NONCE} {{"exitcode": 0, "local_ip": "10.0.0.5", "local_port": 40000, "{key}": {odd}}}\n'
    result = read_result(said, "", NONCE)
    assert result.local_address in (None, "10.0.0.5:40000", "10.0.0.5:1")
    assert verdict(sidecar(), sent=probe(result)).outcome is not Outcome.PASS
