"""Findings: what is wrong with a window's flows, and what could not be seen of it. Each has its code and its proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from egressaudit.findings.controls import CONTROLS
from egressaudit.findings.gaps import Unsure, evidence_findings
from egressaudit.judge.groups import Ruling
from egressaudit.model import (
    BlindSpot,
    Confidence,
    Coverage,
    Evidence,
    Finding,
    FlowGroup,
    ObjectRef,
    Outcome,
    Path,
    Severity,
    SourceCoverage,
    Waived,
)

MAX_NAMES = 6
"""Names that a finding shows; all of them are judged."""

_NO_LOG = ("logging-off", "logging-filtered", "logging-unknown")
_BY_RULE = frozenset({"EA101", "EA102", "EA103", "EA104", "EA105", "EA106"})
"""Their severity is the policy rule's, where one says it."""


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What the policy itself is found to be: names that lead nowhere, rules and waivers that do nothing."""

    missing: tuple[tuple[str, ObjectRef], ...] = ()
    """Gateways and waypoints that it names (`gateway` or `waypoint`) and the snapshot does not have."""
    missing_trust: tuple[str, ...] = ()
    """Proxies that are trusted by name (`gateway NS/NAME`) and that the snapshot does not have."""
    unused_rules: tuple[str, ...] = ()
    expired_waivers: tuple[tuple[str, Waived], ...] = ()
    """The rule of each, and the waiver."""
    unused_waivers: tuple[tuple[str, Waived], ...] = ()


@dataclass(frozen=True, slots=True)
class Doubts:
    """Lines that were read and prove nothing, by log: how many, and the first few of them."""

    unclean: tuple[tuple[str, int, tuple[Evidence, ...]], ...] = ()
    unparsed: tuple[tuple[str, int, tuple[Evidence, ...]], ...] = ()
    unknown_logs: tuple[tuple[str, int], ...] = ()
    """Logs of pods that the snapshot does not have, and their access lines."""
    foreign: tuple[tuple[str, int], ...] = ()
    """Logs with lines whose sockets are another pod's, and how many."""


