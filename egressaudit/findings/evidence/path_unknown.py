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
        what="Where it went does not follow from the line: an address in the cluster that is no gateway's, a "
        "Service or pod that the snapshot does not have, a cluster without a host; or the same address was called "
        "by six names or more, too many to check; or it left without a name, for an address of a host that should "
        "leave through a gateway; or a whole log is of a pod that the snapshot does not have.",
        why="Whoever stands at that address may pass it on, unseen; a guess would make a verdict of it.",
        remedy="Take the snapshot within the window, and look at who has this address.",
        confidence="reported: the line is there, and what it names is not known.",
        passing="sidecar: outbound|80||docs.redhat.com to 203.0.113.7:80, outside the cluster",
        failing="sidecar: outbound|80||docs.redhat.com to 10.0.0.44:80, a pod that is no gateway",
    ),
)
