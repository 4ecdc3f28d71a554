"""What the page's scripts work on: flows, findings and logs of an audit, as rows for JSON.

In: an `AuditReport`, and which findings are shown. Out: a dict, e.g. `{"texts": ["", "shop"], "flows": [[...]], ...}`.
Rows are lists in the order of `FLOW`, `FINDING` and `LOG`, which the page has too; texts stand in them by number
(`SharedTexts`), times as milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from egressaudit.findings.fingerprints import fingerprint_of
from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import (
    AuditReport,
    BlindSpot,
    Finding,
    FoundCause,
    Judged,
    SourceCoverage,
    Window,
)
from egressaudit.report.cause_words import MOST_SHOWN, cause_words, gaps_beside, told_apart
from egressaudit.report.explained import explanations
from egressaudit.report.html.marked_chain import Chains, Row, reporters_of
from egressaudit.report.html.page_words import LABELS, state_word
from egressaudit.report.html.shared_texts import SharedTexts
from egressaudit.report.safe import printable_lines
from egressaudit.report.wording import (
    CONFIGURATION,
    expected_words,
    flows_words,
    place,
    proof_words,
    rule_words,
    source_state,
    troubled,
    waiver,
)

if TYPE_CHECKING:
    from egressaudit.model import FlowGroup

FLOW = (
    *("state", "namespace", "workload", "host", "place", "path", "via", "flows", "first", "last", "reason"),
    *("because", "expected", "rule", "controls", "proof", "names", "reached", "gaps", "causes", "spread", "chain"),
)
FINDING = (
    *("id", "state", "code", "severity", "subject", "message", "waived", "facts", "advice", "yaml", "flow"),
    *("evidence", "total", "explained_by", "explains"),
)
LOG = (
    *("name", "proxy", "state", "troubled", "critical", "read", "unclear"),
    *("first", "last", "ran", "missing", "problems"),
)
MOST_LINKS = 12
"""Other findings that one of them names: what explains it, and what it explains."""
SPOT = ("kind", "subject", "workload", "why")


def audit_data(report: AuditReport, findings: Sequence[Finding]) -> Row:
    """The page's data; `findings` are those that are shown, in their order."""
    rows = _Rows()
    chains = Chains(rows.texts, reporters_of(report))
    of_groups = chains.of_groups(report.judged)
    where = {each.group: n for n, each in reversed(list(enumerate(report.judged)))}
    flows = [rows.flow(each, chain) for each, chain in zip(report.judged, of_groups, strict=True)]
    known, number = explanations(report), {id(each): n for n, each in enumerate(findings)}
    found = [
        [
            *rows.finding(each, where, chains),
            [number[id(other)] for other in known.of((each,)) if id(other) in number][:MOST_LINKS],
            [number[id(other)] for other in known.by((each,)) if id(other) in number][:MOST_LINKS],
        ]
        for each in findings
    ]
    data: Row = {
        "window": _span(report.window),
        "flow_columns": FLOW,
        "finding_columns": FINDING,
        "log_columns": LOG,
        "spot_columns": SPOT,
        "flows": flows,
        "findings": found,
        "logs": [rows.log(each) for each in report.coverage.sources],
        "spots": [rows.spot(each) for each in report.coverage.blind_spots],
        "without_lines": chains.left_out,
        "parts": max((len(each.group.spread) for each in report.judged), default=0),
    }
    # Last, for the rows above have put their texts there.
    return {**data, "texts": rows.texts.all}


