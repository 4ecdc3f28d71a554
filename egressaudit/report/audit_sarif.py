"""SARIF 2.1.0 (OASIS) of an audit: what code scanners and viewers of SARIF show of its findings.

In: an `AuditReport`. Out: JSON. Example: three flows around the gateway are a result of the rule `EA101` with the level
`error`, at line 12 of the log shop/cart-1/istio-proxy, about the object shop/Deployment/cart.

A violation is of the kind `fail`, what is not proven `open`, what is only worth knowing `informational`; a waived
violation is suppressed. A finding that has neither an object nor a line is a notification. If anything is not proven,
the run was not successful: a scanner must not show it as clean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from egressaudit.findings import controls
from egressaudit.findings.control import Control
from egressaudit.findings.fingerprints import fingerprint_of
from egressaudit.model import AuditReport, Evidence, Finding, Outcome, Severity
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.sarif_parts import notification, sarif_log, sarif_text
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED, RAW_LIMIT, counted, last_line, tally
from egressaudit.times import rfc3339

MOST_RESULTS = 25_000
"""GitHub takes this many per run and shows the 5,000 most severe (docs.github.com, "SARIF results exceed limits")."""
MOST_BYTES = 9_000_000
"""Of all results. GitHub takes 10 MB once it is compressed; so does a reader that takes no more before."""
_INDENT = 8
"""Blanks before each line of a result in the file."""
_MOST_LINES = 10
"""Further lines of one result; GitHub shows 100 places of one."""
_MOST_OBJECTS = 10
_CATEGORY = "egressaudit/audit/"
"""Keeps the results apart from those of `analyze` in the same repository (3.17.3, `automationDetails.id`)."""

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.INFO: "note"}
_KINDS: dict[Outcome | None, str] = {Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "open"}
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.0",
}
"""The middle of each range that GitHub makes a severity of (`security-severity`)."""


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    placed = [each for each in report.findings if _has_place(each)]
    results = list(_within_limits(map(_result, placed)))
    unproven = report.outcome is Outcome.INCONCLUSIVE or tally(report).unproven > 0
    said = [notification("error" if unproven else "note", last_line(report))]
    said += [_unplaced(each) for each in report.findings if not _has_place(each)]
    if left := len(placed) - len(results):
        said.append(notification("error", f"{counted(left, 'finding')} left out: code scanning takes no more"))
    used = dict.fromkeys(each.code for each in report.findings)
    properties = {
        "outcome": report.outcome.value,
        "windowStart": rfc3339(report.window.start),
        "windowEnd": rfc3339(report.window.end),
        "policy": printable(report.policy),
        "leftOut": left,
    }
    out.write(
        sarif_log(
            [_rule(code, controls().get(code)) for code in sorted(used)],
            results,
            said,
            successful=not unproven,
            automationDetails={"id": _CATEGORY},
            columnKind="unicodeCodePoints",
            properties=properties,
        )
    )


def _error(message: str, hint: str) -> bytes:
    """A run that was not successful: nothing that a reader could take for a clean one."""
    said = [notification("error", f"{message} {hint}".strip())]
    return sarif_log(
        (), (), said, successful=False, automationDetails={"id": _CATEGORY}, properties={"outcome": NOT_PERFORMED}
    )


def _within_limits(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first of them, which are the most severe, as many as a scanner takes."""
    left = MOST_BYTES
    for number, each in enumerate(results):
        text = json.dumps(each, indent=2)
        left -= len(text) + _INDENT * text.count("\n")
        if left < 0 or number >= MOST_RESULTS:
            return
        yield each


def _has_place(finding: Finding) -> bool:
    """Whether it has an object or a line of a log; `coverage` as a whole and a policy's rule have none."""
    return bool(finding.judged or finding.evidence or _objects(finding) or "/" in finding.subject)


def _unplaced(finding: Finding) -> dict[str, Any]:
    level = "error" if finding.outcome is not None and finding.waived is None else "note"
    return notification(level, f"{finding.subject}: {finding.message}", finding.code)


def _result(finding: Finding) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": printable(finding.code),
        "kind": _KINDS.get(finding.outcome, "informational"),
        "level": _level(finding),
        "message": {"text": sarif_text(f"{finding.subject}: {finding.message}", RAW_LIMIT)},
        "locations": [_location(finding)],
        "partialFingerprints": _fingerprints(finding),
        "properties": _properties(finding),
    }
    if lines := finding.evidence[1 : 1 + _MOST_LINES]:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _line(each)} for number, each in enumerate(lines, 1)
        ]
    if finding.waived is not None:
        said = f"{finding.waived.reason} (until {finding.waived.expires})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": printable(said)}]
    return result


def _level(finding: Finding) -> str:
    """`none` unless it is a failure (3.27.10); a scanner without suppressions shows a waived one as a note."""
    if finding.outcome is not Outcome.FAIL:
        return "none"
    return "note" if finding.waived is not None else _LEVELS.get(finding.severity, "warning")


def _fingerprints(finding: Finding) -> dict[str, str]:
    """Ours, and the one under whose name GitHub looks for an alert of an earlier run: lines of logs always differ."""
    own = fingerprint_of(finding)
    return {"egressaudit/v1": own, "primaryLocationLineHash": f"{own}:1"}


def _location(finding: Finding) -> dict[str, Any]:
    """The first line that proves it, else what it is about under the name of a file: scanners ask each for one."""
    physical = _line(finding.evidence[0]) if finding.evidence else {"artifactLocation": {"uri": _uri(finding.subject)}}
    names = dict.fromkeys(printable(each) for each in (finding.subject, *_objects(finding)) if each)
    logical = [{"fullyQualifiedName": each, "kind": "object"} for each in names]
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _objects(finding: Finding) -> tuple[str, ...]:
    """The objects of its first cause, the one to change first."""
    return finding.causes[0].objects[:_MOST_OBJECTS] if finding.causes else ()


def _line(evidence: Evidence) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(evidence.source)}}
    if evidence.line > 0:
        physical["region"] = {"startLine": evidence.line, "snippet": {"text": printable(evidence.raw, RAW_LIMIT)}}
    return physical


def _uri(name: str) -> str:
    """A name as a relative reference of one meaning (RFC 3986): no scheme, no host, and nothing that leads upwards."""
    segments = (quote(each, safe="", errors="replace") for each in printable(name).split("/") if each.strip("."))
    return "/".join(segments) or "unnamed"


def _properties(finding: Finding) -> dict[str, Any]:
    found = {
        "outcome": finding.outcome.value if finding.outcome else None,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "rule": printable(finding.rule),
        "controls": [printable(each) for each in finding.controls],
        "lines": max(finding.evidence_total, len(finding.evidence)),
    }
    if finding.causes:
        found["cause"] = printable(finding.causes[0].code)
    return found


def _rule(code: str, control: Control | None) -> dict[str, Any]:
    """What is known about a code, as `egressaudit controls CODE` says it."""
    if control is None:
        return {"id": printable(code)}
    help_text = f"{control.what}\n\nWhy it matters: {control.why}\n\nWhat to do: {control.remedy}"
    return {
        "id": code,
        "name": "".join(map(str.capitalize, control.name.split("-"))),
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.what},
        "help": {"text": f"{help_text}\n\nProof: {control.confidence}"},
        "defaultConfiguration": {"level": _LEVELS.get(control.severity, "warning")},
        "properties": {"tags": ["security", "egress"], "security-severity": _SCORES[control.severity]},
    }


AUDIT = ReportWriter(_write, _error)
