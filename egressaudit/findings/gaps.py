"""Findings about the evidence itself: files, copies, kinds of objects and filters that leave a verdict open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from egressaudit.findings.controls import CONTROLS
from egressaudit.model import Confidence, Finding, Outcome, Severity


@dataclass(frozen=True, slots=True)
class Unsure:
    """What is not as it should be with the evidence; a finding is made of each."""

    files: tuple[tuple[str, str], ...] = ()
    """Log, and how its file is not what `collection.json` says."""
    unlisted: tuple[str, ...] = ()
    """Files that `collection.json` does not name."""
    unread: tuple[tuple[str, str], ...] = ()
    """Kind of objects on which a verdict could depend, and how."""
    copies: tuple[tuple[str, str, int], ...] = ()
    """Log, the path of its copy, and how many lines the two tell differently."""
    mirrors: tuple[tuple[str, str, int], ...] = ()
    """The rule and where its copies go, the host whose requests it copies, and how many flows there were."""
    filters: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """EnvoyFilter, what it touches ('' where that is nothing), and the logs of the proxies that it applies to."""


def evidence_findings(unsure: Unsure) -> Iterator[Finding]:
    """A finding of each."""
    for log, sentence in unsure.files:
        yield _finding("EA320", log, sentence, counts=True)
    for path in unsure.unlisted:
        yield _finding("EA321", path, "collection.json does not name this file: it was read all the same", counts=False)
    for kind, sentence in unsure.unread:
        yield _finding("EA322", kind, sentence, counts=True)
    for log, path, count in unsure.copies:
        message = (
            f"{count} lines stand in {path} and in another file of this log, and say something else: one was changed"
        )
        yield _finding("EA323", log, message, counts=True, total=count)
    for rule, host, flows in unsure.mirrors:
        message = f"{rule} mirrors requests for {host}, and Envoy logs no copy: where those went is not known"
        yield _finding("EA325", rule.partition(" to ")[0], message, counts=True, total=flows)
    for name, what, logs in unsure.filters:
        yield _of_filter(name, what, logs)


def _of_filter(name: str, what: str, logs: Iterable[str]) -> Finding:
    proxies = tuple(logs)
    shown = ", ".join(proxies[:3]) + (f" and {len(proxies) - 3} more" if len(proxies) > 3 else "")
    if what:
        return _finding("EA324", name, f"it changes {what} of {shown}", counts=True)
    message = f"it touches neither the access log nor the way of {shown}"
    return _finding("EA324", name, message, counts=False)


def _finding(code: str, subject: str, message: str, *, counts: bool, total: int = 0) -> Finding:
    control = CONTROLS[code]
    return Finding(
        code=code,
        severity=control.severity if counts or code == "EA321" else Severity.INFO,
        outcome=Outcome.INCONCLUSIVE if counts else None,
        confidence=Confidence.OBSERVED,
        subject=subject,
        message=message,
        advice=(control.remedy,),
        evidence_total=total,
    )
