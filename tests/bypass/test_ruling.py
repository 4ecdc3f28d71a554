"""The ruling on an attempt: nothing is closed because curl failed, and nothing is open without an answer or a line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.batteries import BLOCKED, IP, ORDINARY, attempted, connected, uncaptured
from support.probes import VIA_WAYPOINT, curl, gateway, probe, sidecar
from support.verdicts import PASSTHROUGH, verdict

from egressaudit.model import (
    BypassStanding,
    Confidence,
    CurlResult,
    Expectation,
    Hop,
    Outcome,
    Path,
    Probe,
    Scheme,
    Target,
)

OPEN, CLOSED = BypassStanding.OPEN, BypassStanding.CLOSED
NOT_PROVABLE, NOT_TRIED = BypassStanding.NOT_PROVABLE, BypassStanding.NOT_TRIED

REFUSED = {"upstream_host": None, "upstream_local_address": None}
RBAC = gateway(response_code=403, response_code_details="rbac_access_denied_matched_policy[none]", **REFUSED)
NO_ROUTE = sidecar(
    response_code=404, response_flags="NR", response_code_details="route_not_found", upstream_cluster=None, **REFUSED
)
AT_GATEWAY = {key: gateway().fields[key] for key in ("downstream_remote_address", "downstream_local_address")}
UNHEALTHY = sidecar(response_code=503, response_flags="UH", response_code_details="no_healthy_upstream", **REFUSED)
FAILED = sidecar(
    response_code=503, response_flags="UF", response_code_details="connect_failed",
    upstream_host=f"{IP}:80", upstream_local_address=None, upstream_cluster="PassthroughCluster",
    cluster_kind="passthrough", cluster_host=None,
)  # fmt: skip
LIMITED = sidecar(response_code=429, response_flags="RL", response_code_details="request_rate_limited", **REFUSED)
ABORTED = sidecar(response_code=503, response_flags="FI", response_code_details="fault_filter_abort", **REFUSED)


def sent(code: int | None = 200, **changes: object) -> Probe:
    return probe(curl(http_code=code, **changes))


# One row: what the lines of the attempt from the source show, and the ruling.
@pytest.mark.parametrize(
    ("hops", "code", "standing"),
    [
        ((PASSTHROUGH,), 301, OPEN),
        ((sidecar(upstream_host=f"{IP}:80", cluster_host="docs.redhat.com"),), 301, OPEN),
        ((sidecar(), gateway()), 301, CLOSED),
        ((BLOCKED,), 502, CLOSED),
        ((sidecar(response_code=403), RBAC), 403, CLOSED),
        ((NO_ROUTE,), 404, CLOSED),
        # What may be otherwise with the next request closes nothing.
        ((UNHEALTHY,), 503, NOT_PROVABLE),
        ((FAILED,), 503, NOT_PROVABLE),
        ((LIMITED,), 429, NOT_PROVABLE),
        ((ABORTED,), 503, NOT_PROVABLE),
        # No line at all, whatever curl says.
        ((), None, NOT_PROVABLE),
        ((), 200, NOT_PROVABLE),
        # The gateway's line is missing.
        ((sidecar(),), 301, NOT_PROVABLE),
    ],
)
def test_lines_open_and_close(hops: tuple[Hop, ...], code: int | None, standing: BypassStanding) -> None:
    found = attempted("address", verdict(*hops, sent=sent(code)))
    assert found.standing is standing, found.because
    assert (found.confidence is None) == (standing is NOT_PROVABLE)
    assert bool(found.control) == (standing is NOT_PROVABLE or (standing is CLOSED and len(hops) != 2) or code == 403)


def test_a_refusal_closes_nothing_if_the_ordinary_request_does_not_pass_either() -> None:
    broken = verdict(UNHEALTHY, sent=sent(503))
    for hops, code in (((BLOCKED,), 502), ((NO_ROUTE,), 404), ((sidecar(response_code=403), RBAC), 403)):
        found = attempted("address", verdict(*hops, sent=sent(code)), ordinary=broken)
        assert found.standing is NOT_PROVABLE
        assert found.because.endswith("but the control failed")
        assert attempted("address", verdict(*hops, sent=sent(code)), ordinary=None).standing is NOT_PROVABLE


def test_what_went_through_the_gateway_needs_no_control() -> None:
    found = attempted("address-with-host", verdict(sidecar(), gateway()), ordinary=None)
    assert (found.standing, found.confidence) == (CLOSED, Confidence.JOINED)


@pytest.mark.parametrize("ended", [0, 56])
def test_what_is_mirrored_is_not_closed_however_curl_ended(ended: int) -> None:
    """No log shows where the copies went; that curl got no answer makes nothing better."""
    sent = probe(curl(exit_code=ended))
    assert attempted("address-with-host", verdict(sidecar(), gateway(), sent=sent)).standing is CLOSED
    copied = verdict(sidecar(), gateway(), sent=sent, mirrored=("VirtualService curl/copies",))
    assert attempted("address-with-host", copied).standing is NOT_PROVABLE


def test_another_gateway_than_the_expected_one_is_open() -> None:
    found = attempted("other-gateway", verdict(sidecar(), gateway(), expect=VIA_WAYPOINT))
    assert (found.standing, found.confidence) == (OPEN, Confidence.JOINED)
    assert found.because.endswith("not through egress-gateway/waypoint")


def test_where_nothing_may_leave_the_refused_ordinary_request_is_the_control() -> None:
    blocked = Expectation(path=Path.BLOCKED)
    ordinary = verdict(BLOCKED, expect=blocked, sent=sent(502))
    assert ordinary.outcome is Outcome.PASS
    closed = attempted("address", verdict(BLOCKED, expect=blocked, sent=sent(502)), ordinary=ordinary)
    assert closed.standing is CLOSED
    through = attempted("address", verdict(sidecar(), gateway(), expect=blocked), ordinary=ordinary)
    assert through.standing is OPEN


# One row: what curl said in a pod that nothing captures, and the ruling. The ordinary request got 301.
@pytest.mark.parametrize(
    ("result", "standing"),
    [
        (curl(remote_address=f"{IP}:80", http_code=301), OPEN),
        (curl(remote_address=f"{IP}:80", http_code=200), OPEN),
        # Connected, and no answer: something in between may have taken the connection.
        (curl(remote_address=f"{IP}:80", http_code=None, exit_code=56), NOT_PROVABLE),
        # Refused where the ordinary request is not: a firewall may have answered.
        (curl(remote_address=f"{IP}:80", http_code=403), NOT_PROVABLE),
        (CurlResult(exit_code=7, connected=False), NOT_PROVABLE),
        (CurlResult(exit_code=28, connected=False), NOT_PROVABLE),
        (CurlResult(), NOT_PROVABLE),
        # An address of the cluster, and one of which nothing is proven.
        (curl(remote_address="10.0.0.77:80", http_code=200), NOT_PROVABLE),
        (curl(remote_address="10.1.0.1:80", http_code=200), NOT_PROVABLE),
    ],
)
def test_curl_alone_proves_only_an_answer_from_outside(result: CurlResult, standing: BypassStanding) -> None:
    found = attempted("inject-false", uncaptured(result), control=connected())
    assert found.standing is standing, found.because
    assert found.confidence is (Confidence.OBSERVED if standing is OPEN else None)


def denied(pod: object, reached: str, transport: object) -> str | None:
    del pod, transport
    return "NetworkPolicy curl/deny" if reached == f"{IP}:80" else None


def test_a_network_policy_closes_what_got_no_answer_if_the_same_pod_can_connect() -> None:
    timeout = CurlResult(exit_code=28, connected=False)
    found = attempted("inject-false", uncaptured(timeout), control=connected(), denies=denied)
    assert (found.standing, found.confidence) == (CLOSED, Confidence.OBSERVED)
    assert found.because.startswith("NetworkPolicy curl/deny denies it")
    assert found.control == "the same pod connected to 10.0.0.9:8080, in the mesh"
    for control in (None, connected(ok=False)):
        broken = attempted("inject-false", uncaptured(timeout), control=control, denies=denied)
        assert broken.standing is NOT_PROVABLE
    answered = attempted("inject-false", uncaptured(), control=connected(), denies=denied)
    assert answered.standing is OPEN


# One row: an attempt by name, where it goes, and the ruling where a policy denies the host's ordinary IP:80 alone.
@pytest.mark.parametrize(
    ("name", "target", "standing"),
    [
        ("inject-false", Target("docs.redhat.com", 80, Scheme.HTTP), CLOSED),
        ("other-port", Target("docs.redhat.com", 8080, Scheme.HTTP), NOT_PROVABLE),
        ("other-scheme", Target("docs.redhat.com", 443, Scheme.HTTPS), NOT_PROVABLE),
        ("http3", Target("docs.redhat.com", 443, Scheme.HTTPS), NOT_PROVABLE),
        # An IPv6 address, and port 80 of a host that is asked at 443.
        ("ipv6", Target("docs.redhat.com", 80, Scheme.HTTP), NOT_PROVABLE),
        ("forward-proxy", Target("docs.redhat.com", 80, Scheme.HTTP), NOT_PROVABLE),
    ],
)
def test_a_policy_closes_the_address_and_port_that_it_denies_alone(
    name: str, target: Target, standing: BypassStanding
) -> None:
    sent = replace(probe(CurlResult(exit_code=28, connected=False)), target=target)
    ordinary = verdict(sidecar(), gateway(upstream_host=f"{IP}:80"))
    found = verdict(sent=sent, uncaptured="it is not captured")
    got = attempted(name, found, ordinary=ordinary, control=connected(), denies=denied)
    assert got.standing is standing, got.because


def test_what_a_tftp_server_answered_is_closed_by_no_policy() -> None:
    """The address is not proven to be outside, but something answered: the policy did not keep it in."""
    sent = replace(probe(CurlResult(exit_code=68, connected=True)), target=Target("docs.redhat.com", 69, Scheme.TCP))
    found = attempted(
        "udp", verdict(sent=sent, uncaptured="UDP"), dialled="10.1.0.1:69", denies=lambda *_: "NetworkPolicy curl/deny"
    )
    assert found.standing is NOT_PROVABLE


# One row: an attempt, the address that curl was given or connected to, and whether a policy that denies it closes it.
@pytest.mark.parametrize(
    ("name", "dialled", "remote", "standing"),
    [
        ("address", f"{IP}:80", None, CLOSED),
        ("address", "", f"{IP}:80", CLOSED),
        # A pod of the mesh: a rule about pods, which is not read here, may allow it.
        ("other-gateway", "10.0.0.9:8080", None, NOT_PROVABLE),
        # A virtual address: where the proxy goes from there may be allowed.
        ("other-port", "", "240.240.0.4:8080", NOT_PROVABLE),
    ],
)
def test_a_policy_closes_addresses_outside_alone(
    name: str, dialled: str, remote: str | None, standing: BypassStanding
) -> None:
    sent = probe(CurlResult(exit_code=28, connected=False, remote_address=remote))
    found = verdict(sent=sent, uncaptured="it is not captured")
    got = attempted(name, found, dialled=dialled, control=connected(), denies=lambda *_: "NetworkPolicy curl/deny")
    assert got.standing is standing, got.because


RELAY = sidecar(upstream_host="10.0.0.77:8080", upstream_cluster="outbound|8080||relay.curl.svc", cluster_host="relay")
OTHER_ADDRESS = sidecar(**{**FAILED.fields, "upstream_host": "203.0.113.9:80"})
RETRIED = {
    **FAILED.fields, "response_flags": "DC", "response_code": 0,
    "response_code_details": "downstream_remote_disconnect",
    "upstream_cluster": "outbound|80||docs.redhat.com", "cluster_kind": "outbound", "cluster_host": "docs.redhat.com",
}  # fmt: skip


# One row: the source's line of an attempt that curl got no answer to, where a policy denies the host's IP:80 alone.
@pytest.mark.parametrize(
    ("hops", "standing"),
    [
        ((FAILED,), CLOSED),
        # The sidecar took it elsewhere than curl wanted: to another address, or to a pod that may pass it on.
        ((OTHER_ADDRESS,), NOT_PROVABLE),
        ((RELAY,), NOT_PROVABLE),
        ((sidecar(),), NOT_PROVABLE),
        ((UNHEALTHY,), NOT_PROVABLE),
        ((), NOT_PROVABLE),
        # The line has the last address of a host with several; an earlier attempt may have reached one that is allowed.
        ((sidecar(**RETRIED),), NOT_PROVABLE),
        ((sidecar(**RETRIED, upstream_request_attempt_count=1),), CLOSED),
        ((sidecar(**{**RETRIED, "cluster_kind": "passthrough", "cluster_host": None}),), CLOSED),
    ],
)
def test_a_policy_closes_where_the_proxy_went_and_not_where_curl_wanted_to(
    hops: tuple[Hop, ...], standing: BypassStanding
) -> None:
    silent = probe(curl(http_code=None, exit_code=28, remote_address=f"{IP}:80"))
    found = attempted("address", verdict(*hops, sent=silent), dialled=f"{IP}:80", denies=denied, escapes="")
    assert found.standing is standing, found.because


def test_the_word_of_a_workloads_own_curl_does_not_choose_which_address_a_policy_denies() -> None:
    """The host is at another address than the one that curl says it tried, and nothing denies that."""
    lied = probe(CurlResult(exit_code=28, connected=False, remote_address=f"{IP}:80"))
    ordinary = verdict(sidecar(), gateway(upstream_host="203.0.113.9:80"))
    for name, dialled in (("other-port", ""), ("address", "203.0.113.9:80"), ("ipv6", ""), ("forward-proxy", "")):
        found = attempted(
            name, verdict(sent=lied, uncaptured="it is not captured"), ordinary=ordinary, dialled=dialled, denies=denied
        )
        assert found.standing is NOT_PROVABLE, name


def test_a_refusal_behind_a_retry_closes_nothing() -> None:
    """The sidecar's cluster has an endpoint of a tenant beside the gateway: the attempt before may have gone there."""
    for hop, code in ((RBAC, 403), (gateway(**{**NO_ROUTE.fields, **AT_GATEWAY}), 404)):
        there = verdict(sidecar(response_code=code), hop, sent=sent(code))
        assert attempted("address", there).standing is CLOSED
        assert attempted("address", replace(there, word="other-endpoints")).standing is NOT_PROVABLE


