"""Groups of an audit judged again from what a history keeps of them, held against an audit of the same evidence.

In: a folder of evidence and two policies, the first of which may be none. Out: for each group both rulings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from egressaudit.evidence.collection import load_collection
from egressaudit.evidence.mesh_file import load_mesh
from egressaudit.findings.policy_usage import last_day
from egressaudit.history.stored_runs import History
from egressaudit.judge.answers import Answers
from egressaudit.judge.groups import Ruling
from egressaudit.mesh import Trust
from egressaudit.model import AuditReport, Decision, FlowGroup
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.pipeline.judged_again import rejudged
from egressaudit.pipeline.remembering import Memory
from egressaudit.policy import Policy


class Kept:
    """What an audit hands over to be kept."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.rulings = memory, list[Ruling]()

    def take(self, rulings: Sequence[Ruling], answers: Answers, hosts_at: Mapping[str, Sequence[str]]) -> None:
        self.rulings = list(rulings)
        self.memory.take(rulings, answers, hosts_at)


def audited(
    folder: Path, policy: Policy | None, trust: Trust, history: Path = Path("egress.duckdb")
) -> tuple[AuditReport, Kept]:
    """The report on a folder, by a policy, with what was handed over; the trust is given apart from the policy."""
    kept = Kept(Memory(History(history), trust))
    collection = load_collection(folder)
    settings = AuditSettings(policy=policy, trust=trust, keep=kept.take)
    return audit_window((str(folder),), load_mesh(folder / "mesh.json", trust), settings, collection), kept


def differences(folder: Path, first: tuple[AuditReport, Kept], policy: Policy, trust: Trust) -> list[str]:
    """The groups that another policy judges otherwise from what the first audit kept than from the logs."""
    report, kept = first
    _, wanted = audited(folder, policy, trust)
    again = {}
    for each in kept.memory.judged:
        ruling = rejudged(each.facts, policy, last_day(report.window))
        again[_bare(each.facts.group)] = _said(ruling)
    said = {_bare(each.judged.group): _said(each) for each in wanted.rulings}
    assert again.keys() == said.keys()
    wrong = [each for each in said if said[each] != again[each]]
    return [f"{group}: {said[group]}, from memory {again[group]}" for group in wrong]


def _bare(group: FlowGroup) -> FlowGroup:
    return replace(group, evidence=())


def _said(ruling: Ruling) -> tuple[object, ...]:
    """Faults explain a verdict, and change none: a history has none."""
    decision: Decision = replace(ruling.judged.decision, faults=())
    return ruling.code, ruling.judged.outcome, ruling.judged.because, decision
