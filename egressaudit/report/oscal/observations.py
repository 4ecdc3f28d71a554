"""What was observed, as OSCAL has it: coverage, each finding, and what each rule was proven by, down to the log line.

In: an `AuditReport`. Out: observations and the subjects they are about. Example: an EA101 of shop/Deployment/cart is an
observation with the property `code`, with the workload as its subject, and with `shop/cart-1/istio-proxy` line 12 and
the SHA-256 of that line as evidence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from egressaudit.findings.fingerprints import fingerprint_of
from egressaudit.model import AuditReport, Evidence, Finding, Judged, Outcome
from egressaudit.report.oscal.oscal_parts import Json, filled, identifier, items, marked, props
from egressaudit.report.redaction import Level
from egressaudit.report.redaction.secret_text import REDACTED
from egressaudit.report.safe import printable
from egressaudit.report.wording import (
    CONFIGURATION,
    RAW_LIMIT,
    counted,
    expected_words,
    flows_words,
    not_covered,
    percent,
    shares,
    source_state,
)
from egressaudit.times import rfc3339

MOST_PROOFS = 20
"""Groups of flows that show what proved a rule; JSON has all of them."""
METHODS = ["EXAMINE"]
"""Logs that are there are examined; nothing is sent."""


@dataclass(frozen=True, slots=True)
class NamedFinding:
    """A finding with the name that makes its identifiers: its fingerprint, with a number where two have the same."""

    finding: Finding
    name: str


@dataclass(frozen=True)
class Observed:
    """The observations of one report."""

    report: AuditReport
    result: str
    """The identifier of the result: what was observed in another window is another observation."""
    origins: list[Json]

    @cached_property
    def findings(self) -> tuple[NamedFinding, ...]:
        """The findings with their names."""
        seen: Counter[str] = Counter()
        named = []
        for each in self.report.findings:
            name = fingerprint_of(each)
            seen[name] += 1
            named.append(NamedFinding(each, name if seen[name] == 1 else f"{name}-{seen[name]}"))
        return tuple(named)

    @cached_property
    def proven(self) -> dict[str, list[Judged]]:
        """What is PASS, by the rule that decided; '' where the configuration did."""
        by: defaultdict[str, list[Judged]] = defaultdict(list)
        for each in self.report.judged:
            if each.outcome is Outcome.PASS:
                by[each.decision.rule].append(each)
        return dict(by)

    def coverage_id(self) -> str:
        """The identifier of what says how complete the evidence is."""
        return identifier(self.result, "coverage")

    def finding_id(self, named: NamedFinding) -> str:
        """The identifier of a finding's observation."""
        return identifier(self.result, "finding", named.name)

    def rule_id(self, rule: str) -> str:
        """The identifier of what was proven for a rule."""
        return identifier(self.result, "proven", rule)

    def observations(self) -> Iterator[Json]:
        """All of them, coverage first."""
        yield self._coverage()
        yield from map(self._finding, self.findings)
        for rule, judged in self.proven.items():
            yield self._proven(rule, judged)

    def subjects(self) -> list[Json]:
        """The workloads, pods, logs and rules that observations are about, each once."""
        names = dict.fromkeys(
            (
                *(each.subject for each in self.report.findings),
                *(each.group.subject for groups in self.proven.values() for each in groups),
            )
        )
        return [{"uuid": self._subject_id(name), "description": marked(name)} for name in names]

    def _subject_id(self, name: str) -> str:
        made = self.report.made_from
        return identifier("subject", made.cluster_uid or made.server, name)

    def _about(self, names: Iterable[str]) -> list[Json]:
        unique = dict.fromkeys(names)
        return [
            {"subject-uuid": self._subject_id(name), "type": "inventory-item", "title": marked(name)} for name in unique
        ]

    def _coverage(self) -> Json:
        coverage = self.report.coverage
        said = [
            f"{coverage.read} of {counted(coverage.expected, 'expected log')} read",
            f"{counted(coverage.lines.read, 'line')}: {shares(coverage.lines)}",
            *not_covered(self.report),
        ]
        pairs = [
            ("expected-logs", str(coverage.expected)),
            ("read-logs", str(coverage.read)),
            ("covered", percent(coverage.fraction) if coverage.expected else "not known"),
            ("blind-spots", str(len(coverage.blind_spots))),
            ("unparsed-lines", str(coverage.lines.unparsed)),
        ]
        return filled(
            {
                "uuid": self.coverage_id(),
                "title": "How complete the evidence is",
                "description": items(said),
                "props": props(pairs),
                "methods": METHODS,
                "types": ["control-objective"],
                "origins": self.origins,
                "relevant-evidence": [
                    {
                        "description": marked(f"log {each.name}: {source_state(each)}"),
                        "props": props(
                            [
                                ("log", each.name),
                                ("lines", str(each.lines.read)),
                                *(("problem", p) for p in each.problems),
                            ]
                        ),
                    }
                    for each in coverage.sources
                ],
                "collected": rfc3339(self.report.window.end),
            }
        )

    def _finding(self, named: NamedFinding) -> Json:
        each = named.finding
        said = [each.message]
        if each.judged is not None:
            said += [f"seen: {flows_words(each.judged.group)}", f"expected: {expected_words(each.judged.decision)}"]
        said += [f"cause: {cause.code} {cause.sentence}" for cause in each.causes[:1]]
        pairs = [
            ("code", each.code),
            ("outcome", each.outcome.value if each.outcome else "informational"),
            ("severity", each.severity.value),
            ("confidence", each.confidence.value),
            ("rule", each.rule),
            *(("control", control) for control in each.controls),
            ("fingerprint", named.name),
            ("evidence-lines", str(max(each.evidence_total, len(each.evidence)))),
        ]
        return filled(
            {
                "uuid": self.finding_id(named),
                "title": marked(f"{each.code} {each.subject}"),
                "description": items(said),
                "props": props(pairs),
                "methods": METHODS,
                "types": ["discovery" if each.outcome is Outcome.FAIL else "control-objective"],
                "origins": self.origins,
                "subjects": self._about([each.subject]),
                "relevant-evidence": [self._line(line) for line in each.evidence],
                "collected": rfc3339(each.judged.group.last if each.judged else self.report.window.end),
            }
        )

    def _proven(self, rule: str, groups: list[Judged]) -> Json:
        flows = sum(each.group.flows for each in groups)
        shown = groups[:MOST_PROOFS]
        more = len(groups) - len(shown)
        said = [
            f"{counted(flows, 'flow')} of {counted(len(groups), 'group')} went as they should",
            *(f"{each.group.subject}: {flows_words(each.group)}: {each.because}" for each in shown),
            *([f"and {counted(more, 'more group')}, all in -o json"] if more > 0 else []),
        ]
        return filled(
            {
                "uuid": self.rule_id(rule),
                "title": marked(f"Proven: {rule or CONFIGURATION}"),
                "description": items(said),
                "props": props([("rule", rule), ("flows", str(flows)), ("groups", str(len(groups)))]),
                "methods": METHODS,
                "types": ["control-objective"],
                "origins": self.origins,
                "subjects": self._about(each.group.subject for each in groups),
                "relevant-evidence": [self._line(line) for each in shown for line in each.group.evidence],
                "collected": rfc3339(max(each.group.last for each in groups)),
            }
        )

    def _line(self, line: Evidence) -> Json:
        """One log line: which, whose, its digest, and its text as far as a report for people shows it."""
        known = [("text", printable(line.raw, RAW_LIMIT))] if line.raw else []
        if line.raw and not self._may_be_redacted(line):
            known.insert(0, ("line-sha-256", _digest(line.raw)))
        return {
            "description": marked(f"line {line.line} of log {line.source}, of the {line.role or 'proxy'}"),
            "props": props([("log", line.source), ("line", str(line.line)), *known]),
        }

    def _may_be_redacted(self, line: Evidence) -> bool:
        """Whether the line may read otherwise in the log: then a digest of this text wouldn't match the log."""
        return REDACTED in line.raw or any(level != Level.QUERIES for level in self.report.run.redacted)


def _digest(raw: str) -> str:
    """SHA-256 of the line's bytes, without its newline."""
    # Bytes of a log that aren't UTF-8 are surrogates; others were never a log's.
    try:
        written = raw.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        written = raw.encode("utf-8", "surrogatepass")
    return sha256(written).hexdigest()
