"""Markdown (GitHub's): the report of `audit` for a ticket, a pull request, a wiki.

In: an `AuditReport`. Out: text in which what workloads wrote stands in code spans, code blocks and character
references: `inert("a|b")` is `` `a`&#124;`b` ``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import AuditReport, Finding
from egressaudit.report.cause_words import cause_words, gaps_beside, told_apart
from egressaudit.report.drift_words import drift_rows, drift_title, drift_window
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.wording import (
    CONFIGURATION,
    RAW_LIMIT,
    counted,
    coverage_words,
    evidence_place,
    evidence_title,
    expected_words,
    flows_words,
    ignored_words,
    last_line,
    not_covered,
    outcome_words,
    place,
    proof_words,
    rule_words,
    source_state,
    troubled,
    trusted_words,
    way,
)
from egressaudit.times import rfc3339

_PLAIN = re.compile(r"\(?[A-Za-z]+(?:['-][A-Za-z]+)*\)?[,.;:]?|\(?[0-9]+(?:\.[0-9]+)?[,;:]?|%")
"""A number with a full stop or bracket after it would begin a list."""
_AROUND = re.compile(r"(\(?)(.+?)(\)?[,.;:]?)")
_APART = re.compile(r"([`|\\])")


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    out.write("\n".join(_blocks(report)).encode())


def _error(message: str, hint: str) -> bytes:
    """That no audit was performed, and why."""
    return f"# Egress audit: not performed\n\n{inert(message)}\n\n{inert(hint)}\n".encode()


def inert(text: str) -> str:
    """The words of the text so that no Markdown reader finds structure, HTML, a link or a mention in them.

    All but plain words and numbers goes into code spans, where nothing is taken for anything else: backslash escapes
    would still let `https://...` and `@name` become links. A backtick, a backslash and a bar have a meaning even there
    (https://github.github.com/gfm/#example-200), so they are character references between spans.
    """
    return " ".join(_word(word) for word in printable(text).split())


def _word(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    around = _AROUND.fullmatch(word)
    before, middle, after = around.groups() if around else ("", word, "")
    parts = (part for part in _APART.split(middle) if part)
    spans = "".join(f"&#{ord(part)};" if _APART.fullmatch(part) else f"`{part}`" for part in parts)
    return f"{before}{spans}{after}"


def _blocks(report: AuditReport) -> Iterator[str]:
    yield f"# Egress audit: {report.outcome}\n"
    yield f"{inert(last_line(report))}\n"
    yield from _coverage(report)
    waived = [each for each in report.findings if each.waived is not None]
    yield f"## Findings ({len(report.findings) - len(waived)})\n"
    for each in report.findings:
        if each.waived is None:
            yield from _finding(each)
    yield f"## Waived findings, not counted ({len(waived)})\n"
    for each in waived:
        yield from _finding(each)
    yield f"## Flows ({counted(len(report.judged), 'group')})\n"
    columns = ("From", "To", "Path", "Flows", "First", "Last", "Rule", "Outcome")
    yield from _table(
        columns,
        [
            (
                each.group.subject,
                place(each.group),
                way(each.group),
                str(each.group.flows),
                rfc3339(each.group.first),
                rfc3339(each.group.last),
                each.decision.rule or CONFIGURATION,
                outcome_words(each),
            )
            for each in report.judged
        ],
    )
    if report.drift is not None:
        yield f"## {inert(drift_title(report.drift))}\n"
        said = drift_window(report.drift)
        yield from _items([*([said] if said else []), *report.drift.notes, *drift_rows(report.drift)])
    if report.trusted:
        yield f"## Trusted for what passed ({len(report.trusted)})\n"
        yield from _items(trusted_words(report))
    yield "## Not covered by this report\n"
    yield from _items(not_covered(report))
    if report.notes:
        yield "## Notes\n"
        yield from _items(report.notes)


def _coverage(report: AuditReport) -> Iterator[str]:
    coverage, lines = report.coverage, report.coverage.lines
    yield "## Coverage\n"
    shares = f"{lines.access} access ({lines.unclean} not clean), {lines.other} other, {lines.unparsed} unparsed"
    policy = f"{report.policy} (SHA-256 {report.policy_digest})" if report.policy else f"none: the {CONFIGURATION}"
    facts = [
        ("window", f"{rfc3339(report.window.start)} to {rfc3339(report.window.end)}"),
        ("policy", policy),
        ("logs read", f"{coverage.read} of {coverage.expected} expected"),
        ("time", coverage_words(coverage)),
        ("lines", f"{lines.read}: {shares}"),
        ("flows inside the mesh", str(report.internal)),
        *((f"not counted as flows: {ignored_words(kind)}", str(n)) for kind, n in sorted(report.ignored.items())),
        *((f"files passed over: {reason}", str(count)) for reason, count in sorted(coverage.skipped.items())),
        *(("log that could not be read to the end", broken) for broken in coverage.broken),
    ]
    yield from _table(("What", "How much"), facts)
    sources = [each for each in coverage.sources if troubled(each)]
    yield f"### Logs with problems ({len(sources)} of {len(coverage.sources)})\n"
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
    yield from _table(("Log", "Proxy", "Covered", "Unparsed", "Not clean", "Problems"), rows)
    yield f"### Blind spots ({len(coverage.blind_spots) or 'none known'})\n"
    spots = [(each.kind, each.subject, each.workload, blind_spot_words(each)) for each in coverage.blind_spots]
    yield from _table(("Kind", "Subject", "Workload", "Why"), spots)


def _finding(finding: Finding) -> Iterator[str]:
    outcome = finding.outcome.value if finding.outcome else "INFO"
    yield f"### {outcome} {inert(f'{finding.code} {finding.severity}: {finding.subject}')}\n"
    yield f"{inert(finding.message)}\n"
    facts = []
    if finding.waived is not None:
        facts.append(f"waived until {finding.waived.expires}: {finding.waived.reason}")
    if finding.judged is not None:
        facts += [f"seen: {flows_words(finding.judged.group)}", f"expected: {expected_words(finding.judged.decision)}"]
    facts += [f"{label}: {sentence}" for label, sentence in cause_words(finding.causes)]
    facts += [f"gap: {fault}" for fault in gaps_beside(finding)]
    if finding.rule or finding.controls:
        facts.append(f"rule: {rule_words(finding.rule, finding.controls)}")
    facts.append(f"proof: {proof_words(finding.confidence)}")
    facts += [f"advice: {advice}" for advice in told_apart(finding.advice, finding.causes)]
    yield from _items(facts)
    if finding.evidence:
        yield f"{inert(evidence_title(finding))}\n"
        lines = [f"{evidence_place(each)}\n  {printable(each.raw, RAW_LIMIT)}" for each in finding.evidence]
        yield _fenced("\n".join(lines))


def _fenced(text: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        yield "None.\n"
        return
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(inert, row))} |"
    yield ""


def _items(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield f"- {inert(text)}"
    yield ""


AUDIT = ReportWriter(_write, _error)