@dataclass(frozen=True, slots=True)
class UnprovenProxy:
    """A pod with the marks of a proxy that nothing proves to be one: whose it is, why, and how it matters."""

    subject: str
    why: str
    matters: str
    """'' where it wrote no access line and nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that findings are made of."""

    rulings: tuple[Ruling, ...]
    coverage: Coverage
    doubts: Doubts = field(default_factory=Doubts)
    unsure: Unsure = field(default_factory=Unsure)
    policy: PolicyFacts = field(default_factory=PolicyFacts)
    unproven: tuple[UnprovenProxy, ...] = ()
    fail_below: float = 0.0
    """The fraction of coverage that is required, 0 to 1."""


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Every finding, the gravest first; equal facts give equal findings in the same order."""
    found = [
        *_of_flows(facts.rulings),
        *_of_logs(facts.coverage.sources),
        *_of_lines(facts.doubts),
        *evidence_findings(facts.unsure),
        *_of_blind_spots(facts.coverage.blind_spots),
        *_of_unproven(facts.unproven),
        *_of_coverage(facts),
        *_of_policy(facts.policy),
        *_of_configuration(facts.rulings),
    ]
    order = list(Severity)
    return tuple(
        sorted(
            found,
            key=lambda each: (
                each.waived is not None,
                order.index(each.severity),
                each.code,
                each.subject,
                each.message,
            ),
        )
    )


def _of_flows(rulings: Iterable[Ruling]) -> Iterable[Finding]:
    for ruling in rulings:
        judged, code = ruling.judged, ruling.code
        group, decision = judged.group, judged.decision
        if code:
            names = f" (called {_called(group)})" if group.server_names else ""
            yield Finding(
                code=code,
                severity=decision.severity if code in _BY_RULE and decision.rule else CONTROLS[code].severity,
                outcome=judged.outcome,
                confidence=group.confidence,
                subject=group.subject,
                message=f"{group.host}:{group.port or '-'}{names}: {judged.because}",
                advice=(*(f"Configuration: {gap}" for gap in decision.gaps), CONTROLS[code].remedy),
                judged=judged,
                rule=decision.rule,
                controls=decision.controls,
                waived=decision.waived if judged.outcome is Outcome.FAIL else None,
                evidence=group.evidence,
                evidence_total=group.flows,
            )
        if judged.outcome is Outcome.PASS and group.path is not Path.BLOCKED and group.server_names:
            yield _said(
                "EA202",
                group.subject,
                f"{group.host}:{group.port or '-'} was called {_called(group)}",
                confidence=group.confidence,
                evidence=group.evidence,
                total=group.flows,
            )


def _called(group: FlowGroup) -> str:
    names = group.server_names
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _of_logs(sources: Iterable[SourceCoverage]) -> Iterable[Finding]:
    for each in sources:
        if each.expected and not each.read:
            yield _open("EA301", each.name, f"there is no log of this {each.reporter or 'proxy'}", advice=each.problems)
        elif each.gaps:
            yield _open("EA302", each.name, "; ".join(each.gaps))
        rest = [problem for problem in each.problems if problem != each.unproven and problem not in each.gaps]
        if each.expected and each.read and rest:
            yield _said("EA302", each.name, "; ".join(rest), severity=Severity.INFO)
        if each.unproven:
            message = f"none of its {each.lines.access} access lines is judged: {each.unproven}"
            yield _open("EA313", each.name, message, total=each.lines.access)


def _of_lines(doubts: Doubts) -> Iterable[Finding]:
    for name, count, evidence in doubts.unclean:
        message = f"{count} access lines hold quotes or blanks that their format does not make: they may be forged"
        yield _open("EA304", name, message, evidence=evidence, total=count)
    for name, count, evidence in doubts.unparsed:
        yield _open("EA305", name, f"{count} lines are not understood", evidence=evidence, total=count)
    for name, count in doubts.unknown_logs:
        message = f"{count} access lines are of a pod that the snapshot does not have: they were not judged"
        yield _open("EA309", name, message, total=count)
    for name, count in doubts.foreign:
        message = f"{count} access lines have another pod's sockets: they were not judged"
        yield _open("EA315", name, message, total=count)


def _of_blind_spots(spots: Iterable[BlindSpot]) -> Iterable[Finding]:
    for spot in spots:
        if spot.kind in _NO_LOG:
            yield _open("EA307", spot.subject, spot.reason)
        else:
            severity = Severity.INFO if spot.kind == "system" else CONTROLS["EA306"].severity
            yield _said("EA306", spot.subject, spot.reason, severity=severity)


def _of_unproven(proxies: Iterable[UnprovenProxy]) -> Iterable[Finding]:
    for each in proxies:
        if each.matters:
            yield _open("EA316", each.subject, f"{each.why}; {each.matters}")
        else:
            yield _said("EA316", each.subject, each.why, severity=Severity.INFO)


def _of_coverage(facts: Facts) -> Iterable[Finding]:
    coverage = facts.coverage
    for sentence in coverage.broken:
        yield _open("EA312", "logs", sentence)
    if coverage.fraction < facts.fail_below:
        message = f"{coverage.fraction:.1%} of the expected log time is covered, {facts.fail_below:.1%} is required"
        yield _open("EA308", "coverage", message)
    if not any(ruling.judged.outcome is not None for ruling in facts.rulings):
        yield _open("EA311", "window", "no flow of the window has a verdict")


def _of_policy(policy: PolicyFacts) -> Iterable[Finding]:
    for kind, ref in policy.missing:
        yield _open("EA401", str(ref), f"the policy names the {kind} {ref}, which the snapshot does not have")
    for named in policy.missing_trust:
        yield _open("EA401", named.partition(" ")[2], f"the {named} is trusted, and the snapshot does not have it")
    for rule in policy.unused_rules:
        yield _said("EA402", rule, f"no flow fell under rule {rule}")
    for rule, waived in policy.expired_waivers:
        yield _open("EA403", rule, f"the waiver of rule {rule} ({waived.reason}) expired on {waived.expires}")
    for rule, waived in policy.unused_waivers:
        yield _said("EA404", rule, f"the waiver of rule {rule} ({waived.reason}) was not needed")


def _of_configuration(rulings: Iterable[Ruling]) -> Iterable[Finding]:
    gaps = sorted(
        {
            (gap, str(each.judged.group.host))
            for each in rulings
            if each.judged.outcome is Outcome.FAIL
            for gap in each.judged.decision.gaps
        }
    )
    for gap, host in gaps:
        yield _said("EA405", host, gap)


def _open(
    code: str,
    subject: str,
    message: str,
    *,
    advice: Sequence[str] = (),
    evidence: tuple[Evidence, ...] = (),
    total: int = 0,
) -> Finding:
    """A finding that leaves something unproven."""
    return _finding(code, subject, message, Outcome.INCONCLUSIVE, advice=advice, evidence=evidence, total=total)


def _said(
    code: str,
    subject: str,
    message: str,
    *,
    severity: Severity | None = None,
    confidence: Confidence = Confidence.OBSERVED,
    evidence: tuple[Evidence, ...] = (),
    total: int = 0,
) -> Finding:
    """A finding that is said, and changes no outcome."""
    return _finding(
        code, subject, message, None, severity=severity, confidence=confidence, evidence=evidence, total=total
    )


def _finding(
    code: str,
    subject: str,
    message: str,
    outcome: Outcome | None,
    *,
    severity: Severity | None = None,
    confidence: Confidence = Confidence.OBSERVED,
    advice: Sequence[str] = (),
    evidence: tuple[Evidence, ...] = (),
    total: int = 0,
) -> Finding:
    control = CONTROLS[code]
    return Finding(
        code=code,
        severity=severity or control.severity,
        outcome=outcome,
        confidence=confidence,
        subject=subject,
        message=message,
        advice=(*advice, control.remedy),
        evidence=evidence,
        evidence_total=total,
    )
