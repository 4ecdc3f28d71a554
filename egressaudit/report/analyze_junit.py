"""JUnit XML of `analyze`: a case for each way, a `failure` where a fault leads around it, an `error` if it is open.

In: an `AnalyzeReport`. Out: XML. Example: the case `docs.redhat.com:80 from shop (sidecar)` has a failure whose text is
the faults with their objects, files and lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from junitparser import TestCase

from egressaudit.model import Outcome
from egressaudit.model.analysis import AnalyzeReport, DeclaredWay, FoundFault
from egressaudit.report.analyze_words import NOTHING, hops_of, named, place_of, summary_line
from egressaudit.report.identity_words import identity_properties
from egressaudit.report.junit_parts import not_performed, one_case, one_suite, whole_document
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen

_MOST = 5


def _write(report: AnalyzeReport, out: BinaryIO, _screen: Screen) -> None:
    out.write(whole_document(one_suite("egressaudit.analyze", _cases(report), identity_properties(report))))


def _cases(report: AnalyzeReport) -> Iterator[TestCase]:
    """The outcome of the whole report first: a report without a way must not read as success."""
    body = [*report.undecided, *report.notes]
    yield one_case("outcome", "egressaudit.analyze", report.outcome, summary_line(report), body)
    for way in report.ways:
        yield _case(way, [report.faults[each] for each in way.found])


def _case(way: DeclaredWay, faults: list[FoundFault]) -> TestCase:
    said = [" → ".join((named(way.sources, _MOST), *hops_of(way), place_of(way))) if way.path else NOTHING]
    for each in faults:
        at = f" ({each.written})" if each.written is not None else ""
        said.append(f"{each.code} {each.fault.slug}: {each.fault.message}{at}")
    reasons = " ".join(each.fault.message for each in faults)
    message = "" if way.outcome is Outcome.PASS else reasons or NOTHING
    name = f"{place_of(way)} from {named(way.sources, _MOST)}"
    return one_case(name, f"egressaudit.{way.host}", way.outcome, message, said)


ANALYZE = ReportWriter(_write, not_performed)
