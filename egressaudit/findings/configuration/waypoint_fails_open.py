"""EA407, a waypoint is asked for and not bound.

In: the snapshot's ServiceEntries that ask for a waypoint which istiod cannot bind. Out: a note for each and why.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.findings.control import Control
from egressaudit.findings.facts import AuditFacts
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Severity


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for entry, fault in facts.unbound:
        yield control.note(
            entry, f"{fault}: ztunnel sends what ambient pods ask of it straight to the host", which=fault.slug
        )


RULE = Rule(
    find=_find,
    control=Control(
        code="EA407",
        name="waypoint-fails-open",
        title="a waypoint is asked for and not bound",
        severity=Severity.HIGH,
        outcomes=(None,),
        what="A ServiceEntry asks for a waypoint that istiod cannot bind: there is none, it admits other namespaces, "
        "it is for workloads only, or it was never programmed.",
        why="ztunnel fails open: without a bound waypoint it sends the traffic straight out, and nothing refuses it. A "
        "bound waypoint without pods fails closed.",
        remedy="Fix the waypoint's Gateway or the label; `egressaudit causes EC44` to EC47 and EC50 tell them apart.",
        confidence="observed: the configuration of the snapshot, whether or not there was traffic.",
        passing="ServiceEntry egress/docs with istio.io/use-waypoint: waypoint, and a Gateway egress/waypoint",
        failing="ServiceEntry egress/docs with istio.io/use-waypoint: waypiont, and no Gateway of that name",
    ),
)
