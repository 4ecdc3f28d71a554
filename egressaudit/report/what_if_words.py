"""What another policy would make of flows, in words for all reports that people read.

In: a `WhatIfReport`. Out: its last line, e.g. `FAIL: 2 workloads would break, 1 would still escape; 365 runs`.
"""

from __future__ import annotations

from egressaudit.model.what_if import WhatIfReport, WhatIfRow, WouldBe
from egressaudit.report.wording import counted

TITLES = {
    WouldBe.BREAKS: "WOULD BREAK",
    WouldBe.ESCAPES: "WOULD STILL ESCAPE",
    WouldBe.UNPROVEN: "WOULD NO LONGER BE PROVEN",
    WouldBe.SETTLED: "WOULD BE SETTLED",
}
"""The heading over the flows of each kind; what would stay the same is only counted."""


def senders(report: WhatIfReport, would: WouldBe) -> int:
    """How many workloads have such flows."""
    return len({each.subject for each in report.rows if each.would is would})


def what_if_line(report: WhatIfReport) -> str:
    """The outcome in words with its counts."""
    breaks, escapes = (senders(report, each) for each in (WouldBe.BREAKS, WouldBe.ESCAPES))
    said = f"{counted(breaks, 'workload')} would break, {escapes} would still escape"
    gaps = f", {report.incomplete} with gaps in their evidence" if report.incomplete else ""
    return f"{report.outcome}: {said}; {counted(report.runs, 'run')} judged again by policy {report.policy}{gaps}"


def verdicts(row: WhatIfRow) -> str:
    """Both verdicts: `PASS then, FAIL EA104 now`."""
    before = f"{row.before or 'not judged'}{' waived' if row.was_waived else ''}"
    after = " ".join((str(row.after or "not judged"), row.code)).strip()
    return f"{before} then, {after}{' waived' if row.waived else ''} now"


def what_if_place(row: WhatIfRow) -> str:
    """Where it went, and which way: `docs.example.com:443 via-gateway egress/gw`."""
    host = row.host if row.port is None else f"{f'[{row.host}]' if ':' in row.host else row.host}:{row.port}"
    return " ".join((host, row.path.value, *map(str, row.via)))
