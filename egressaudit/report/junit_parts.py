"""The parts of every JUnit XML report: cases, suites, and the whole file.

In: an outcome and its words. Out: a `TestCase`, with a `failure` for FAIL, an `error` for INCONCLUSIVE, and `skipped`
for what is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from egressaudit.model import Outcome
from egressaudit.report.safe import printable


def not_performed(message: str, hint: str) -> bytes:
    """One case in error: a CI that collects this file must not find it missing or empty."""
    case = TestCase(name="egressaudit", classname="egressaudit")
    error = Error(printable(message), "no audit was performed")
    error.text = printable(hint)
    case.result = [error]
    return whole_document(one_suite("egressaudit", [case]))


def whole_document(*suites: TestSuite) -> bytes:
    """The file with these suites."""
    document = JUnitXml("egressaudit")
    for suite in suites:
        document.add_testsuite(suite)
    written: bytes = document.tostring()
    return written if written.endswith(b"\n") else written + b"\n"


def one_suite(name: str, cases: Iterable[TestCase], properties: Iterable[tuple[str, str]] = ()) -> TestSuite:
    """A suite of these cases. The properties of a whole report are the first suite's: a file has none of its own."""
    suite = TestSuite(name)
    # First, as the schemas of JUnit's readers have it.
    for key, value in properties:
        suite.add_property(key, value)
    suite.add_testcases(list(cases))
    return suite


def one_case(
    name: str, classname: str, outcome: Outcome | None, message: str, body: Sequence[str], sort: str = ""
) -> TestCase:
    """`outcome` None is `skipped`: neither success nor failure. `sort` is the result's `type`, else the outcome."""
    case = TestCase(name=printable(name), classname=printable(classname))
    text = "\n".join(map(printable, body))
    if outcome is Outcome.PASS:
        case.system_out = text
        return case
    kinds = {Outcome.FAIL: Failure, Outcome.INCONCLUSIVE: Error, None: Skipped}
    result = kinds[outcome](printable(message), sort or str(outcome or "not judged"))
    result.text = text
    case.result = [result]
    return case
