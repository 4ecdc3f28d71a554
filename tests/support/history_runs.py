"""Audits in a history: the report of `support.reports` with groups for all that a history keeps of one.

In: a `History` and a report. Out: one more run in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from egressaudit.findings.fingerprints import flow_fingerprint
from egressaudit.history.stored_runs import History
from egressaudit.mesh import Trust
from egressaudit.model import AuditReport, Decision, Judged, ObjectRef, Outcome, Path, Scheme
from egressaudit.model.group_facts import GroupFacts, JudgedFacts
from egressaudit.pipeline.remembering import Memory
from support.reports import FULL, GATEWAY

HISTORY_TRUST = Trust(named_gateways=frozenset({GATEWAY}))
CLAIMED = Decision(Path.VIA_GATEWAY, (GATEWAY,), because=("VirtualService x",), passing=(ObjectRef("a", "b"),))


def judged_facts(judged: Judged) -> JudgedFacts:
    """A group of the report, with something of everything that a snapshot answers."""
    group = replace(judged.group, evidence=(), reached=(("203.0.113.7", 443), ("2001:db8::1", None)))
    facts = GroupFacts(
        group=group,
        tried=(("203.0.113.9", 443), ("203.0.113.10", None)),
        asked=(("alias.example.com", 443, Scheme.HTTPS),),
        hosts_at=(("203.0.113.7", ("a.example.com", "b.example.com")),),
        claims=(("docs.example.com", 443, CLAIMED), ("203.0.113.7", None, Decision(Path.DIRECT))),
    )
    waived = judged.outcome is Outcome.FAIL and judged.decision.waived is not None
    code = "EA101" if judged.outcome is Outcome.FAIL else ""
    return JudgedFacts(facts, judged.outcome, code, waived, flow_fingerprint(judged))


FACTS = tuple(map(judged_facts, FULL.judged))


def remembered(history: History, report: AuditReport, facts: Sequence[JudgedFacts]) -> int:
    """Store a report with these groups; its run."""
    memory = Memory(history, HISTORY_TRUST)
    memory.judged = tuple(facts)
    return memory.store(report)


def stored(history: History, report: AuditReport) -> int:
    """Store a report with its own groups; its run."""
    return remembered(history, report, tuple(map(judged_facts, report.judged)))
