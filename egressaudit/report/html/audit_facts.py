"""What the page says before any script runs: outcome, numbers, findings in blocks, what is not covered, what it is of.

In: an `AuditReport` and the view of it. Out: a dict for the template, e.g. `{"outcome": "FAIL", "cards": (...), ...}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from egressaudit import __version__
from egressaudit.findings import controls
from egressaudit.model import AuditReport, Coverage, Finding, Outcome
from egressaudit.model.drift import Drift
from egressaudit.report.drift_words import MAX_ROWS, drift_line, drift_window
from egressaudit.report.finding_groups import FindingGroup, finding_groups
from egressaudit.report.html.audit_data import state_of
from egressaudit.report.html.page_words import state_word
from egressaudit.report.view import ReportView
from egressaudit.report.wording import (
    CONFIGURATION,
    counted,
    coverage_words,
    ignored_words,
    last_line,
    not_covered,
    percent,
    shares,
    tally,
)
from egressaudit.times import rfc3339

_HEADINGS = {
    "fail": "Violations",
    "unproven": "Not proven",
    "none": "Notes",
    "waived": "Waived, not counted",
}
_MOST_SUBJECTS = 3


@dataclass(frozen=True, slots=True)
class Card:
    """One number at the top of the page."""

    label: str
    value: str
    note: str = ""
    state: str = ""
    """Which sign and colour it has; '' for none."""
    share: float | None = None
    """How long its bar is, 0 to 1; None without a bar."""
    href: str = ""


@dataclass(frozen=True, slots=True)
class PageBlock:
    """Findings of one code with one cause."""

    number: int
    state: str
    severity: str
    code: str
    title: str
    by: str
    remedy: str
    subjects: str
    members: tuple[int, ...]
    """Which findings, by their number in the page's data."""


@dataclass(frozen=True, slots=True)
class BlockSection:
    """The blocks of one outcome."""

    state: str
    heading: str
    blocks: tuple[PageBlock, ...]
    count: int


def audit_facts(report: AuditReport, findings: Sequence[Finding], view: ReportView) -> dict[str, object]:
    """The values of the template; `findings` are those that the view shows."""
    return {
        "outcome": report.outcome.value,
        "state": state_word(report.outcome),
        "sentence": last_line(report).partition(": ")[2],
        "window": f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}",
        "policy_name": report.policy or f"none: the {CONFIGURATION}",
        "cards": tuple(_cards(report)),
        "sections": tuple(_sections(findings, view)),
        "hidden": len(report.findings) - len(findings),
        "counts": _counts(report),
        "drift": _drift(report.drift) if report.drift else None,
        "not_covered": not_covered(report),
        "trusted": report.trusted,
        "notes": report.notes,
        "about": tuple(_about(report)),
        "version": __version__,
    }


def _cards(report: AuditReport) -> Iterator[Card]:
    counts, coverage = tally(report), report.coverage
    flows = sum(each.group.flows for each in report.judged)
    for label, number, note, state in (
        ("Violations", counts.violations, "proven by log lines", "fail"),
        ("Not proven", counts.unproven, "evidence is missing or ambiguous", "unproven"),
    ):
        yield Card(label, f"{number:,}", note, state if number else "", href="#findings")
    proven = f"{counts.proven_flows:,} proven as expected"
    yield Card("Flows out of the mesh", f"{flows:,}", proven, share=counts.proven_flows / flows if flows else None)
    yield Card("Log time covered", *_covered(coverage), href="#time")
    blind = len(coverage.blind_spots)
    yield Card("Blind spots", f"{blind:,}", "traffic or proxies that no log shows", href="#logs")
    if counts.waived:
        yield Card("Waived", f"{counts.waived:,}", "not counted", state="waived", href="#findings")


def _covered(coverage: Coverage) -> tuple[str, str, str, float | None]:
    if not coverage.expected:
        return "not known", "no log was expected", "unproven", None
    logs = f"{coverage.read:,} of {counted(coverage.expected, 'expected log')} read"
    return percent(coverage.fraction), logs, "", coverage.fraction


