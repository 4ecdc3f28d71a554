"""What several reports say in the same words: the outcome, its counts, what became of the lines, what is not covered.

In: a part of a report, e.g. a `LineCount`. Out: words, e.g. `5 access (0 not clean) + 1 other + 0 unparsed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from egressaudit.model import (
    AuditReport,
    Confidence,
    Coverage,
    Decision,
    Evidence,
    Expectation,
    FlowGroup,
    Judged,
    LineCount,
    Outcome,
    ProxyView,
    SourceCoverage,
    Verdict,
    VerifyReport,
    Waived,
)
from egressaudit.report.cause_words import cause_words, told_apart
from egressaudit.report.safe import printable
from egressaudit.times import rfc3339

RAW_LIMIT = 2000
"""Characters of one raw line in a report for people; JSON has them all."""

MAX_TRUSTED = 20
"""Sentences about who is trusted in a report for people; JSON has them all."""

SCHEMA_VERSION = 1
KIND = "egressaudit-window"
NOT_PERFORMED: Final = "NOT_PERFORMED"
"""Stands where an outcome would, if no audit was performed."""

CONFIGURATION = "mesh configuration"
"""Stands where a rule's name would, if no policy rule decided."""

_IGNORED = {
    "foreign": "with another pod's sockets",
    "inbound": "inbound",
    "no-proxy": "from no proven proxy",
    "of-others": "from workloads that were not asked for",
    "outside-window": "outside the window",
    "unclean": "not clean",
}

