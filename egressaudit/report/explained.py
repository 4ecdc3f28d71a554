"""Which findings explain others: a proxy that does not log explains the flows whose lines are missing.

In: a report. Out: for each finding what explains it and what it explains, e.g. EA307 of `egress/gw-1/istio-proxy`
explains EA303 of shop/Deployment/cart. By facts alone: the flow's first cause and the other finding name the same cause
with the same sentence, which for a log's missing time begins with the log's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egressaudit.causes.way_logs import missing_words
from egressaudit.model import AuditReport, Finding

_CONSEQUENCE = "EA311"
"""It has the causes of all flows, because none of them could be judged: it explains nothing."""
_NOT_COVERED = "EC72"
"""A cause of flows and of logs. Only for flows does its sentence name the log."""

_Fact = tuple[str, str]
"""A cause's code, and a sentence that shows it."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """What explains what, by the identity of findings: to compare two of them takes longer than all the rest."""

    _by: dict[int, tuple[Finding, ...]]
    _what: dict[int, tuple[Finding, ...]]

    def of(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings that explain any of these, each once."""
        return _once(other for each in findings for other in self._by.get(id(each), ()))

    def by(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings that any of these explains, each once."""
        return _once(other for each in findings for other in self._what.get(id(each), ()))


def explanations(report: AuditReport) -> Explanations:
    """What explains what in a report: findings about flows by findings about logs, pods and objects."""
    lacking = {each.name: missing_words(each) for each in report.coverage.sources}
    saying: dict[_Fact, list[Finding]] = {}
    for each in report.findings:
        if each.judged is None and each.code != _CONSEQUENCE:
            for fact in dict.fromkeys(_facts_of(each, lacking.get(each.subject, ()))):
                saying.setdefault(fact, []).append(each)
    by: dict[int, tuple[Finding, ...]] = {}
    what: dict[int, list[Finding]] = {}
    for each in report.findings if saying else ():
        if each.judged is not None and each.causes:
            first = each.causes[0]
            found = _once(other for said in first.because for other in saying.get((first.code, said), ()))
            by[id(each)] = found
            for other in found:
                what.setdefault(id(other), []).append(each)
    return Explanations(by, {key: tuple(found) for key, found in what.items()})


def _facts_of(finding: Finding, lacking: Iterable[str]) -> Iterable[_Fact]:
    for cause in finding.causes:
        said = [f"{finding.subject}: {gap}" for gap in lacking] if cause.code == _NOT_COVERED else cause.because
        yield from ((cause.code, each) for each in said)


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple({id(each): each for each in findings}.values())
