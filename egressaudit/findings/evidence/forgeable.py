"""EA313, a log that can be forged as a whole.

In: the coverage of each log. Out: an INCONCLUSIVE for each log that an old Envoy wrote as text.
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
    for log in facts.coverage.sources:
        if log.unproven:
            count = log.lines.access
            message = f"none of its {count} access lines is judged: {log.unproven}"
            yield control.unproven(log.name, message, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA313",
        name="forgeable",
        title="a log that can be forged as a whole",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="The proxy's image is tagged as one whose Envoy is older than 1.28.7, 1.29.9, 1.30.6 or 1.31.2 "
        "(CVE-2024-45808), and its log is text, or may be by the configuration. No line of it is judged.",
        why="Such an Envoy writes a TLS client's server name as it was sent, newlines too: any line of its log, "
        "one that looks like JSON too, may be the client's own.",
        remedy="Upgrade the proxy to Istio 1.21.6, 1.22.5, 1.23.2 or later (OpenShift Service Mesh 2.6.2 or 3), or set "
        "accessLogEncoding to JSON and audit a window that starts after that.",
        confidence="observed: the image's tag in the snapshot, and the encoding of the log's lines.",
        passing="image istio/proxyv2:1.27.1",
        failing="image istio/proxyv2:1.22.3; the log is text",
    ),
)
