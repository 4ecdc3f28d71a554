"""JUnit XML of `verify`: a `failure` for FAIL, an `error` for INCONCLUSIVE, so no consumer takes either for success.

In: a `VerifyReport`. Out: a case for each host from each source, and a suite for each battery of attempts. Example: the
case `http://docs.redhat.com/` of `egressaudit.shop.cart` is what came of that host from this workload.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from junitparser import TestCase

from egressaudit.model import MatrixRow, Verdict, VerifyReport
from egressaudit.report.bypass_junit import attempt_cases
from egressaudit.report.identity_words import identity_properties
from egressaudit.report.junit_parts import not_performed, one_case, one_suite, whole_document
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.wording import (
    difference_lines,
    verdict_lines,
    views_of,
)


def _write_verify(report: VerifyReport, out: BinaryIO, _screen: Screen) -> None:
    """One case for each host from each source, with its evidence; and a suite for each battery of attempts."""
    cases = (_row_case(each, report) for each in report.matrix)
    batteries = (one_suite("egressaudit.bypass", attempt_cases(each, report.asked)) for each in report.bypass)
    out.write(whole_document(one_suite("egressaudit", cases, identity_properties(report)), *batteries))


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


VERIFY = ReportWriter(_write_verify, not_performed)
