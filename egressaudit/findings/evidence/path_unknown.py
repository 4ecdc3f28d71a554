"""EA309, which way it took is not proven.

In: the judge's rulings, and logs of pods that the snapshot lacks. Out: an INCONCLUSIVE for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.from_rulings import rulings
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    yield from rulings(control, facts)
    for name, count in facts.unjudged.unknown_logs:
        message = f"{count} access lines are of a pod that the snapshot does not have: they were not judged"
        yield control.unproven(name, message, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA309",
        name="path-unknown",
        title="which way it took is not proven",
        severity=Severity.MEDIUM,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The line doesn't prove where it went: to an address in the cluster that doesn't belong to a gateway, to "
        "a Service or pod that the snapshot doesn't have, or to a cluster without a host. Or senders called one "
        "address by six names or more, too many to check. Or it left without a name, for an address of a host that "
        "should leave through a gateway. Or a whole log belongs to a pod that the snapshot doesn't have.",
        why="Whatever has that address may forward the traffic unseen. Any verdict would be a guess.",
        remedy="Take the snapshot within the window, and look at who has this address.",
        confidence="reported: the line exists, but what it names is unknown.",
        passing="sidecar: outbound|80||docs.redhat.com to 203.0.113.7:80, outside the cluster",
        failing="sidecar: outbound|80||docs.redhat.com to 10.0.0.44:80, a pod that isn't a gateway",
    ),
)