_PROOF = {
    Confidence.JOINED: "lines of two proxies, joined by the addresses of the connection between them",
    Confidence.MATCHED: "lines of two proxies, matched by source IP, inner address and time",
    Confidence.REPORTED: "the line of one proxy alone",
    Confidence.OBSERVED: "no access line, but the snapshot, the policy or the account of what was read",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings count how, and what was proven."""

    violations: int
    unproven: int
    waived: int
    informational: int
    """Findings that change nothing."""
    proven_flows: int
    proven_groups: int


def tally(report: AuditReport) -> Tally:
    """The counts of a report; a waived finding counts as waived alone."""
    outcomes = [each.outcome for each in report.findings if each.waived is None]
    proven = [each.group.flows for each in report.judged if each.outcome is Outcome.PASS]
    return Tally(
        violations=outcomes.count(Outcome.FAIL),
        unproven=outcomes.count(Outcome.INCONCLUSIVE),
        waived=len(report.findings) - len(outcomes),
        informational=sum(each in (None, Outcome.PASS) for each in outcomes),
        proven_flows=sum(proven),
        proven_groups=len(proven),
    )


def first_line(report: AuditReport) -> str:
    """The outcome in words, with the counts of findings."""
    counts = tally(report)
    parts = [counted(counts.violations, "violation"), f"{counts.unproven} unproven", f"{counts.waived} waived"]
    if report.outcome is not Outcome.FAIL:
        parts.append(f"{counted(counts.proven_flows, 'flow')} proven" if counts.proven_groups else "nothing proven")
    return f"{report.outcome}: {', '.join(parts)}"


def last_line(report: AuditReport) -> str:
    """The same with its coverage: what a reader who reads one line must know."""
    line = f"{first_line(report)}; {coverage_words(report.coverage)}"
    blind = len(report.coverage.blind_spots)
    return f"{line}; {counted(blind, 'blind spot')}" if blind else line


def shares(count: LineCount) -> str:
    """What became of the lines that were read: what is added up here is all of them."""
    return f"{count.access} access ({count.unclean} not clean) + {count.other} other + {count.unparsed} unparsed"


def ignored_words(kind: str) -> str:
    """The kind of lines that were not counted as flows, in words: `outside the window`."""
    return _IGNORED.get(kind, kind)


def coverage_words(coverage: Coverage) -> str:
    """How much of the time that logs were expected for is covered, or that nobody can say."""
    if coverage.expected == 0:
        return "no log was expected, so coverage is not known"
    return f"{percent(coverage.fraction)} of expected log time covered"


def not_covered(report: AuditReport) -> tuple[str, ...]:
    """What the report says nothing about, one sentence each, never empty: a PASS is no wider than its evidence."""
    coverage, lines = report.coverage, report.coverage.lines
    waived = tally(report).waived
    unjudged = [each.group.flows for each in report.judged if each.outcome is None]
    uncovered = coverage.expected and (coverage.fraction < 1 or coverage.read < coverage.expected)
    read = f"{coverage.read} of {counted(coverage.expected, 'expected log')} read"
    silent = sum(not_logging(each.kind) for each in coverage.blind_spots)
    blind = len(coverage.blind_spots) - silent
    said = [
        (
            True,
            (
                f"Traffic before {rfc3339(report.window.start)} or from {rfc3339(report.window.end)} on, "
                "by the clocks of the nodes."
            ),
        ),
        (True, "Traffic without a line in any of the logs that were read."),
        (True, "Connections that were still open at the end: a proxy writes a connection's line when it ends."),
        *((True, sentence) for sentence in report.not_asked),
        (not coverage.expected, "How much is missing: nothing says which logs there should be."),
        (uncovered, f"Expected log time without a log: {percent(coverage.fraction)} is covered, {read}."),
        (blind, f"{counted(blind, 'blind spot')}: traffic that is captured by no proxy, named under coverage."),
        (silent, f"{counted(silent, 'proxy', 'proxies')} with logging off or filtered, named under coverage."),
        (lines.unparsed, f"{counted(lines.unparsed, 'line')} that could not be parsed."),
        (lines.unclean, f"{counted(lines.unclean, 'line')} not clean, which prove nothing."),
        (coverage.broken, f"{counted(len(coverage.broken), 'log')} that could not be read to the end."),
        (coverage.skipped, f"{counted(sum(coverage.skipped.values()), 'file')} passed over."),
        (unjudged, f"{counted(sum(unjudged), 'flow')} with nothing to judge: nothing left, or it failed on its way."),
        (report.internal, f"{counted(report.internal, 'flow')} inside the mesh, counted and not judged."),
        (waived, f"{counted(waived, 'waived finding')}, printed and not counted."),
    ]
    return tuple(sentence for applies, sentence in said if applies)


def trusted_words(report: AuditReport) -> tuple[str, ...]:
    """The sentences about who is trusted, for a person: past a few it says how many more there are; JSON has all."""
    more = len(report.trusted) - MAX_TRUSTED
    return (*report.trusted[:MAX_TRUSTED], *((f"and {more} more, all in -o json",) if more > 0 else ()))


def troubled(source: SourceCoverage) -> bool:
    """Whether a report must name this log: something is missing, odd or not understood in it."""
    short = source.expected and (not source.read or source.covered_seconds < source.expected_seconds)
    return bool(short or not source.expected or source.problems or source.lines.unparsed or source.lines.unclean)


def source_state(source: SourceCoverage) -> str:
    """How much of a log was seen, in a few words."""
    if not source.read:
        return "NOT READ" if source.expected else "not read, not expected"
    if not source.expected:
        return "not expected"
    if source.expected_seconds <= 0:
        return "read"
    return f"{percent(source.covered_seconds / source.expected_seconds)} covered"


def not_logging(kind: str) -> bool:
    """Whether a blind spot's kind is a proxy that does not log, rather than traffic outside capture."""
    return kind.startswith("logging")


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """A verdict as plain lines with its raw lines, for reports that hold it inside another format."""
    yield printable(verdict.reason)
    for label, sentence in cause_words(verdict.causes):
        yield printable(f"{label}: {sentence}")
    yield f"expected: {printable(expectation_words(verdict.expectation))}; seen: {verdict.path_seen}"
    for hop in verdict.flow.hops:
        yield printable(f"{hop.reporter} {hop.line.source}:{hop.line.number}")
        yield f"  {printable(hop.line.text, RAW_LIMIT)}"
    for hop in verdict.flow.unclean:
        yield printable(f"not clean: {hop.line.source}:{hop.line.number}")
        yield f"  {printable(hop.line.text, RAW_LIMIT)}"
    for advice in told_apart(verdict.advice, verdict.causes):
        yield printable(advice)


def views_of(report: VerifyReport, verdict: Verdict) -> tuple[ProxyView, ...]:
    """The proxies that were asked about a verdict's probe."""
    return tuple(each for each in report.proxies if each.asked.nonce == verdict.flow.probe.nonce)


def proxy_name(view: ProxyView) -> str:
    """`sidecar curl/curl-1`."""
    return f"{view.asked.reporter.noun} {view.asked.pod}"


def difference_lines(views: Iterable[ProxyView]) -> Iterator[str]:
    """What does not fit together between objects, proxies and lines, one sentence each."""
    return (f"{proxy_name(view)}: {each}" for view in views for each in view.differences)


def expectation_words(expectation: Expectation) -> str:
    """The expected path with its gateway or waypoint: `via-gateway istio-egress/gateway`."""
    if expectation.path is None:
        return "nothing: no object leads this host and port to a gateway or waypoint"
    if len(expectation.allowed) > 1:
        return f"{expectation.path} {' or '.join(map(str, expectation.allowed))}"
    return f"{expectation.path} {expectation.via}" if expectation.via else str(expectation.path)


def flows_words(group: FlowGroup) -> str:
    """How many flows went where, which way and when."""
    what = f"{counted(group.flows, 'flow')} to {place(group)}, {way(group)}"
    reason = f" ({group.reason})" if group.reason else ""
    return f"{what}{reason}, {rfc3339(group.first)} to {rfc3339(group.last)}"


def way(group: FlowGroup) -> str:
    """The path with the gateways and waypoints on it: `via-gateway istio-egress/gateway`."""
    return " ".join((group.path.value, *map(str, group.via)))


def expected_words(decision: Decision) -> str:
    """What should have been and who says so."""
    if decision.expected is None:
        return "nothing says anything about it"
    want = " ".join((decision.expected.value, " or ".join(map(str, decision.via)))).strip()
    return f"{want}; {', '.join(decision.because)}" if decision.because else want


def rule_words(rule: str, controls: tuple[str, ...]) -> str:
    """The rule with the controls it serves."""
    return f"{rule or CONFIGURATION} ({', '.join(controls)})" if controls else rule or CONFIGURATION


def outcome_words(judged: Judged) -> str:
    """A group's outcome; that it is waived is said with it."""
    outcome = judged.outcome.value if judged.outcome else "not judged"
    return f"{outcome} waived" if waiver(judged) else outcome


def waiver(judged: Judged) -> Waived | None:
    """The waiver that keeps a group from counting: only a violation can be waived."""
    return judged.decision.waived if judged.outcome is Outcome.FAIL else None


def proof_words(confidence: Confidence) -> str:
    """Which lines prove it."""
    return f"{confidence}: {_PROOF[confidence]}"


def evidence_place(evidence: Evidence) -> str:
    """`log:line (role)`, harmless to look at."""
    role = f" ({evidence.role})" if evidence.role else ""
    return printable(f"{evidence.source}:{evidence.line}{role}")


def place(group: FlowGroup) -> str:
    """`host:port`, or the host where no port is known; an IPv6 address in brackets."""
    if group.port is None:
        return group.host
    return f"[{group.host}]:{group.port}" if ":" in group.host else f"{group.host}:{group.port}"


def percent(fraction: float) -> str:
    """A share as `95.2 %`, rounded down: what is not wholly covered never reads as 100 %."""
    return f"{(Decimal(repr(fraction)) * 100).quantize(Decimal('0.1'), ROUND_FLOOR)} %"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 line`, `2 lines`."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