class _Rows:
    """Makes rows of the parts of one report, and keeps their texts."""

    def __init__(self) -> None:
        self.texts = SharedTexts()

    def flow(self, judged: Judged, chain: Row | None) -> list[object]:
        """A group of flows, as `FLOW` says."""
        group, decision, keep = judged.group, judged.decision, self.texts.index
        reached = [address if port is None else f"{address} port {port}" for address, port in group.reached]
        return [
            state_of(judged),
            keep(group.namespace),
            keep(group.workload),
            keep(group.host),
            keep(place(group)),
            keep(group.path.value),
            [keep(str(each)) for each in group.via],
            group.flows,
            _moment(group.first),
            _moment(group.last),
            keep(group.reason),
            keep(judged.because),
            keep(expected_words(decision)),
            keep(decision.rule or CONFIGURATION),
            [keep(each) for each in decision.controls],
            keep(proof_words(group.confidence)),
            [keep(each) for each in group.server_names],
            [keep(each) for each in reached],
            [keep(each) for each in decision.fault_texts],
            [keep(f"{each.code} {each.sentence}") for each in judged.causes[:MOST_SHOWN]],
            _shortened(group.spread),
            chain,
        ]

    def finding(self, finding: Finding, where: dict[FlowGroup, int], chains: Chains) -> list[object]:
        """A finding, as `FINDING` says, without the other findings that it names."""
        keep, judged = self.texts.index, finding.judged
        flow = None if judged is None else where.get(judged.group)
        waived = finding.waived
        return [
            fingerprint_of(finding)[:12],
            "waived" if waived else state_word(finding.outcome),
            keep(finding.code),
            finding.severity.value,
            keep(finding.subject),
            keep(finding.message),
            keep(f"until {waived.expires}: {waived.reason}" if waived else ""),
            [[keep(label), keep(sentence)] for label, sentence in self._facts(finding)],
            [keep(each) for each in told_apart(finding.advice, finding.causes)],
            self._yaml(finding.causes),
            flow,
            chains.of_lines(finding.evidence) if flow is None else None,
            max(finding.evidence_total, len(finding.evidence)),
        ]

    def log(self, source: SourceCoverage) -> list[object]:
        """A log, as `LOG` says."""
        keep, lines = self.texts.index, source.lines
        return [
            keep(source.name),
            keep(source.reporter.noun if source.reporter else "unknown"),
            keep(source_state(source)),
            int(troubled(source)),
            int(source.critical),
            lines.read,
            lines.unclean + lines.unparsed,
            _moment(source.first),
            _moment(source.last),
            [_span(each) for each in source.ran],
            [_span(each) for each in source.missing],
            [keep(each) for each in source.problems],
        ]

    def spot(self, spot: BlindSpot) -> list[object]:
        """A blind spot, as `SPOT` says."""
        return [self.texts.index(each) for each in (spot.kind, spot.subject, spot.workload, blind_spot_words(spot))]

    def _facts(self, finding: Finding) -> list[tuple[str, str]]:
        facts: list[tuple[str, str]] = []
        if finding.judged is not None:
            facts.append(("Seen", flows_words(finding.judged.group)))
            facts.append(("Expected", expected_words(finding.judged.decision)))
        facts += [(LABELS[label], sentence) for label, sentence in cause_words(finding.causes)]
        facts += [("Gap", fault) for fault in gaps_beside(finding)]
        if finding.rule or finding.controls:
            facts.append(("Rule", rule_words(finding.rule, finding.controls)))
        return [*facts, ("Proof", proof_words(finding.confidence))]

    def _yaml(self, causes: Sequence[FoundCause]) -> str:
        """The manifests of the smallest fix: many lines, each made harmless."""
        return next((printable_lines(each.fixes[0].yaml) for each in causes[:MOST_SHOWN] if each.fixes), "")


def _shortened(counts: Sequence[int]) -> list[int]:
    """Counts, most of which are 0: pairs of a part's number and its count, one after the other."""
    return [number for part, count in enumerate(counts) if count for number in (part, count)]


def state_of(judged: Judged) -> str:
    """How the page shows a group: `fail`, `unproven`, `pass`, `none` (nothing to judge) or `waived`."""
    return "waived" if waiver(judged) else state_word(judged.outcome)


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _span(window: Window) -> tuple[int | None, int | None]:
    return _moment(window.start), _moment(window.end)
