"""JUnit XML: a `failure` for FAIL, an `error` for INCONCLUSIVE, so no consumer takes either for success.

In: a report. Out: for `verify` a case for each host from each source. For `audit` first a case with the outcome of the
whole report, then one for each rule, workload and host, and for each log, blind spot and finding. Waived and merely
stated things are `skipped`. Example: the case `docs: docs.example.com` is the rule `docs` and what went to that host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from junitparser import TestCase

from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import AuditReport, Finding, Judged, MatrixRow, Outcome, Verdict, VerifyReport
from egressaudit.report.bypass_junit import attempt_cases
from egressaudit.report.junit_parts import not_performed, one_case, one_suite, whole_document
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.wording import (
    CONFIGURATION,
    coverage_words,
    difference_lines,
    finding_lines,
    flows_words,
    last_line,
    not_covered,
    outcome_words,
    source_state,
    troubled,
    verdict_lines,
    views_of,
    waiver,
)


def _write_verify(report: VerifyReport, out: BinaryIO, _screen: Screen) -> None:
    """One case for each host from each source, with its evidence; and a suite for each battery of attempts."""
    cases = (_row_case(each, report) for each in report.matrix)
    batteries = (one_suite("egressaudit.bypass", attempt_cases(each, report.asked)) for each in report.bypass)
    out.write(whole_document(one_suite("egressaudit", cases), *batteries))


def _write_audit(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    """Suites `coverage`, `flows` and, for what is not about flows, `findings`."""
    others = [each for each in report.findings if each.judged is None]
    out.write(
        whole_document(
            one_suite("egressaudit.coverage", _coverage_cases(report)),
            one_suite("egressaudit.flows", _flow_cases(report)),
            one_suite("egressaudit.findings", map(_finding_case, others)),
        )
    )


def _row_case(row: MatrixRow, report: VerifyReport) -> TestCase:
    """A host from a source, under names that are the same in every run, whichever pod it was sent from."""
    cell, decisive = row.cell, row.decisive
    said = [line for verdict in row.verdicts for line in _chain_lines(row, verdict, report)]
    case = one_case(
        f"{cell.asked} (rule {cell.rule})" if cell.rule else cell.asked,
        f"egressaudit.{cell.source.replace('/', '.') or 'not-probed'}",
        None if row.waived else row.outcome,
        cell.reason or (decisive.reason if decisive else ""),
        [*([printable(cell.reason)] if cell.reason else []), *said],
        sort=decisive.path_seen.value if decisive else "not probed",
    )
    case.time = sum((each.flow.probe.ended - each.flow.probe.started).total_seconds() for each in row.verdicts)
    return case


def _chain_lines(row: MatrixRow, verdict: Verdict, report: VerifyReport) -> Iterator[str]:
    if len(row.verdicts) > 1:
        yield f"{verdict.outcome.value} {printable(str(verdict.flow.probe.target))}"
    if verdict.waived is not None:
        yield printable(f"waived until {verdict.waived.expires}: {verdict.waived.reason}")
    yield from verdict_lines(verdict)
    yield from map(printable, difference_lines(views_of(report, verdict)))


def _coverage_cases(report: AuditReport) -> Iterator[TestCase]:
    whole = [last_line(report), *(f"not covered: {sentence}" for sentence in not_covered(report))]
    yield one_case("outcome of the window", "egressaudit.coverage", report.outcome, last_line(report), whole)
    for source in report.coverage.sources:
        said = [f"{source.name}: {source_state(source)}", *source.problems]
        # Its gravity is a finding's to say; here it must only not look like a log that is all right.
        state = None if troubled(source) else Outcome.PASS
        yield one_case(f"log {source.name}", "egressaudit.coverage.logs", state, "; ".join(said), said)
    for spot in report.coverage.blind_spots:
        said = [f"{spot.subject} {spot.workload}: {blind_spot_words(spot)}", coverage_words(report.coverage)]
        name = f"{spot.kind} {spot.subject}"
        yield one_case(name, "egressaudit.coverage.blind", None, f"blind spot: {spot.reason}", said)


@dataclass(slots=True)
class _Cell:
    """Everything that is said about one rule, workload and host."""

    judged: list[Judged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def outcome(self) -> Outcome | None:
        """The gravest that is not waived; None if there is nothing to judge or all of it is waived."""
        waived = {each.judged for each in self.findings if each.waived is not None}
        counted = [each.outcome for each in self.findings if each.waived is None]
        counted += [each.outcome for each in self.judged if waiver(each) is None and each not in waived]
        return next((each for each in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS) if each in counted), None)


def _flow_cases(report: AuditReport) -> Iterator[TestCase]:
    cells: dict[tuple[str, str, str, str], _Cell] = {}
    for each in report.judged:
        cells.setdefault(_key(each), _Cell()).judged.append(each)
    for finding in report.findings:
        if finding.judged is not None:
            cells.setdefault(_key(finding.judged), _Cell()).findings.append(finding)
    for (rule, namespace, workload, host), cell in cells.items():
        said = [f"{outcome_words(each)}: {flows_words(each.group)}: {each.because}" for each in cell.judged]
        body = [*said, *(line for finding in cell.findings for line in finding_lines(finding))]
        reasons = [each.message for each in cell.findings] or [each.because for each in cell.judged]
        classname = f"egressaudit.{namespace}.{workload}" if workload else "egressaudit.(unknown)"
        yield one_case(f"{rule or CONFIGURATION}: {host}", classname, cell.outcome(), " ".join(reasons), body)


def _key(judged: Judged) -> tuple[str, str, str, str]:
    return (judged.decision.rule, judged.group.namespace, judged.group.workload, judged.group.host)


def _finding_case(finding: Finding) -> TestCase:
    outcome = None if finding.waived else finding.outcome
    name = f"{finding.code} {finding.subject}"
    return one_case(name, f"egressaudit.{finding.code}", outcome, finding.message, list(finding_lines(finding)))


VERIFY = ReportWriter(_write_verify, not_performed)
AUDIT = ReportWriter(_write_audit, not_performed)
