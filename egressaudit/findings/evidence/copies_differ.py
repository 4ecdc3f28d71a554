"""EA323, two copies of a log differ.

In: the files of one log, compared line by line. Out: an INCONCLUSIVE for each that contradicts another.
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
    for log, path, count in facts.evidence.copies:
        message = (
            f"{count} lines stand in {path} and in another file of this log, and say something else: one was changed"
        )
        yield control.unproven(log, message, total=count)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA323",
        name="copies-differ",
        title="two copies of a log differ",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="Two files of one log have a line with the same sockets and the same time, and the lines differ. Both are "
        "judged.",
        why="A proxy writes a line once. One of the two was changed, and nothing says which.",
        remedy="Find the file that is as the proxy wrote it, and audit that one alone.",
        confidence="observed: the lines of the two files.",
        passing="curl/curl-1/istio-proxy.log and its copy are the same",
        failing="curl/curl-1/istio-proxy.log: outbound|80||gw.egress...; the copy: PassthroughCluster",
    ),
)