def _sections(findings: Sequence[Finding], view: ReportView) -> Iterator[BlockSection]:
    # A finding's place in the data; two that are equal share one, which tells the same.
    place = {id(each): n for n, each in enumerate(findings)}
    groups = list(enumerate(finding_groups(findings, view.group_by)))
    for state, heading in _HEADINGS.items():
        chosen = [(n, each) for n, each in groups if _state(each) == state]
        if chosen:
            blocks = tuple(_block(n, each, place) for n, each in chosen)
            yield BlockSection(state, heading, blocks, sum(len(each.members) for each in blocks))


def _state(group: FindingGroup) -> str:
    if group.waived:
        return "waived"
    return "none" if group.outcome is Outcome.PASS else state_word(group.outcome)


def _block(number: int, group: FindingGroup, place: dict[int, int]) -> PageBlock:
    control = controls().get(group.code)
    cause = group.cause
    subjects = list(dict.fromkeys(each.subject for each in group.findings))
    more = len(subjects) - _MOST_SUBJECTS
    named = ", ".join(subjects[:_MOST_SUBJECTS])
    return PageBlock(
        number=number,
        state=_state(group),
        severity=group.severity.value,
        code=group.code,
        title=control.title if control else "",
        by=f"{cause.code} {cause.cause.title}" if cause else group.by,
        remedy=cause.cause.remedy if cause else control.remedy if control else "",
        subjects=f"{named} and {more} more" if more > 0 else named,
        members=tuple(place[id(each)] for each in group.findings),
    )


def _counts(report: AuditReport) -> dict[str, tuple[int, int]]:
    """Groups and flows of each state."""
    found: dict[str, tuple[int, int]] = {}
    for each in report.judged:
        groups, flows = found.get(state_of(each), (0, 0))
        found[state_of(each)] = groups + 1, flows + each.group.flows
    return found


def _drift(drift: Drift) -> dict[str, object]:
    """What changed since an earlier report, or that the two could not be compared."""
    rows = [
        {
            "change": each.change.value.replace("-", " "),
            "violation": each.violation,
            "subject": each.subject,
            "code": each.code,
            "text": each.text,
            "before": each.before.value if each.before else "",
            "after": each.after.value if each.after else "",
        }
        for each in drift.rows[:MAX_ROWS]
    ]
    notes = [*drift.notes, *filter(None, [drift_window(drift)])]
    return {"line": drift_line(drift), "notes": notes, "rows": rows, "more": len(drift.rows) - len(rows)}


def _about(report: AuditReport) -> Iterator[tuple[str, str]]:
    """What the report was made of, name and value."""
    coverage, made, run = report.coverage, report.made_from, report.run
    named = [
        ("Window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}; the end is exclusive"),
        ("Policy", report.policy or f"none: the {CONFIGURATION} decided"),
        ("Policy, SHA-256", report.policy_digest),
        ("Cluster", made.server),
        ("UID of kube-system", made.cluster_uid),
        ("Versions of the mesh", ", ".join(made.mesh_versions)),
        ("Snapshot, SHA-256", made.snapshot_digest),
        ("Logs, SHA-256", made.logs_digest),
        ("Coverage", coverage_words(coverage)),
        ("Lines", f"{coverage.lines.read:,} = {shares(coverage.lines)}"),
        ("Flows inside the mesh", f"{report.internal:,}, not judged"),
        *((f"Not counted as flows: {ignored_words(kind)}", f"{n:,}") for kind, n in sorted(report.ignored.items())),
        *((f"Files passed over: {reason}", f"{n:,}") for reason, n in sorted(coverage.skipped.items())),
        *(("Not read to the end", broken) for broken in coverage.broken),
        ("Not shown", f"{', '.join(run.redacted)}: redacted" if run.redacted else ""),
        ("Key of pseudonyms", run.redaction_key),
        ("Run", run.id),
        ("Made", rfc3339(run.created) if run.created else ""),
        ("Paths", " ".join(run.paths)),
        ("Runner", run.runner),
        ("Tool", f"egressaudit {__version__}"),
    ]
    return ((name, value) for name, value in named if value)
