"""EA401, policy names a gateway not in snapshot.

In: what the policy names and the snapshot lacks. Out: an INCONCLUSIVE for each.
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
    for kind, ref in facts.policy.missing:
        yield control.unproven(
            str(ref), f"the policy names the {kind} {ref}, but the snapshot has no pod of it", which=kind
        )
    for named in facts.policy.missing_trust:
        message = f"the {named} is trusted, and the snapshot does not have it"
        yield control.unproven(named.partition(" ")[2], message, which=f"trusted {named}")


RULE = Rule(
    find=_find,
    control=Control(
        code="EA401",
        name="policy-gateway-missing",
        title="policy names a gateway not in snapshot",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The policy names a gateway or waypoint, or trusts a proxy, that the snapshot does not have.",
        why="Either nothing can satisfy a rule that allows only that one, or it has a new name and counts as a "
        "stranger.",
        remedy="Correct its namespace and name in the policy or in --trust, or take a newer snapshot.",
        confidence="observed: the policy against the snapshot.",
        passing="spec.gateways has egress/gw; so has the snapshot",
        failing="spec.gateways has egress/egress-gw; the snapshot has egress/gw alone",
    ),
)
