"""A battery judged against a snapshot: what is expected of an attempt, and what the mesh does not capture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.mesh import HOST, MESH, READ, obj, plugin, sidecar
from support.probes import START, curl

from egressaudit.bypass import attempts
from egressaudit.bypass.judging import UDP_IS_FREE, BatteryFacts, bypass_report
from egressaudit.errors import BadLogs
from egressaudit.join.probe_hops import Vantage
from egressaudit.judge.expected import Expectations
from egressaudit.judge.probe_surroundings import ProbeSurroundings, RunFacts
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import (
    Attempted,
    Battery,
    BypassStanding,
    Confidence,
    CurlResult,
    Expectation,
    ObjectRef,
    Path,
    Pod,
    Probe,
    Scheme,
    Target,
    Tried,
)
from egressaudit.policy import parse_policy

SOURCE, CHANGED = ObjectRef("curl", "curl-1"), ObjectRef("curl", "probe-1")
DOCS = Target(HOST, 80, Scheme.HTTP)
OUTSIDE = "203.0.113.7:80"
CODES = {each.name: each.code for each in attempts().values()}


def probe(nonce: str, result: CurlResult, *, source: ObjectRef = SOURCE, target: Target = DOCS) -> Probe:
    return Probe(nonce * 16, target, source, "curl", START, START, result)


def mesh(*more: dict[str, Any], **pod: Any) -> Mesh:
    return Mesh.of((*MESH, sidecar("curl/probe-1", "10.0.0.20", **pod), *more), [each.name for each in RESOURCES])


UNCAPTURED = {"sidecar.istio.io/status": "{}", "sidecar.istio.io/interceptionMode": "NONE"}
DENY = obj("NetworkPolicy", "curl/deny", "networking.k8s.io/v1", spec={"podSelector": {}, "policyTypes": ["Egress"]})
PLUGIN = plugin("kube-system/calico-node")


def facts(known: Mesh, wanted: Expectations | None = None) -> BatteryFacts:
    run = RunFacts(known, ())

    def around(sent: Probe) -> ProbeSurroundings:
        return run.around(sent, {}, {})

    vantage = Vantage(source_log={}, addresses={}, before={})
    return BatteryFacts(known, (), vantage, wanted or Expectations(known), around)


def battery(*tried: Tried, probes: tuple[Probe, ...] = ()) -> Battery:
    ordinary = probe("0", curl(remote_address=OUTSIDE))
    return Battery(DOCS, SOURCE, ordinary.nonce, tried, (ordinary, *probes), admitted="curl/p")


def judged(name: str, sent: Probe, known: Mesh, wanted: Expectations | None = None, **tried: str) -> Attempted:
    one = Tried(CODES[name], nonce=sent.nonce, **tried)
    [found] = bypass_report(battery(one, probes=(sent,)), facts(known, wanted)).attempts
    return found


def test_what_the_proxys_user_sends_goes_around_its_sidecar() -> None:
    proxy_user = mesh()
    changed = replace_user(proxy_user, 1337)
    sent = probe("1", curl(remote_address=OUTSIDE), source=CHANGED)
    found = judged("uid-1337", sent, changed)
    assert (found.standing, found.confidence) == (BypassStanding.OPEN, Confidence.OBSERVED)
    assert "runs as the proxy's user" in found.because
    # An ordinary user's connection without a line proves nothing.
    assert judged("uid-1337", sent, proxy_user).standing is BypassStanding.NOT_PROVABLE


def replace_user(known: Mesh, user: int) -> Mesh:
    objects = [dict(each) for each in known.objects]
    for each in objects:
        if each["kind"] == "Pod" and each["metadata"]["name"] == "probe-1":
            each["spec"] = {**each["spec"], "securityContext": {"runAsUser": user}}
    return Mesh.of(objects, READ)


def test_udp_is_never_captured_whatever_the_pod() -> None:
    sent = probe("1", CurlResult(exit_code=68, connected=True), target=Target(HOST, 69, Scheme.TCP))
    found = judged("udp", sent, mesh(), dialled="203.0.113.7:69")
    assert found.standing is BypassStanding.OPEN
    assert found.verdict is not None
    assert UDP_IS_FREE in found.verdict.reason


@pytest.mark.parametrize(
    ("annotation", "standing"),
    [
        ({"traffic.sidecar.istio.io/excludeOutboundPorts": "80"}, BypassStanding.OPEN),
        ({"traffic.sidecar.istio.io/excludeOutboundIPRanges": "0.0.0.0/0,::/0"}, BypassStanding.OPEN),
        ({"traffic.sidecar.istio.io/includeOutboundIPRanges": ""}, BypassStanding.OPEN),
        ({"sidecar.istio.io/interceptionMode": "NONE"}, BypassStanding.OPEN),
        # Admission took the annotation away: then only lines tell.
        ({}, BypassStanding.NOT_PROVABLE),
    ],
)
def test_an_exclusion_counts_as_the_snapshot_has_it(annotation: dict[str, str], standing: BypassStanding) -> None:
    known = mesh(annotations={"sidecar.istio.io/status": "{}", **annotation})
    sent = probe("1", curl(remote_address=OUTSIDE), source=CHANGED)
    assert judged("exclude-ports", sent, known).standing is standing


class Wanted(Expectations):
    """Expectations that a test gives for single hosts."""

    def of(self, source: Pod, target: Target) -> Expectation:
        del source
        return GIVEN[target.host, target.port]


VIA = Expectation(Path.VIA_GATEWAY, ObjectRef("egress", "gw"))
GIVEN = {
    (HOST, 80): VIA,
    ("203.0.113.7", 80): Expectation(Path.DIRECT),
    (HOST, 8080): Expectation(None),
    (HOST, 443): Expectation(Path.VIA_GATEWAY, ObjectRef("egress", "spare")),
    (HOST, 8443): Expectation(Path.BLOCKED),
}


# One row: the host and port of an attempt, and what is expected of it.
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        # That the address may leave directly makes no way around the host's gateway allowed.
        (Target("203.0.113.7", 80, Scheme.HTTP), VIA),
        (Target(HOST, 8080, Scheme.HTTP), VIA),
        (Target(HOST, 443, Scheme.HTTPS), GIVEN[HOST, 443]),
        (Target(HOST, 8443, Scheme.HTTPS), GIVEN[HOST, 8443]),
    ],
)
def test_what_is_expected_of_the_host_is_expected_of_its_attempts(target: Target, expected: Expectation) -> None:
    known = mesh()
    found = judged("address", probe("1", curl(remote_address=OUTSIDE), target=target), known, Wanted(known))
    assert found.verdict is not None
    assert found.verdict.expectation == expected


def test_under_a_policy_an_address_that_no_rule_names_is_blocked_and_so_open_if_it_left() -> None:
    policy = parse_policy(
        b"""
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: p}
spec:
  gateways: [{namespace: egress, name: gw}]
  rules: [{name: docs, to: {hosts: [docs.redhat.com]}, via: gateway}]
