"""The report as JUnit XML: one test case for each verdict, with the evidence inside the failure."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from egressaudit.model import Outcome, Verdict, VerifyReport
from egressaudit.report.safe import printable
from egressaudit.report.verify_text import evidence_lines


def render_junit(report: VerifyReport) -> str:
    """A `failure` for FAIL, an `error` for INCONCLUSIVE: no consumer takes either for success."""
    suite = TestSuite("egressaudit")
    for verdict in report.verdicts:
        suite.add_testcase(_case(verdict))
    return _written(suite)


def render_junit_error(message: str, hint: str) -> str:
    """One test case in error: a CI that collects this file must not find it missing or empty."""
    suite = TestSuite("egressaudit")
    case = TestCase(name="egressaudit", classname="egressaudit")
    error = Error(printable(message), "no audit was performed")
    error.text = printable(hint)
    case.result = [error]
    suite.add_testcase(case)
    return _written(suite)


def _written(suite: TestSuite) -> str:
    document = JUnitXml("egressaudit")
    document.add_testsuite(suite)
    text = str(document.tostring().decode("utf-8"))
    return text if text.endswith("\n") else text + "\n"


def _case(verdict: Verdict) -> TestCase:
    probe = verdict.flow.probe
    case = TestCase(
        name=printable(f"{probe.target} {verdict.expectation.path}"),
        classname=printable(f"egressaudit.{probe.source.namespace}.{probe.source.name}"),
        time=(probe.ended - probe.started).total_seconds(),
    )
    body = "\n".join(evidence_lines(verdict))
    match verdict.outcome:
        case Outcome.PASS:
            case.system_out = body
        case Outcome.FAIL:
            failure = Failure(printable(verdict.reason), verdict.path_seen.value)
            failure.text = body
            case.result = [failure]
        case Outcome.INCONCLUSIVE:
            error = Error(printable(verdict.reason), verdict.path_seen.value)
            error.text = body
            case.result = [error]
    return case