def test_a_curl_that_did_not_report_is_closed_by_no_policy() -> None:
    found = attempted("inject-false", uncaptured(CurlResult()), control=connected(), denies=denied)
    assert found.standing is NOT_PROVABLE


FORBIDDEN = 'pods "egressaudit-probe-1-inject-false" is forbidden: '


# One row: why the API server refused the pod, and whether that is a policy.
@pytest.mark.parametrize(
    ("said", "standing"),
    [
        (f"{FORBIDDEN}ValidatingAdmissionPolicy 'a' with binding 'b' denied request: no", CLOSED),
        (f'{FORBIDDEN}violates PodSecurity "restricted:latest": host namespaces', CLOSED),
        ('admission webhook "validate.kyverno.svc-fail" denied the request: no opt-out', CLOSED),
        (f"{FORBIDDEN}unable to validate against any security context constraint: [...]", CLOSED),
        (f"{FORBIDDEN}exceeded quota: pods, requested: pods=1, used: pods=10, limited: pods=10", NOT_PROVABLE),
        (f'{FORBIDDEN}error looking up service account curl/default: serviceaccount "default" not found', NOT_PROVABLE),
        ('Pod "x" is invalid: metadata.labels: Invalid value: "a b"', NOT_PROVABLE),
    ],
)
def test_admission_closes_in_the_words_of_a_policy_alone(said: str, standing: BypassStanding) -> None:
    found = attempted("inject-false", refused=said)
    assert found.standing is standing
    assert said in found.because
    assert attempted("inject-false", refused=said, admitted="").standing is NOT_PROVABLE