"""
    )
    known = mesh(annotations={"sidecar.istio.io/status": "{}", "sidecar.istio.io/interceptionMode": "NONE"})
    sent = probe("1", curl(remote_address=OUTSIDE), source=CHANGED, target=Target("203.0.113.7", 80, Scheme.HTTP))
    found = judged("address", sent, known, Expectations(known, policy=policy))
    assert found.standing is BypassStanding.OPEN


@pytest.mark.parametrize(
    ("more", "standing", "says"),
    [
        ((), BypassStanding.NOT_PROVABLE, ""),
        ((DENY,), BypassStanding.NOT_PROVABLE, ""),
        ((PLUGIN,), BypassStanding.NOT_PROVABLE, ""),
        ((DENY, PLUGIN), BypassStanding.CLOSED, "NetworkPolicy curl/deny, which calico-node enforces, denies it"),
    ],
)
def test_silence_is_closed_by_a_policy_that_something_enforces_alone(
    more: tuple[dict[str, Any], ...], standing: BypassStanding, says: str
) -> None:
    control = probe("2", curl(http_code=None, remote_address="10.0.0.9:8080"), source=CHANGED)
    sent = probe("1", CurlResult(exit_code=28, connected=False, remote_address=OUTSIDE), source=CHANGED)
    one = Tried(CODES["inject-false"], nonce=sent.nonce, control=control.nonce)
    known = mesh(*more, annotations=UNCAPTURED)
    [found] = bypass_report(battery(one, probes=(sent, control)), facts(known)).attempts
    assert found.standing is standing
    assert found.because.startswith(says)
    if says:
        assert found.control.startswith("the same pod connected to")
    # A pod whose sidecar has no line may have been sent anywhere in the mesh, and on from there.
    [captured] = bypass_report(battery(one, probes=(sent, control)), facts(mesh(*more))).attempts
    assert captured.standing is BypassStanding.NOT_PROVABLE


def test_an_attempt_of_another_version_and_a_pod_that_is_not_there_are_errors() -> None:
    with pytest.raises(BadLogs, match="EB99"):
        bypass_report(battery(Tried("EB99")), facts(mesh()))
    gone = replace(battery(Tried("EB01")), source=ObjectRef("curl", "gone"))
    with pytest.raises(BadLogs, match="curl/gone"):
        bypass_report(gone, facts(mesh()))
