"""EA325, requests are mirrored out of the mesh.

In: rules that mirror requests, and the flows they may have copied. Out: an INCONCLUSIVE for each rule and host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for rule, host, flows in facts.evidence.mirrors:
        message = f"{rule} mirrors requests for {host}, and Envoy logs no copy: where those went is not known"
        yield control.unproven(rule.partition(" to ")[0], message, which=f"{rule}, {host}", total=flows)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA325",
        name="mirrored",
        title="requests are mirrored out of the mesh",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A VirtualService or route sends copies of requests to a host that is not proven to be inside, and flows "
        "to the host that it copies were seen.",
        why="Envoy logs the request but not its copy, so nothing proves that the copy stayed inside.",
        remedy="Remove the mirror, or let it go to a Service that leads to pods alone.",
        confidence="observed: the rules of the snapshot against the hosts of flows.",
        passing="VirtualService curl/to-egress without mirror; flows to docs.redhat.com",
        failing="VirtualService curl/to-egress: mirror evil.example.com; flows to docs.redhat.com",
    ),
)
