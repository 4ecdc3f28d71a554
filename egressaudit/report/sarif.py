"""SARIF 2.1.0 (OASIS): the faults of `analyze` at their lines of files, as code scanners show them in a pull request.

In: an `AnalyzeReport`. Out: JSON. Example: a fault of `spec.gateways` in egress.yaml is a result of the rule
`mesh-gateway-missing` with the level `error` in line 20.

A host with no declared way is a `note` of the rule `no-declared-way`. What was not decided is a notification, and the
run was then not successful: a scanner must not show it as clean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from egressaudit.model.analysis import AnalyzeReport, Effect, FoundFault
from egressaudit.report.analyze_words import EFFECTS, NOTHING, hit_words, undeclared
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.sarif_parts import notification, sarif_log, sarif_text
from egressaudit.report.screen import Screen

_LEVELS = {Effect.AROUND: "error"}
_UNDECLARED = "no-declared-way"
_MOST = 5


def _write(report: AnalyzeReport, out: BinaryIO, _screen: Screen) -> None:
    results = [*map(_result, report.faults)]
    results += [_noted(place) for place in undeclared(report)]
    rules = {each.fault.slug: EFFECTS[each.effect] for each in report.faults} | {_UNDECLARED: NOTHING}
    out.write(_document(rules, results, report.undecided))


def _error(message: str, hint: str) -> bytes:
    """A run that was not successful: nothing that a reader could take for a clean one."""
    return _document({}, [], [f"{message} {hint}".strip()])


def _document(rules: dict[str, str], results: list[dict[str, Any]], undone: Iterable[str]) -> bytes:
    notifications = [notification("error", each) for each in undone]
    described = [{"id": slug, "shortDescription": {"text": text}} for slug, text in sorted(rules.items())]
    return sarif_log(described, results, notifications, successful=not notifications)


def _result(found: FoundFault) -> dict[str, Any]:
    hits = hit_words(found, _MOST)
    result: dict[str, Any] = {
        "ruleId": found.fault.slug,
        "level": _LEVELS.get(found.effect, "warning"),
        "message": {"text": sarif_text(f"{found.fault.message} ({EFFECTS[found.effect]}: {hits})")},
        "properties": {"code": found.code, "effect": found.effect.value},
    }
    if location := dict(_location(found)):
        result["locations"] = [location]
    return result


def _location(found: FoundFault) -> Iterator[tuple[str, Any]]:
    if found.written is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": printable(found.written.file)}}
        if found.written.line:
            physical["region"] = {"startLine": found.written.line}
        yield "physicalLocation", physical
    if found.fault.objects:
        name = " ".join(filter(None, (found.fault.objects[0], found.fault.field)))
        yield "logicalLocations", [{"fullyQualifiedName": printable(name), "kind": "object"}]


def _noted(place: str) -> dict[str, Any]:
    text = f"{place} has {NOTHING} through a gateway or waypoint"
    return {"ruleId": _UNDECLARED, "level": "note", "message": {"text": sarif_text(text)}}


ANALYZE = ReportWriter(_write, _error)
