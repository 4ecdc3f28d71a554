"""EA202, SNI or Host differs from the host.

In: groups of flows that passed, with the names that senders used. Out: a note for each with such a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.fingerprints import flow_parts
from egressaudit.findings.from_rulings import called_names
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Path, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for ruling in facts.rulings:
        judged, group = ruling.judged, ruling.judged.group
        if judged.outcome is Outcome.PASS and group.path is not Path.BLOCKED and group.server_names:
            yield control.note(
                group.subject,
                f"{group.host}:{group.port or '-'} was called {called_names(group)}",
                which=" ".join(flow_parts(group)[2:]),
                confidence=group.confidence,
                evidence=group.evidence,
                total=group.flows,
            )


RULE = Rule(
    find=_find,
    control=Control(
        code="EA202",
        name="server-name-mismatch",
        title="SNI or Host differs from the host",
        severity=Severity.LOW,
        outcomes=(None,),
        what="It went the right way, but its TLS server name or authority isn't the host that the proxies routed it "
        "to, or they know no host for its address.",
        why="One address serves many names: another name can mean another site (domain fronting).",
        remedy="Ask whether the workload means this name, and terminate TLS at the gateway where names must hold.",
        confidence="that of the flow. The name is the sender's word; the way it left is proven without it.",
        passing="outbound|443||docs.redhat.com, server name docs.redhat.com",
        failing="outbound|443||docs.redhat.com, server name cdn.example.net",
    ),
)
