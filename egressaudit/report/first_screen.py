"""What decides, on one screen: the outcome's reasons, coverage, counts by severity and control, what changed.

In: an `AuditReport`. Out: words for text, Markdown and JUnit, e.g. the row
`FAIL  88: 88 high; EA101 25, EA104 17, EA102 15, EA103 15, EA105 12, EA106 4`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from egressaudit.model import AuditReport, Coverage, Finding, Outcome, Severity
from egressaudit.report.finding_block import title_of
from egressaudit.report.wording import counted, coverage_words, not_logging, percent, tally
from egressaudit.times import rfc3339

WORST = 10
"""Groups of findings that are named."""
_ROWS = {"FAIL": "violations", "INCONCLUSIVE": "unproven", "waived": "waived", "INFO": "notes"}
"""What findings that count so are called in the first line, too."""
_CONTROLS = 6
"""Codes of a row, those of most findings."""


def summary(report: AuditReport) -> Iterator[tuple[str, str]]:
    """Label and words: why nothing is proven, coverage, what no log shows, the window, what changed, the counts."""
    if report.outcome is Outcome.INCONCLUSIVE:
        yield "why", "; ".join(reasons(report))
    coverage = report.coverage
    read = f"{coverage.read} of {counted(coverage.expected, 'expected log')} read"
    yield (
        "coverage",
        f"{percent(coverage.fraction)} of log time, {read}" if coverage.expected else coverage_line(coverage),
    )
    yield "not covered", f"{', '.join(_unseen(report)) or 'nothing that can be counted'}; the list is at the end"
    policy = f"policy {report.policy}" if report.policy else "no policy"
    yield "window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}; {policy}"
    if report.drift is not None:
        # Import here: an audit that is compared with none does not wait for it.
        from egressaudit.report.drift_words import drift_line

        yield "changed", drift_line(report.drift)
    yield from _counts(report)


def reasons(report: AuditReport) -> Iterator[str]:
    """Why a report is INCONCLUSIVE: no flow has a PASS, or what is not proven, by control."""
    if not tally(report).proven_groups:
        yield "nothing is proven: no flow is a PASS"
    unproven = Counter(
        each.code for each in report.findings if each.waived is None and each.outcome is Outcome.INCONCLUSIVE
    )
    yield from (f"{title_of(code)} ({code}: {number})" for code, number in unproven.most_common())


def coverage_line(coverage: Coverage) -> str:
    """How much of the logs that there should be was read."""
    unexpected = sum(each.read and not each.expected for each in coverage.sources)
    more = f", {unexpected} more that nothing expects" if unexpected else ""
    read = f"{coverage.read} of {counted(coverage.expected, 'expected log')} read{more}"
    return f"{coverage_words(coverage)}; {read}"


def _unseen(report: AuditReport) -> Iterator[str]:
    """What the outcome says nothing about, as counts; the end of a report has the sentences."""
    coverage, lines = report.coverage, report.coverage.lines
    silent = sum(not_logging(each.kind) for each in coverage.blind_spots)
    counts = [
        (len(coverage.blind_spots) - silent, "blind spot", ""),
        (silent, "log off or filtered", "logs off or filtered"),
        (lines.unclean, "line not clean", "lines not clean"),
        (lines.unparsed, "not parsed", "not parsed"),
        (len(coverage.broken), "broken log", ""),
        (sum(coverage.skipped.values()), "file passed over", "files passed over"),
        (len(report.not_asked), "other gap", ""),
    ]
    return (counted(number, noun, nouns) for number, noun, nouns in counts if number)


def _counts(report: AuditReport) -> Iterator[tuple[str, str]]:
    rows: dict[str, list[Finding]] = {label: [] for label in _ROWS}
    for each in report.findings:
        rows[label_of(each.outcome, waived=each.waived is not None)].append(each)
    for label, findings in rows.items():
        if findings:
            severities = Counter(each.severity for each in findings)
            severe = ", ".join(f"{severities[each]} {each}" for each in Severity if severities[each])
            codes = Counter(each.code for each in findings).most_common()
            more = len(codes) - _CONTROLS
            shown = [f"{code} {number}" for code, number in codes[:_CONTROLS]]
            shown += [f"and {more} more controls"] if more > 0 else []
            yield _ROWS[label], f"{severe}; {', '.join(shown)}"


def label_of(outcome: Outcome | None, *, waived: bool) -> str:
    """How findings count: FAIL, INCONCLUSIVE, INFO or waived."""
    if waived:
        return "waived"
    return outcome.value if outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE) else "INFO"
