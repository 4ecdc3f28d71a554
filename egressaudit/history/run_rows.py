"""Runs, findings, flows and logs as rows of a history, and back.

In: e.g. a `KeptFinding`. Out: its row in `findings`; back, the finding again. One of `NOT_OURS` for a row that
nothing here has written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from egressaudit.model import Outcome, Path, Reporter, Severity
from egressaudit.model.group_facts import JudgedFacts, RunSummary
from egressaudit.model.kept import KeptFinding, KeptFlow, KeptLog

NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a row gives that nothing here has written."""


def run_row(summary: RunSummary, run: int) -> tuple[object, ...]:
    """A run, as a row of `runs`; it gets this number."""
    return (
        run,
        _naive(summary.created),
        _naive(summary.start),
        _naive(summary.end),
        summary.outcome.value,
        summary.policy,
        summary.policy_digest,
        summary.cluster_uid,
        summary.version,
        summary.fraction,
        summary.groups,
        summary.findings,
        summary.violations,
        summary.unproven,
        list(summary.trusted),
    )


def summary_from(row: Sequence[Any]) -> RunSummary:
    """A run, from all columns of `runs`."""
    run, created, start, end, outcome, *texts, fraction, groups, findings, violations, unproven, trusted = row
    policy, policy_digest, cluster_uid, version = map(text_of, texts)
    return RunSummary(
        number=int(run),
        created=aware(created),
        start=aware(start),
        end=aware(end),
        outcome=Outcome(outcome),
        policy=policy,
        policy_digest=policy_digest,
        cluster_uid=cluster_uid,
        version=version,
        fraction=fraction,
        groups=int(groups),
        findings=int(findings),
        violations=int(violations),
        unproven=int(unproven),
        trusted=tuple(map(text_of, trusted)),
    )


def seen_row(run: int, shape: int, judged: JudgedFacts) -> tuple[object, ...]:
    """That a run saw a shape, as a row of `seen`."""
    group = judged.facts.group
    outcome = None if judged.outcome is None else judged.outcome.value
    return run, shape, group.flows, _naive(group.first), _naive(group.last), outcome, judged.code, judged.waived


def finding_row(run: int, finding: KeptFinding) -> tuple[object, ...]:
    """A finding, as a row of `findings`."""
    return (
        run,
        finding.fingerprint,
        finding.code,
        finding.severity.value,
        None if finding.outcome is None else finding.outcome.value,
        finding.waived,
        finding.subject,
        finding.message,
        finding.about,
        "" if finding.flow is None else finding.flow.fingerprint,
        finding.log,
    )


def finding_from(row: Sequence[Any], flows: Mapping[str, KeptFlow]) -> KeptFinding:
    """A finding, from the columns of `findings` without the run, `waived` and `flow` last; `flows` are its run's."""
    fingerprint, code, severity, outcome, subject, message, about, log, waived, flow = row
    return KeptFinding(
        fingerprint=text_of(fingerprint),
        code=text_of(code),
        severity=Severity(severity),
        outcome=None if outcome is None else Outcome(outcome),
        subject=text_of(subject),
        message=text_of(message),
        about=text_of(about),
        log=text_of(log),
        waived=bool(waived),
        flow=flows.get(flow),
    )


def flow_from(row: Sequence[Any]) -> KeptFlow:
    """A flow, from columns of `seen` and `shapes`."""
    fingerprint, namespace, workload, host, port, path, via, mode, outcome, waived = row
    return KeptFlow(
        fingerprint=text_of(fingerprint),
        namespace=text_of(namespace),
        workload=text_of(workload),
        host=text_of(host),
        port=port,
        path=Path(path),
        via=tuple(map(text_of, via)),
        ambient=mode == "ambient",
        outcome=None if outcome is None else Outcome(outcome),
        waived=bool(waived),
    )


def log_row(run: int, log: KeptLog) -> tuple[object, ...]:
    """A log, as a row of `logs`."""
    reporter = None if log.reporter is None else log.reporter.value
    return run, log.name, log.workload, reporter, log.read, log.whole, log.throughout


def aware(moment: datetime) -> datetime:
    """A time of the file: all of them are UTC."""
    return moment.replace(tzinfo=UTC)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def text_of(value: object) -> str:
    """The value if it is text; TypeError if not."""
    if isinstance(value, str):
        return value
    raise TypeError(value)


def log_from(row: Sequence[Any]) -> KeptLog:
    """A log, from the columns of `logs` without the run."""
    name, workload, reporter, read, whole, throughout = row
    kind = None if reporter is None else Reporter(reporter)
    return KeptLog(text_of(name), text_of(workload), kind, bool(read), bool(whole), bool(throughout))
