"""The bypass battery in JUnit XML: closed is success, open a failure, not provable an error, not tried is skipped.

In: a `BypassReport`. Out: a case for each attempt, e.g. `EB01 address: the host's address instead of its name`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from junitparser import TestCase

from egressaudit.model import Attempted, BypassReport, BypassStanding, MatrixCell, Outcome
from egressaudit.report.bypass_words import attempt_lines
from egressaudit.report.junit_parts import one_case
from egressaudit.report.wording import verdict_lines

_OUTCOMES = {
    BypassStanding.OPEN: Outcome.FAIL,
    BypassStanding.NOT_PROVABLE: Outcome.INCONCLUSIVE,
    BypassStanding.CLOSED: Outcome.PASS,
    BypassStanding.NOT_TRIED: None,
}


def attempt_cases(report: BypassReport, asked: Iterable[MatrixCell]) -> Iterator[TestCase]:
    """A case for each attempt, in the order of the catalogue. No two batteries have cases of one name.

    Some readers of JUnit keep only the first of several cases with one name: a way that is open could be lost.
    """
    there = (cell.source for cell in asked if (cell.pod, cell.target) == (report.source, report.target))
    source = next(there, str(report.source))
    for each in report.attempts:
        yield _case(each, report, source)


def _case(attempt: Attempted, report: BypassReport, source: str) -> TestCase:
    verdict = attempt.verdict
    body = [f"{label}: {sentence}" for label, sentence in attempt_lines(attempt)]
    case = one_case(
        f"{attempt.code} {attempt.name}: {attempt.title} ({report.target})",
        f"egressaudit.bypass.{source.replace('/', '.')}",
        _OUTCOMES[attempt.standing],
        attempt.because,
        [*body, *(verdict_lines(verdict) if verdict is not None else ())],
        sort=attempt.standing.value,
    )
    if verdict is not None:
        case.time = (verdict.flow.probe.ended - verdict.flow.probe.started).total_seconds()
    return case
