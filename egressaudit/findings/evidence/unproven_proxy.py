"""EA316, a proxy that nothing proves to be one.

In: the pods that only look like proxies. Out: an INCONCLUSIVE for each that mattered, a note for the others.
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
    for proxy in facts.unproven:
        if proxy.matters:
            yield control.unproven(proxy.subject, f"{proxy.why}; {proxy.matters}")
        else:
            yield control.note(proxy.subject, proxy.why, severity=Severity.INFO)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA316",
        name="unproven-proxy",
        title="a proxy that nothing proves to be one",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE, None),
        what="A pod has the marks of a sidecar, gateway, waypoint or ztunnel (a container istio-proxy, labels, "
        "annotations), and neither its owners nor the policy nor --trust prove that it is one. It is info where it "
        "wrote no access line and nothing was sent to its address.",
        why="Anyone who may create pods in a namespace can write such marks, so these lines prove nothing.",
        remedy="If it is one of yours, name its workload with --trust or in the policy's trust section; if not, find "
        "out whose it is.",
        confidence="observed: the owners, marks and namespace of the pod in the snapshot.",
        passing="pod egress/gw-1, ReplicaSet, Deployment egress/gw with inject.istio.io/templates: gateway",
        failing="pod evil/x-1 of a StatefulSet, its only container is called istio-proxy",
    ),
)
