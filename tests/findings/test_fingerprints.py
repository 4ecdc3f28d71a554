"""Fingerprints are the same for the same problem, whoever made the flows today."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import FAILED, PASSED, VIOLATION, WHOLE

from egressaudit.findings import find_all
from egressaudit.findings.facts import AuditFacts
from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.model import BlindSpot, Coverage, Finding, Path

OWNERS = {"shop/cart-1": "shop/Deployment/cart", "shop/cart-2": "shop/Deployment/cart"}


def test_words_numbers_and_times_change_no_fingerprint() -> None:
    later = replace(FAILED, group=replace(FAILED.group, flows=99, last=FAILED.group.first, evidence=()), because="...")
    assert flow_fingerprint(later) == flow_fingerprint(FAILED)
    assert fingerprint_of(replace(VIOLATION, judged=later, message="Other words.")) == fingerprint_of(VIOLATION)


@pytest.mark.parametrize(
    "other",
    [
        {"namespace": "pay"},
        {"workload": "Deployment/web"},
        {"host": "x.example"},
        {"port": 8443},
        {"path": Path.BLOCKED},
    ],
)
def test_another_flow_has_another_fingerprint(other: dict[str, object]) -> None:
    changed = replace(FAILED, group=replace(FAILED.group, **other))
    assert flow_fingerprint(changed) != flow_fingerprint(FAILED)
    assert fingerprint_of(replace(VIOLATION, judged=changed)) != fingerprint_of(VIOLATION)


def test_a_flow_and_a_finding_about_it_are_two_things() -> None:
    assert flow_fingerprint(PASSED) != flow_fingerprint(FAILED) != fingerprint_of(VIOLATION)


def found(coverage: Coverage) -> list[Finding]:
    """All but EA311: there are no flows here."""
    return [each for each in find_all(AuditFacts((), coverage, owners=OWNERS)) if each.code != "EA311"]


def test_two_problems_of_one_pod_have_two_fingerprints() -> None:
    log = replace(WHOLE, problems=("it starts late", "it was read twice"), gaps=("it starts late",))
    spots = (
        BlindSpot("excluded", "shop/cart-1", "Deployment/cart", "connections to port 80 go around its sidecar"),
        BlindSpot("excluded", "shop/cart-1", "Deployment/cart", "connections to port 443 go around its sidecar"),
        BlindSpot("logging-off", "shop/cart-1/istio-proxy", "Deployment/cart", "Telemetry a"),
        BlindSpot("logging-filtered", "shop/cart-1/istio-proxy", "Deployment/cart", "Telemetry b"),
    )
    made = found(Coverage((log,), spots))
    assert sorted(each.code for each in made) == ["EA302", "EA302", "EA306", "EA306", "EA307", "EA307"]
    assert len({fingerprint_of(each) for each in made}) == 6


def test_a_pod_on_another_node_has_the_same_problem() -> None:
    here, there = (
        found(Coverage((), (BlindSpot("not-enrolled", pod, "Deployment/cart", why),)))
        for pod, why in (("shop/cart-1", "there is no ztunnel on its node a"), ("shop/cart-2", "... node b"))
    )
    assert [fingerprint_of(each) for each in here] == [fingerprint_of(each) for each in there]


def test_a_broken_log_is_the_same_in_another_folder() -> None:
    one, other, third = (
        found(Coverage(broken=(f"{path} is broken after line 7: cut off",)))[0]
        for path in ("/a/shop/cart-1/istio-proxy.log.gz", "b/c/shop/cart-2/istio-proxy.log.gz", "b/pay/cart-1/x.log")
    )
    assert fingerprint_of(one) == fingerprint_of(other) != fingerprint_of(third)
