"""What is kept of a report, to compare a later one with it.

In: an `AuditReport`. Out: a `KeptReport`, e.g. with a `KeptFlow` for each group of flows.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from egressaudit.findings.evidence.outside_capture import which_part
from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.findings.stable_names import stable_workload
from egressaudit.model import AuditReport, Coverage, DataplaneMode, Finding, Judged, Outcome, SourceCoverage, Window
from egressaudit.model.kept import KeptCoverage, KeptFinding, KeptFlow, KeptLog, KeptReport

_SLACK = 1.0
"""Seconds by which a proxy may be younger than the window: statuses have whole seconds."""


def kept_report(report: AuditReport, name: str = "") -> KeptReport:
    """What is kept of a report; `name` is what it will be called."""
    logs = {each.name for each in report.coverage.sources}
    return KeptReport(
        name=name,
        window=report.window,
        outcome=report.outcome,
        policy=report.policy,
        policy_digest=report.policy_digest,
        cluster_uid=report.made_from.cluster_uid,
        findings=tuple(_finding(each, logs) for each in report.findings),
        flows=tuple(map(_flow, report.judged)),
        coverage=_coverage(report.coverage, report.window),
    )


def log_of(subject: str, about: str, logs: AbstractSet[str]) -> str:
    """The stable name of the log that a finding is about; '' if it is about none of these."""
    return about.partition(": ")[0] if subject in logs else ""


def _flow(judged: Judged) -> KeptFlow:
    group = judged.group
    return KeptFlow(
        fingerprint=flow_fingerprint(judged),
        namespace=group.namespace,
        workload=group.workload,
        host=group.host,
        port=group.port,
        path=group.path,
        via=tuple(map(str, group.via)),
        ambient=group.mode is DataplaneMode.AMBIENT,
        outcome=judged.outcome,
        waived=judged.outcome is Outcome.FAIL and judged.decision.waived is not None,
    )


def _finding(finding: Finding, logs: AbstractSet[str]) -> KeptFinding:
    return KeptFinding(
        fingerprint=fingerprint_of(finding),
        code=finding.code,
        severity=finding.severity,
        outcome=finding.outcome,
        subject=finding.subject,
        message=finding.message,
        about=finding.about,
        waived=finding.waived is not None,
        flow=None if finding.judged is None else _flow(finding.judged),
        log=log_of(finding.subject, finding.about, logs),
    )


def _coverage(coverage: Coverage, window: Window) -> KeptCoverage:
    seconds = (window.end - window.start).total_seconds()
    return KeptCoverage(
        fraction=coverage.fraction if coverage.expected else None,
        logs=tuple(_log(each, seconds) for each in coverage.sources if each.expected),
        unlogged=frozenset(_unlogged(coverage)),
        left_out=coverage.left_out,
    )


def _log(source: SourceCoverage, seconds: float) -> KeptLog:
    lines = source.lines
    unjudged = source.unproven or lines.unparsed or lines.unclean
    return KeptLog(
        name=f"{source.workload or source.name.rpartition('/')[0]}/{source.name.rpartition('/')[2]}",
        workload=source.workload,
        reporter=source.reporter,
        read=source.read,
        whole=source.read and not source.gaps and not unjudged and source.covered_seconds >= source.expected_seconds,
        throughout=source.expected_seconds >= seconds - _SLACK,
    )


def _unlogged(coverage: Coverage) -> Iterator[tuple[str, str]]:
    for each in coverage.blind_spots:
        namespace = each.subject.partition("/")[0]
        workload = f"{namespace}/{stable_workload(each.workload)}" if each.workload else ""
        yield workload, which_part(each)
