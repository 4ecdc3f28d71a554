"""Stable names of findings and flows: the same problem has the same fingerprint in every run and on every day.

In: a `Finding` or a `Judged`. Out: 32 hex digits, e.g. `fingerprint_of(finding)` is the same although other pods of the
workload made the flows, their number is another, and the words of the message were improved.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from egressaudit.model import Finding, Judged


def fingerprint_of(finding: Finding) -> str:
    """Of a finding: its code, rule and subject, and where the flows went that it is about."""
    flow = () if finding.judged is None else _flow_parts(finding.judged)
    return _digest(("finding", finding.code, finding.rule, *(flow or (finding.subject,))))


def flow_fingerprint(judged: Judged) -> str:
    """Of a group of flows: who sent it where, and which way it went."""
    return _digest(("flow", *_flow_parts(judged)))


def _flow_parts(judged: Judged) -> tuple[str, ...]:
    group = judged.group
    return (
        group.namespace,
        group.workload,
        group.host,
        str(group.port or ""),
        group.path.value,
        *map(str, group.via),
    )


def _digest(parts: Iterable[str]) -> str:
    # No part can have a NUL, so no two lists of parts give the same text.
    return sha256("\0".join(part.replace("\0", "") for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
