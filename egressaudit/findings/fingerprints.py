"""Stable names of findings and flows: the same problem has the same fingerprint in every run and on every day.

In: a `Finding` or a `Judged`. Out: 32 hex digits, e.g. `fingerprint_of(finding)` is the same although other pods of the
workload made the flows, their number is another, and the words of the message were improved.

Findings share a fingerprint if they are one problem that several pods of a workload have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

from egressaudit.findings.stable_names import stable_name, stable_workload
from egressaudit.model import Finding, FlowGroup, Judged


def fingerprint_of(finding: Finding) -> str:
    """Of a finding: its code and rule, and the flows that it is about; without flows, what it is about."""
    flow = () if finding.judged is None else flow_parts(finding.judged.group)
    return _digest(("finding", finding.code, finding.rule, *(flow or (finding.about or finding.subject,))))


def flow_fingerprint(judged: Judged) -> str:
    """Of a group of flows: who sent it where, and which way it went."""
    return _digest(("flow", *flow_parts(judged.group)))


def flow_parts(group: FlowGroup) -> tuple[str, ...]:
    """What makes flows the same from one day to the next."""
    return (
        group.namespace,
        stable_workload(group.workload),
        group.host,
        str(group.port or ""),
        group.path.value,
        *map(str, group.via),
    )


def with_about(finding: Finding, owners: Mapping[str, str]) -> Finding:
    """The finding with the stable name of what it is about: its subject, then which of the subject's problems it is."""
    if finding.judged is not None:
        return finding
    name = stable_name(finding.subject, owners)
    return replace(finding, about=f"{name}: {finding.about}" if finding.about else name)


def _digest(parts: Iterable[str]) -> str:
    # No part can have a NUL, so no two lists of parts give the same text.
    return sha256("\0".join(part.replace("\0", "") for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
