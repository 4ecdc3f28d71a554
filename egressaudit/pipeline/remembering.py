"""An audit remembered: what `audit --history FILE` stores of it, and the earlier run that it is compared with.

judged groups ─▶ facts ─┐
report ─────────────────┴─▶ history

In: the groups as they are judged, then the report. Out: one more run in the history.
Example: `memory = Memory(History(file)); audit_window(..., replace(settings, keep=memory.take)); memory.store(report)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from egressaudit import __version__
from egressaudit.findings.fingerprints import flow_fingerprint
from egressaudit.findings.kept_reports import kept_report
from egressaudit.history.stored_runs import History
from egressaudit.judge.answers import Answers, facts_of
from egressaudit.judge.groups import Ruling
from egressaudit.mesh import Trust
from egressaudit.mesh.trust import KINDS
from egressaudit.model import AuditReport, Outcome
from egressaudit.model.group_facts import JudgedFacts, RunSummary
from egressaudit.model.kept import KeptReport


class Memory:
    """One audit on its way into a history."""

    def __init__(self, history: History, trust: Trust) -> None:
        """`trust` is what the policy and --trust say."""
        self._history, self._trust = history, trust
        self.judged: tuple[JudgedFacts, ...] = ()

    def take(self, rulings: Sequence[Ruling], answers: Answers, hosts_at: Mapping[str, Sequence[str]]) -> None:
        """All groups as they were judged, before those with the same verdict are merged."""
        self.judged = tuple(
            JudgedFacts(
                facts=facts_of(each.judged.group, answers, hosts_at),
                outcome=each.judged.outcome,
                code=each.code,
                waived=each.judged.outcome is Outcome.FAIL and each.judged.decision.waived is not None,
                flow=flow_fingerprint(each.judged),
            )
            for each in rulings
        )

    def before(self, report: AuditReport) -> KeptReport | None:
        """The run before this report in the history; None if this cluster has none."""
        return self._history.before(report.window, report.made_from.cluster_uid)

    def store(self, report: AuditReport) -> int:
        """Store the run; its number in the history. BadHistory, OutputFailed."""
        return self._history.add(_summary(report, self._trust), kept_report(report), self.judged)


def vouched(trust: Trust) -> tuple[str, ...]:
    """What a trust says, one text each: `named egress/gw` for a gateway that a policy names as a way out."""
    named = [f"named {each}" for each in trust.named_gateways | trust.named_waypoints]
    listed = [f"{kind} {each}" for kind, reporter in KINDS.items() for each in trust.listed(reporter)]
    return tuple(sorted((*named, *listed, *(f"outside {each}" for each in trust.outside))))


def _summary(report: AuditReport, trust: Trust) -> RunSummary:
    counted = [each for each in report.findings if each.waived is None]
    coverage = report.coverage
    return RunSummary(
        number=0,
        created=report.run.created or datetime.now(UTC),
        start=report.window.start,
        end=report.window.end,
        outcome=report.outcome,
        policy=report.policy,
        policy_digest=report.policy_digest,
        cluster_uid=report.made_from.cluster_uid,
        version=__version__,
        fraction=coverage.fraction if coverage.expected else None,
        groups=len(report.judged),
        findings=len(report.findings),
        violations=sum(each.outcome is Outcome.FAIL for each in counted),
        unproven=sum(each.outcome is Outcome.INCONCLUSIVE and each.judged is None for each in counted),
        trusted=vouched(trust),
    )
