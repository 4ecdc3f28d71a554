"""Markdown (GitHub's): the report of `audit` for a comment of a pull request, a ticket, a wiki.

In: an `AuditReport`. Out: what decides, the findings by cause, the rest, in at most 65,536 bytes; what is left out is
counted. Example: the first line `# Egress audit: FAIL`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from egressaudit.model import AuditReport, Judged
from egressaudit.report.cause_words import LOOK
from egressaudit.report.explained import Explanations, explanations
from egressaudit.report.finding_block import BlockInWords, finding_block, has_fix, in_one_line
from egressaudit.report.finding_groups import FindingGroup
from egressaudit.report.first_screen import WORST, coverage_line, label_of, summary
from egressaudit.report.identity_words import identity_facts
from egressaudit.report.inert_markdown import fenced, inert, item, short, table_head, table_row
from egressaudit.report.markdown_size import LIMIT, Section, fitted
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.shown_groups import ShownGroups, shown_groups
from egressaudit.report.totals import MAX_LISTED, blind_spot_rows, flow_totals
from egressaudit.report.view import ReportView
from egressaudit.report.wording import (
    CONFIGURATION,
    RAW_LIMIT,
    counted,
    evidence_place,
    ignored_words,
    last_line,
    not_covered,
    outcome_words,
    place,
    source_state,
    troubled,
    trusted_words,
    way,
)
from egressaudit.times import rfc3339

_NAMED = 10
"""Blind spots of one sort that are named."""


def _write(report: AuditReport, out: BinaryIO, screen: Screen) -> None:
    known, view = explanations(report), screen.view
    shown = shown_groups(report, known, view)
    sections = list(_sections(report, shown, known, view))
    text = fitted(sections)
    if view.evidence != 0 and not all(each.whole for each in sections if each.most == LIMIT):
        # Lines of logs are most of the text, and the first that a reader of a comment can do without.
        text = fitted(list(_sections(report, shown, known, replace(view, evidence=0))))
    out.write(text.encode())


def _error(message: str, hint: str) -> bytes:
    """That no audit was performed, and why."""
    return f"# Egress audit: not performed\n\n{inert(message)}\n\n{inert(hint)}\n".encode()


def _sections(report: AuditReport, shown: ShownGroups, known: Explanations, view: ReportView) -> Iterator[Section]:
    """All sections in their order. The rank: what decides, what is not covered, the findings, the rest."""
    head = f"# Egress audit: {report.outcome}\n\n{inert(last_line(report))}\n\n"
    yield _table(head, 0, ("What", "How much"), list(summary(report)), "row")
    worst = [
        (
            str(len(each.findings)),
            label_of(each.outcome, waived=each.waived),
            each.code,
            each.severity,
            in_one_line(each),
        )
        for each in shown.groups[:WORST]
    ]
    if worst:
        title = f"## Top findings ({len(worst)} of {counted(len(shown.groups), 'block')}{shown.chosen})\n\n"
        yield _table(title, 1, ("Number", "Outcome", "Code", "Severity", "Cause"), worst, "row")
    yield from _findings(shown, known, view)
    if report.drift is not None:
        from egressaudit.report.drift_words import drift_rows, drift_title, drift_window

        said = drift_window(report.drift)
        changes = (*((said,) if said else ()), *report.drift.notes, *drift_rows(report.drift))
        yield _list(f"## {short(drift_title(report.drift))}\n\n", 4, changes, "change")
    yield from _coverage(report)
    yield _flows(report.judged)
    if report.trusted:
        yield _list(f"## Trusted for what passed ({len(report.trusted)})\n\n", 8, trusted_words(report), "sentence")
    yield _list("## Not covered by this report\n\n", 2, not_covered(report), "sentence")
    if report.notes:
        yield _list("## Notes\n\n", 3, report.notes, "note")


def _table(heading: str, rank: int, columns: Sequence[str], rows: Sequence[Sequence[str]], noun: str) -> Section:
    return Section(
        heading, rank, rows, table_row, lambda left: counted(len(left), noun), table_head(columns), "None.\n"
    )


def _list(heading: str, rank: int, texts: Sequence[str], noun: str) -> Section:
    return Section(heading, rank, texts, item, lambda left: counted(len(left), noun), none="Nothing.\n")


def _findings(shown: ShownGroups, known: Explanations, view: ReportView) -> Iterator[Section]:
    said = [f"{inert(shown.left_out)}.\n\n"] if shown.left_out else []
    said += ["No lines of logs are shown here.\n\n"] if view.evidence == 0 and shown.groups else []
    said += [f"Fixes: {LOOK}.\n\n"] if has_fix(shown.groups) else []
    counting = [each for each in shown.groups if not each.waived]
    waived = [each for each in shown.groups if each.waived]

    def made(group: FindingGroup) -> str:
        return _block(finding_block(group, known, view))

    yield Section(
        f"## Findings ({shown.counted})\n\n{''.join(said)}",
        5,
        counting,
        made,
        _blocks_counted,
        none="None shown.\n" if shown.left_out else "None.\n",
        most=LIMIT,
    )
    yield Section(
        f"## Waived findings, not counted ({shown.waived})\n\n",
        6,
        waived,
        made,
        _blocks_counted,
        none="None shown.\n" if shown.left_out else "None.\n",
        most=LIMIT,
    )


def _blocks_counted(groups: Sequence[FindingGroup]) -> str:
    findings = sum(len(each.findings) for each in groups)
    return f"{counted(len(groups), 'block')} with {counted(findings, 'finding')}"


def _block(block: BlockInWords) -> str:
    outcome = block.group.outcome.value if block.group.outcome else "INFO"
    said = "".join(f"{short(each)}\n\n" for each in block.sentences)
    facts = [item(f"{label}: {words}") for label, words in block.facts]
    facts += [item(each) for each in (*block.members, block.left_out) if each]
    facts += [item(f"advice: {each}") for each in block.advice]
    lines = [f"{evidence_place(each)}\n  {printable(each.raw, RAW_LIMIT)}" for each in block.evidence]
    proof = f"{inert(block.evidence_title)}:\n\n{fenced(chr(10).join(lines))}\n" if lines else ""
    return f"### {outcome} {short(block.title)}\n\n{said}{''.join(facts)}\n{proof}"


def _coverage(report: AuditReport) -> Iterator[Section]:
    coverage, lines = report.coverage, report.coverage.lines
    shares = f"{lines.access} access ({lines.unclean} not clean), {lines.other} other, {lines.unparsed} unparsed"
    policy = f"{report.policy} (SHA-256 {report.policy_digest})" if report.policy else f"none: the {CONFIGURATION}"
    facts = [
        ("window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}"),
        ("policy", policy),
        *identity_facts(report),
        ("logs", coverage_line(coverage)),
        ("lines", f"{lines.read}: {shares}"),
        ("flows inside the mesh", str(report.internal)),
        *((f"not counted as flows: {ignored_words(kind)}", str(n)) for kind, n in sorted(report.ignored.items())),
        *((f"files passed over: {reason}", str(count)) for reason, count in sorted(coverage.skipped.items())),
        *(("log that could not be read to the end", broken) for broken in coverage.broken),
    ]
    yield _table("## Coverage\n\n", 4, ("What", "How much"), facts, "row")
    # Those without which nothing is proven are not left out before the others.
    sources = sorted((each for each in coverage.sources if troubled(each)), key=lambda each: not each.critical)
    rows = [
        (
            each.name,
            each.reporter or "unknown",
            source_state(each),
            str(each.lines.unparsed),
            str(each.lines.unclean),
            " ".join(each.problems),
        )
        for each in sources
    ]
    title = f"### Logs with problems ({len(sources)} of {len(coverage.sources)})\n\n"
    yield _table(title, 9, ("Log", "Proxy", "Covered", "Unparsed", "Not clean", "Problems"), rows, "log")
    spots = [
        (each.kind, str(len(each.subjects)), _subjects(each.subjects), each.words)
        for each in blind_spot_rows(coverage.blind_spots)
    ]
    title = f"### Blind spots ({len(coverage.blind_spots) or 'none known'})\n\n"
    yield _table(title, 7, ("Kind", "Number", "Subjects", "Why"), spots, "row")


def _subjects(subjects: tuple[str, ...]) -> str:
    more = len(subjects) - _NAMED
    return ", ".join((*subjects[:_NAMED], *((f"and {more} more",) if more > 0 else ())))


def _flows(judged: tuple[Judged, ...]) -> Section:
    title = f"## Flows ({counted(len(judged), 'group')})\n\n"
    if len(judged) > MAX_LISTED:
        columns = ("Outcome", "Path", "Flows", "Workloads", "Hosts and ports", "Groups")
        totals = [
            (each.words, each.way, *map(str, (each.flows, each.workloads, each.places, each.groups)))
            for each in flow_totals(judged)
        ]
        return _table(title, 7, columns, totals, "way")
    named = ("From", "To", "Path", "Flows", "Times", "Rule", "Outcome")
    groups = [
        (
            each.group.subject,
            place(each.group),
            way(each.group),
            str(each.group.flows),
            f"{rfc3339(each.group.first)} to {rfc3339(each.group.last)}",
            each.decision.rule or CONFIGURATION,
            outcome_words(each),
        )
        for each in judged
    ]
    return _table(title, 7, named, groups, "group")


AUDIT = ReportWriter(_write, _error)
