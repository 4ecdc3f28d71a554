"""JUnit XML of `audit`: a case for what fails, totals for what does not, so that it stays readable in CI.

In: an `AuditReport`. Out: first a case with the outcome of the whole report, then one for each rule, workload and host
that fails, under the same name in every run, and one for each finding that is about no flow. Example: the case
`docs: docs.example.com` of `egressaudit.shop.Deployment/cart` is what this workload sent to that host, by rule `docs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from junitparser import TestCase

from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import AuditReport, Finding, Judged, Outcome
from egressaudit.report.cause_words import cause_words
from egressaudit.report.explained import Explanations, explanations
from egressaudit.report.finding_block import EVIDENCE, in_one_line, several
from egressaudit.report.first_screen import WORST, summary
from egressaudit.report.identity_words import identity_properties
from egressaudit.report.junit_parts import not_performed, one_case, one_suite, whole_document
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.shown_groups import ShownGroups, shown_groups
from egressaudit.report.totals import MAX_LISTED
from egressaudit.report.wording import (
    CONFIGURATION,
    RAW_LIMIT,
    counted,
    evidence_place,
    expected_words,
    flows_words,
    last_line,
    not_covered,
    outcome_words,
    source_state,
    troubled,
    waiver,
)

_NAMED = 20
"""Logs and blind spots that are named; JSON has all."""
_BAD = (Outcome.FAIL, Outcome.INCONCLUSIVE)
_SAID = ("cause", "or", "fix", "at")
"""What a case says of its causes; the first case of a cause has lines of logs as well."""


def _write(report: AuditReport, out: BinaryIO, screen: Screen) -> None:
    """Suites `coverage`, `flows` and, for what is not about flows, `findings`."""
    known = explanations(report)
    shown = shown_groups(report, known, screen.view)
    wanted = EVIDENCE if screen.view.evidence is None else screen.view.evidence
    words = _Words(known, {id(each.findings[0]): wanted for each in shown.groups})
    seen = {id(each) for group in shown.groups for each in group.findings}
    out.write(
        whole_document(
            one_suite("egressaudit.coverage", _coverage_cases(report, shown), identity_properties(report)),
            one_suite("egressaudit.flows", _flow_cases(report, seen, words)),
            one_suite("egressaudit.findings", _finding_cases(report, seen, words)),
        )
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """What the cases say of findings."""

    known: Explanations
    first: dict[int, int]
    """The first finding of each cause, by its identity, and how many lines of logs it shows."""

    def of(self, finding: Finding, *, alone: bool = True) -> Iterator[str]:
        """A few lines about a finding: enough to act on it without another file. Alone, the case has its message."""
        yield f"{finding.code} {finding.severity}" if alone else f"{finding.code} {finding.severity}: {finding.message}"
        if finding.judged is not None:
            yield f"seen: {flows_words(finding.judged.group)}"
            yield f"expected: {expected_words(finding.judged.decision)}"
        yield from _causes(finding)
        if finding.waived is not None:
            yield f"waived until {finding.waived.expires}: {finding.waived.reason}"
        others = self.known.of((finding,))
        if others:
            yield f"explained by {several(f'{each.code} {each.subject}' for each in others)}"
        if finding.evidence:
            total = counted(max(finding.evidence_total, len(finding.evidence)), "line")
            yield f"evidence, {total}: {several(map(evidence_place, finding.evidence), EVIDENCE)}"
        for each in finding.evidence[: self.first.get(id(finding), 0)]:
            yield f"  {printable(each.raw, RAW_LIMIT)}"


def _causes(finding: Finding) -> Iterator[str]:
    for label, said in cause_words(finding.causes):
        first = finding.causes[0]
        known = label == "cause" and all(each in finding.message for each in first.because)
        if label in _SAID:
            yield f"cause: {first.code} {first.cause.title}" if known else f"{label}: {said}"
    if not finding.causes:
        yield from (f"→ {each}" for each in finding.advice)


def _coverage_cases(report: AuditReport, shown: ShownGroups) -> Iterator[TestCase]:
    said = [f"{label}: {words}" for label, words in summary(report)]
    said += [f"{len(each.findings)} {each.code} {each.severity} {in_one_line(each)}" for each in shown.groups[:WORST]]
    said += [f"not covered: {sentence}" for sentence in not_covered(report)]
    line = last_line(report)
    yield one_case("outcome of the window", "egressaudit.coverage", report.outcome, line, [line, *said])
    if shown.left_out:
        yield one_case("not shown", "egressaudit.coverage", None, shown.left_out, [shown.left_out])
    sources = report.coverage.sources
    wrong = sorted((each for each in sources if troubled(each)), key=lambda each: not each.critical)
    if len(wrong) < len(sources):
        words = f"{counted(len(sources) - len(wrong), 'log')} without a problem"
        yield one_case("logs without problems", "egressaudit.coverage.logs", Outcome.PASS, words, [words])
    if wrong:
        # Their gravity is a finding's to say; here they must only not look like logs that are all right.
        names = [f"{each.name}: {source_state(each)}{''.join(f'; {said}' for said in each.problems)}" for each in wrong]
        words = f"{len(wrong)} of {counted(len(sources), 'log')} with problems"
        yield one_case("logs with problems", "egressaudit.coverage.logs", None, words, _some(names))
    kinds: dict[str, list[str]] = {}
    for spot in report.coverage.blind_spots:
        kinds.setdefault(spot.kind, []).append(f"{spot.subject} {spot.workload}: {blind_spot_words(spot)}")
    for kind, spots in kinds.items():
        words = counted(len(spots), "blind spot")
        yield one_case(kind, "egressaudit.coverage.blind", None, words, _some(spots))


def _some(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _NAMED
    return [*texts[:_NAMED], *((f"and {more} more, all in -o json",) if more > 0 else ())]


@dataclass(slots=True)
class _Cell:
    """Everything that is said about one rule, workload and host."""

    judged: list[Judged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def outcome(self) -> Outcome | None:
        """The most severe that is not waived; None if there is nothing to judge or all of it is waived."""
        waived = {_flow(each.judged) for each in self.findings if each.waived is not None and each.judged is not None}
        counting = [each.outcome for each in self.findings if each.waived is None]
        counting += [each.outcome for each in self.judged if waiver(each) is None and _flow(each) not in waived]
        return next((each for each in (*_BAD, Outcome.PASS) if each in counting), None)


_Key = tuple[str, str, str, str]
"""Rule, namespace, workload, host."""


def _flow_cases(report: AuditReport, seen: set[int], words: _Words) -> Iterator[TestCase]:
    """A case for each cell that is bad or waived, and the others as totals if they are many."""
    cells: dict[_Key, _Cell] = {}
    for each in report.judged:
        cells.setdefault(_key(each), _Cell()).judged.append(each)
    for finding in report.findings:
        if finding.judged is not None:
            cells.setdefault(_key(finding.judged), _Cell()).findings.append(finding)
    quiet: dict[tuple[str, Outcome | None], list[_Cell]] = {}
    listed = len(cells) <= MAX_LISTED
    for key, cell in cells.items():
        outcome = cell.outcome()
        if listed or outcome in _BAD or any(each.waived for each in cell.findings):
            if not cell.findings or any(id(each) in seen for each in cell.findings):
                yield _cell_case(key, cell, seen, words)
        else:
            quiet.setdefault((key[0], outcome), []).append(cell)
    for (rule, outcome), others in sorted(quiet.items(), key=str):
        yield _total_case(rule, outcome, others)


def _cell_case(key: _Key, cell: _Cell, seen: set[int], words: _Words) -> TestCase:
    rule, namespace, workload, host = key
    shown = [each for each in cell.findings if id(each) in seen]
    told = {_flow(each.judged) for each in shown if each.judged is not None}
    said = [
        f"{outcome_words(each)}: {flows_words(each.group)}: {each.because}"
        for each in cell.judged
        if _flow(each) not in told
    ]
    body = [*said, *(line for each in shown for line in words.of(each, alone=len(shown) == 1))]
    reasons = [each.message for each in shown] or [each.because for each in cell.judged]
    classname = f"egressaudit.{namespace}.{workload}" if workload else "egressaudit.(unknown)"
    return one_case(f"{rule or CONFIGURATION}: {host}", classname, cell.outcome(), several(reasons), body)


def _total_case(rule: str, outcome: Outcome | None, cells: Sequence[_Cell]) -> TestCase:
    groups = [each.group for cell in cells for each in cell.judged]
    flows = counted(sum(each.flows for each in groups), "flow")
    senders = counted(len({each.subject for each in groups}), "workload")
    what = "as expected" if outcome is Outcome.PASS else "not judged"
    words = f"{flows} of {senders} to {counted(len({each.host for each in groups}), 'host')}, {what}"
    return one_case(f"{rule or CONFIGURATION}: {what}", "egressaudit.flows", outcome, words, [words])


def _flow(judged: Judged) -> tuple[object, ...]:
    """What tells the groups of one cell apart."""
    group = judged.group
    return group.port, group.path, group.reason, group.via, group.confidence, group.scheme, judged.outcome


def _key(judged: Judged) -> _Key:
    return (judged.decision.rule, judged.group.namespace, judged.group.workload, judged.group.host)


def _finding_cases(report: AuditReport, seen: set[int], words: _Words) -> Iterator[TestCase]:
    """A case for all that one code says of one subject and that counts or is waived, and one for a code's notes."""
    cases: dict[tuple[str, str], list[Finding]] = {}
    notes: dict[str, list[Finding]] = {}
    for each in report.findings:
        if each.judged is not None or id(each) not in seen:
            continue
        if each.waived is None and each.outcome not in _BAD:
            notes.setdefault(each.code, []).append(each)
        else:
            cases.setdefault((each.code, each.subject), []).append(each)
    for (code, subject), findings in cases.items():
        outcomes = [each.outcome for each in findings if each.waived is None]
        outcome = next((each for each in _BAD if each in outcomes), None)
        body = [line for each in findings for line in words.of(each, alone=len(findings) == 1)]
        message = several(each.message for each in findings)
        yield one_case(f"{code} {subject}", f"egressaudit.{code}", outcome, message, body)
    for code, findings in notes.items():
        said = _some([f"{each.subject}: {each.message}" for each in findings])
        message = f"{counted(len(findings), 'note')}, no effect on the outcome"
        yield one_case(f"{code} notes", f"egressaudit.{code}", None, message, said)


AUDIT = ReportWriter(_write, not_performed)
