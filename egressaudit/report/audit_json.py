"""JSON of the report of `audit` (docs/audit-reports.md); `audit_document` is the schema.

In: an `AuditReport`. Out: one JSON object in ASCII, its keys in the order of the schema, a line for each finding and
each group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

from egressaudit import __version__
from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.model import AuditReport, Coverage, Evidence, Finding, Judged, MadeFrom, Run, SourceCoverage, Waived
from egressaudit.report.audit_document import (
    AuditDocument,
    Covered,
    FindingRow,
    FlowRow,
    Line,
    Policy,
    Source,
    Summary,
    Unseen,
    Waiver,
)
from egressaudit.report.document_parts import (
    CauseRow,
    Failure,
    Lines,
    MadeFromPart,
    NetworkRow,
    Part,
    RunPart,
    Span,
    Tool,
)
from egressaudit.report.drift_document import DriftPart
from egressaudit.report.hop_row import json_line
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED, not_covered, tally, waiver
from egressaudit.times import rfc3339


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    """Findings and groups are written as they come.

    A workload can make as many groups as it finds names to ask for, so memory must not grow with them.
    """
    arrays: Mapping[str, Iterator[Part]] = {
        "findings": map(_finding, report.findings),
        "flows": map(flow_row, report.judged),
    }
    for number, (key, value) in enumerate(_head(report).model_dump(mode="json").items()):
        out.write(f"{',' if number else '{'}\n  {json.dumps(key)}: ".encode())
        if key not in arrays:
            out.write(json.dumps(value, indent=2, allow_nan=False).replace("\n", "\n  ").encode())
            continue
        before = "["
        for each in arrays[key]:
            out.write(f"{before}\n    {json_line(each.model_dump(mode='json')).rstrip()}".encode())
            before = ","
        out.write(b"[]" if before == "[" else b"\n  ]")
    out.write(b"\n}\n")


def _head(report: AuditReport) -> AuditDocument:
    """The document without its findings and flows."""
    counts = tally(report)
    return AuditDocument(
        tool=Tool(version=__version__),
        run=RunPart.of(report.run),
        made_from=MadeFromPart.of(report.made_from),
        outcome=report.outcome,
        error=None,
        window=Span.of(report.window),
        policy=Policy(name=report.policy, sha256=report.policy_digest) if report.policy else None,
        summary=Summary(
            violations=counts.violations,
            unproven=counts.unproven,
            waived=counts.waived,
            informational=counts.informational,
            flows_proven=counts.proven_flows,
            groups=len(report.judged),
        ),
        coverage=_coverage(report.coverage),
        not_covered=not_covered(report),
        trusted=report.trusted,
        findings=(),
        flows=(),
        internal_flows=report.internal,
        ignored_lines=_sorted(report.ignored),
        notes=report.notes,
        drift=None if report.drift is None else DriftPart.of(report.drift),
    )


def _error(message: str, hint: str) -> bytes:
    """The same schema with `error` and nothing else: nothing that a reader could take for a result."""
    nothing = Summary(violations=0, unproven=0, waived=0, informational=0, flows_proven=0, groups=0)
    document = AuditDocument(
        tool=Tool(version=__version__),
        run=RunPart.of(Run()),
        made_from=MadeFromPart.of(MadeFrom()),
        outcome=NOT_PERFORMED,
        error=Failure(message=message, hint=hint),
        window=None,
        policy=None,
        summary=nothing,
        coverage=_coverage(Coverage()),
        not_covered=("Everything: no audit was performed.",),
        trusted=(),
        findings=(),
        flows=(),
        internal_flows=0,
        ignored_lines={},
        notes=(),
        drift=None,
    )
    return (json.dumps(document.model_dump(mode="json"), indent=2) + "\n").encode()


def _coverage(coverage: Coverage) -> Covered:
    return Covered(
        expected_logs=coverage.expected,
        read_logs=coverage.read,
        fraction=coverage.fraction if coverage.expected else None,
        lines=Lines.of(coverage.lines),
        sources=tuple(map(_source, coverage.sources)),
        blind_spots=tuple(
            Unseen(
                kind=each.kind,
                subject=each.subject,
                workload=each.workload,
                reason=each.reason,
                network=None if each.network is None else NetworkRow.of(each.network),
            )
            for each in coverage.blind_spots
        ),
        skipped=_sorted(coverage.skipped),
        broken=coverage.broken,
    )


def _source(source: SourceCoverage) -> Source:
    return Source(
        name=source.name,
        reporter=source.reporter,
        expected=source.expected,
        read=source.read,
        critical=source.critical,
        lines=Lines.of(source.lines),
        first=_moment(source.first) if source.first else None,
        last=_moment(source.last) if source.last else None,
        expected_seconds=source.expected_seconds,
        covered_seconds=source.covered_seconds,
        problems=source.problems,
        workload=source.workload,
    )


def flow_row(judged: Judged) -> FlowRow:
    """One judged group, as it stands in `flows` and in JSON lines."""
    group, decision = judged.group, judged.decision
    return FlowRow(
        outcome=judged.outcome,
        because=judged.because,
        namespace=group.namespace,
        workload=group.workload,
        host=group.host,
        port=group.port,
        path=group.path,
        via=tuple(map(str, group.via)),
        flows=group.flows,
        first=_moment(group.first),
        last=_moment(group.last),
        mode=group.mode,
        scheme=group.scheme,
        reason=group.reason,
        confidence=group.confidence,
        server_names=group.server_names,
        expected=decision.expected,
        expected_via=tuple(map(str, decision.via)),
        expected_because=decision.because,
        gaps=decision.fault_texts,
        rule=decision.rule,
        severity=decision.severity,
        controls=decision.controls,
        waived=_waiver(waiver(judged)),
        causes=tuple(map(CauseRow.of, judged.causes)),
        evidence=tuple(map(_line, group.evidence)),
        fingerprint=flow_fingerprint(judged),
    )


def no_flow(because: str) -> FlowRow:
    """The row of an audit that did not happen: an empty file of rows would read as "no flows"."""
    return FlowRow(outcome=NOT_PERFORMED, because=because, namespace="", workload="", host="", port=None, path=None)


def _finding(finding: Finding) -> FindingRow:
    return FindingRow(
        code=finding.code,
        severity=finding.severity,
        outcome=finding.outcome,
        confidence=finding.confidence,
        subject=finding.subject,
        message=finding.message,
        advice=finding.advice,
        rule=finding.rule,
        controls=finding.controls,
        waived=_waiver(finding.waived),
        # Its evidence and causes stand in the finding; those of the whole group would say the same again.
        flow=flow_row(finding.judged).model_copy(update={"causes": (), "evidence": ()}) if finding.judged else None,
        causes=tuple(map(CauseRow.of, finding.causes)),
        evidence_total=max(finding.evidence_total, len(finding.evidence)),
        evidence=tuple(map(_line, finding.evidence)),
        fingerprint=fingerprint_of(finding),
        about=finding.about,
    )


def _line(evidence: Evidence) -> Line:
    return Line(source=evidence.source, line=evidence.line, role=evidence.role, raw=evidence.raw)


def _waiver(waived: Waived | None) -> Waiver | None:
    return Waiver(reason=waived.reason, expires=waived.expires) if waived else None


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _moment(at: datetime) -> str:
    return rfc3339(at, "microseconds")


AUDIT = ReportWriter(_write, _error)