# One row: the attempt over UDP, what curl said, and the ruling.
@pytest.mark.parametrize(
    ("name", "result", "standing"),
    [
        ("udp", CurlResult(exit_code=68, connected=True), OPEN),
        ("udp", CurlResult(exit_code=0, connected=True), OPEN),
        ("udp", CurlResult(exit_code=28, connected=True), NOT_PROVABLE),
        ("udp", CurlResult(exit_code=7), NOT_PROVABLE),
        ("udp", CurlResult(), NOT_PROVABLE),
        ("http3", curl(remote_address=f"{IP}:443", http_code=200), OPEN),
        ("http3", curl(remote_address="10.1.0.1:443", http_code=200), NOT_PROVABLE),
        ("http3", curl(remote_address=f"{IP}:443", http_code=None, exit_code=28), NOT_PROVABLE),
    ],
)
def test_udp_is_open_only_if_an_answer_came_from_outside(
    name: str, result: CurlResult, standing: BypassStanding
) -> None:
    asked = replace(probe(result), target=Target("docs.redhat.com", 69, Scheme.TCP))
    dialled = f"{IP}:80" if name == "udp" else ""
    found = attempted(name, verdict(sent=asked, uncaptured="UDP", captured=True), dialled=dialled)
    assert found.standing is standing, found.because
    if standing is NOT_PROVABLE and name == "udp":
        closed = attempted(name, verdict(sent=asked, uncaptured="UDP"), dialled=dialled, denies=denied)
        # A curl that did not report may have been answered.
        assert closed.standing is (NOT_PROVABLE if result == CurlResult() else CLOSED)


def test_an_answer_of_an_address_that_nobody_proves_to_be_outside_opens_nothing() -> None:
    asked = probe(CurlResult(exit_code=68, connected=True))
    assert attempted("udp", verdict(sent=asked), dialled="10.1.0.1:69").standing is NOT_PROVABLE


def test_what_makes_no_sense_is_not_tried_and_what_could_not_be_done_is_not_provable() -> None:
    assert attempted("ipv6", not_tried="the pod has no IPv6 address").standing is NOT_TRIED
    no_aaaa = verdict(sent=probe(CurlResult(exit_code=6, connected=False)))
    assert attempted("ipv6", no_aaaa).standing is NOT_TRIED
    assert attempted("other-port", no_aaaa).standing is NOT_PROVABLE
    assert attempted("inject-false", failed="not allowed to create pods").standing is NOT_PROVABLE
    assert attempted("address").standing is NOT_PROVABLE


def test_what_closes_it_is_said_of_open_ways_alone() -> None:
    assert attempted("address", verdict(PASSTHROUGH)).advice[0].startswith("What closes it: ")
    assert attempted("address", verdict(BLOCKED, sent=sent(502))).advice == ()
    assert ORDINARY.outcome is Outcome.PASS
