"""The summary of an audit that a webhook takes: Slack's JSON, which Mattermost, Rocket.Chat and others read too.

In: an `AuditReport`. Out: JSON with `text`, which has only words and numbers of ours, and `blocks` with the worst
findings. Example: `{"text": "egressaudit: FAIL: 1 violation, 0 unproven, 0 waived; ...", "blocks": [...]}`.

What workloads and objects are called is in `plain_text` alone, in which Slack knows no markup. For receivers that
show it as something else, nothing there mentions anybody, and nothing is a link.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from egressaudit.findings import controls
from egressaudit.model import AuditReport, Finding, Outcome, Severity
from egressaudit.model.drift import DriftChange, DriftOf
from egressaudit.report.finding_groups import FindingGroup, finding_groups
from egressaudit.report.redaction.secret_text import scrubbed
from egressaudit.report.safe import printable
from egressaudit.report.wording import NOT_PERFORMED, counted, last_line
from egressaudit.times import rfc3339

_MOST_GROUPS = 5
_LONGEST = 300
"""Characters of one sentence."""
_LARGEST = 2900
"""Characters of one block; Slack takes 3,000, and what is made inert is longer than what it was."""
_NOTHING = "\u200b"
"""A space without width: `@` before it mentions nobody, `:` before it starts no address."""
_INERT = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": f"@{_NOTHING}",
    "://": f":{_NOTHING}//",
    "www.": f"www{_NOTHING}.",
    "](": f"]{_NOTHING}(",
}
"""Slack's control characters (docs.slack.dev, "Formatting message text"), and what others look for."""


def notification_of(report: AuditReport) -> bytes:
    """The JSON of a report: a few kB, however large the report is."""
    line = last_line(report)
    blocks = [_head(f"Egress audit: {report.outcome}"), _section([line, *_about(report)])]
    if counts := _counts(report):
        blocks.append({"type": "section", "fields": [_plain(each) for each in counts]})
    if worst := list(_worst(report)):
        blocks.append(_section(worst))
    return _payload(f"egressaudit: {line}", blocks)


def failure_notification(message: str, hint: str) -> bytes:
    """The JSON where no audit was performed: it must not be missed for good news. No secret of a URL is in it."""
    message, hint = scrubbed(message), scrubbed(hint)
    said = "egressaudit: no audit was performed"
    return _payload(said, [_head("Egress audit: not performed"), _section([NOT_PERFORMED, message, hint])])


def anything_new(report: AuditReport) -> bool:
    """Whether something is a violation, or not proven, that was not so before.

    Where nothing is known from before, everything is new.
    """
    drift = report.drift
    if drift is None or not drift.compared:
        return report.outcome is not Outcome.PASS
    unproven = Outcome.INCONCLUSIVE
    return any(
        each.violation or (each.of is DriftOf.FINDING and each.after is unproven and each.before is not unproven)
        for each in drift.rows
    )


def _payload(text: str, blocks: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"text": _inert(text), "blocks": list(blocks)}).encode()


def _about(report: AuditReport) -> Iterator[str]:
    yield f"{rfc3339(report.window.start, 'seconds')} to {rfc3339(report.window.end, 'seconds')}"
    if report.policy:
        yield f"policy {report.policy}"
    if report.drift is not None and not report.drift.compared:
        yield "not compared with a baseline: nothing is known from before"
    elif report.drift is not None:
        changes = Counter(each.change.value for each in report.drift.rows)
        said = [f"{changes[each.value]} {each.value}" for each in DriftChange if changes[each.value]]
        yield f"since the baseline: {', '.join(said) or 'no changes'}"


def _counting(report: AuditReport) -> list[Finding]:
    """The findings that count: not waived, and not merely worth knowing."""
    return [each for each in report.findings if each.waived is None and each.outcome in _COUNTED]


def _counts(report: AuditReport) -> list[str]:
    by_severity = Counter(each.severity for each in _counting(report))
    return [f"{each.value}: {by_severity[each]}" for each in Severity if by_severity[each]]


def _worst(report: AuditReport) -> Iterator[str]:
    """The first groups of findings, one line each; violations before what is not proven."""
    groups = finding_groups(sorted(_counting(report), key=lambda each: _COUNTED.index(each.outcome)))
    for each in groups[:_MOST_GROUPS]:
        yield f"• {_group(each)}"
    if (more := len(groups) - _MOST_GROUPS) > 0:
        yield f"and {counted(more, 'more group')} of findings"


def _group(group: FindingGroup) -> str:
    known = controls().get(group.code)
    subjects = list(dict.fromkeys(each.subject for each in group.findings))
    more = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
    cause = f" ({group.cause.cause.title})" if group.cause else ""
    title = known.title if known else "a finding"
    return f"{group.code} {group.severity} {group.outcome}: {title}{cause}: {subjects[0]}{more}"


def _head(text: str) -> dict[str, Any]:
    return {"type": "header", "text": _plain(text)}


def _section(lines: Sequence[str]) -> dict[str, Any]:
    shown = "\n".join(_inert(printable(each, _LONGEST)) for each in lines if each)
    return {"type": "section", "text": {"type": "plain_text", "text": shown[:_LARGEST], "emoji": False}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": _inert(printable(text, _LONGEST)), "emoji": False}


def _inert(text: str) -> str:
    for each, instead in _INERT.items():
        text = text.replace(each, instead)
    return text


_COUNTED: tuple[Outcome | None, ...] = (Outcome.FAIL, Outcome.INCONCLUSIVE)
