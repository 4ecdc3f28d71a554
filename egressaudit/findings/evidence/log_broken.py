"""EA312, a log cannot be read to its end.

In: what broke while the logs were read. Out: an INCONCLUSIVE for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.findings.stable_names import stable_name
from egressaudit.model import Finding, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts

_PATH = re.compile(r"[^\s:]*/[^\s:]*")


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for sentence in facts.coverage.broken:
        yield control.unproven("logs", sentence, which=_file(sentence, facts))


def _file(sentence: str, facts: AuditFacts) -> str:
    """The file that a sentence names, without the folder of this evidence and with the workload for the pod."""
    named = _PATH.search(sentence)
    return stable_name("/".join(named[0].split("/")[-3:]), facts.owners) if named else ""


RULE = Rule(
    find=_find,
    control=Control(
        code="EA312",
        name="log-broken",
        title="a log cannot be read to its end",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A file or archive cannot be opened, is damaged, or is cut in the middle of its compression.",
        why="What comes after the damage is missing.",
        remedy="Collect this log again.",
        confidence="observed: the error met while reading it.",
        passing="the gzip stream ends with its checksum",
        failing="the gzip stream ends in the middle of a block",
    ),
)
