"""The report of `audit` as a page: `egressaudit audit ... -o html=report.html`.

In: an `AuditReport`. Out: an HTML file that shows the outcome, what is wrong by cause, the flows as a picture, their
time, and tables of all of it. `egressaudit.report.html` says how it is made.
"""

from __future__ import annotations

from typing import BinaryIO

from egressaudit.model import AuditReport
from egressaudit.report.html.audit_data import audit_data
from egressaudit.report.html.audit_facts import audit_facts
from egressaudit.report.html.page_file import page
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen


def _write(report: AuditReport, out: BinaryIO, screen: Screen) -> None:
    """The page. A view leaves out findings, and the page says how many; the outcome and the counts stay."""
    findings = [each for each in report.findings if screen.view.shows(each)]
    out.write(page("audit.html.jinja", audit_facts(report, findings, screen.view), audit_data(report, findings)))


def _error(message: str, hint: str) -> bytes:
    """A page that says that no audit was performed, and why."""
    return page("not_performed.html.jinja", {"message": message, "hint": hint})


AUDIT = ReportWriter(_write, _error)
