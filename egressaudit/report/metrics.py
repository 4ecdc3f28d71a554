"""The numbers of an audit as metrics of Prometheus: a textfile for node_exporter, and OpenMetrics.

In: an `AuditReport`. Out: gauges, in each of the two formats that Prometheus reads. Example:
`egressaudit_findings{code="EA101",outcome="FAIL",severity="high",waived="false"} 3.0`.

Senders must not be able to make series. So every label is a word of ours, a code, a workload of the snapshot, or a host
that a proxy's cluster names; what is beyond the limits is added up under `other`. An audit that was not performed has
`egressaudit_outcome{outcome="NOT_PERFORMED"} 1`, and nothing else that could be taken for a result.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import BinaryIO, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from egressaudit import __version__
from egressaudit.addresses import canonical_ip
from egressaudit.findings import controls
from egressaudit.model import AuditReport, Coverage, Judged, Outcome
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED, waiver

MOST_HOSTS = 100
"""Hosts that have a name in labels, the worst outcomes first, then the most flows."""
MOST_SERIES = 2_000
"""Of `egressaudit_workload_flows`."""
_LONGEST = 128
_OTHER = "other"
_NONE = "none"
"""The outcome of what is not judged, or changes no outcome."""
_HOST = re.compile(r"[a-z0-9*_]([a-z0-9._-]*[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?")
_GRAVITY = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS, None)
_Labels = TypeVar("_Labels", bound=tuple[str, ...])
_WORKLOAD = ("namespace", "workload", "host", "outcome", "waived")


def _write_text(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    out.write(generate_latest(_registry(_families(report))))


def _write_openmetrics(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    out.write(_openmetrics(_families(report)))


def _text_error(_message: str, _hint: str) -> bytes:
    """Only the outcome: a message would be a label that nobody could match."""
    return generate_latest(_registry(_outcome(NOT_PERFORMED)))


def _openmetrics_error(_message: str, _hint: str) -> bytes:
    return _openmetrics(_outcome(NOT_PERFORMED))


def _openmetrics(families: Iterable[GaugeMetricFamily]) -> bytes:
    written: bytes = generate_openmetrics(_registry(families))
    return written


class _Families(Collector):
    """What is given, as a registry wants it."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._families


def _registry(families: Iterable[GaugeMetricFamily]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return registry


def _families(report: AuditReport) -> Iterator[GaugeMetricFamily]:
    yield from _outcome(report.outcome.value)
    yield _gauge("build_info", "Which egressaudit wrote this.", ("version",), {(__version__,): 1})
    yield from _times(report)
    yield from _covered(report.coverage)
    labels = ("code", "severity", "outcome", "waived")
    yield _gauge("findings", "Findings by code.", labels, _findings(report))
    yield _gauge("flows", "Judged flows by outcome and path.", ("outcome", "path", "waived"), _flows(report.judged))
    yield _plain("internal_flows", "Flows inside the mesh, which aren't judged.", report.internal)
    said = "Judged flows of each workload to each host that the mesh names; the rest is under other."
    yield _gauge("workload_flows", said, _WORKLOAD, _workload_flows(report.judged))
    if report.drift is not None:
        changes = Counter((each.change.value, each.of.value) for each in report.drift.rows)
        yield _gauge("drift", "Changes since the baseline.", ("change", "of"), changes)
        if report.drift.compared:
            said = "Findings that are violations and weren't in the baseline."
            yield _plain("new_violations", said, report.drift.new_violations)


def _outcome(found: str) -> Iterator[GaugeMetricFamily]:
    known = (*(each.value for each in Outcome), NOT_PERFORMED)
    said = "1 for the outcome of the audit, 0 for the others."
    yield _gauge("outcome", said, ("outcome",), {(each,): int(each == found) for each in known})


def _times(report: AuditReport) -> Iterator[GaugeMetricFamily]:
    moments: tuple[tuple[str, str, datetime | None], ...] = (
        ("window_start_timestamp_seconds", "Start of the audited window.", report.window.start),
        ("window_end_timestamp_seconds", "End of the audited window.", report.window.end),
        ("last_run_timestamp_seconds", "When the report was made.", report.run.created),
    )
    for name, said, at in moments:
        if at is not None:
            yield _plain(name, said, at.timestamp())


def _covered(coverage: Coverage) -> Iterator[GaugeMetricFamily]:
    lines = coverage.lines
    # Where no log was expected nobody knows the coverage: 0 raises the alarm that a missing series would not.
    said = "Covered share of the expected log time, 0 to 1; 0 if no log was expected."
    yield _plain("coverage_ratio", said, coverage.fraction)
    yield _gauge("logs", "Expected logs.", ("state",), {("expected",): coverage.expected, ("read",): coverage.read})
    results = {
        ("access",): lines.access - lines.unclean,
        ("not_clean",): lines.unclean,
        ("other",): lines.other,
        ("unparsed",): lines.unparsed,
    }
    yield _gauge("log_lines", "Lines of the logs that were read, each counted once.", ("result",), results)
    kinds = Counter((_word(each.kind),) for each in coverage.blind_spots)
    yield _gauge("blind_spots", "Traffic that no proxy logs, by kind.", ("kind",), kinds)


def _findings(report: AuditReport) -> Counter[tuple[str, ...]]:
    known = controls()
    return Counter(
        (
            each.code if each.code in known else _OTHER,
            each.severity.value,
            _outcome_word(each.outcome),
            _flag(value=each.waived is not None),
        )
        for each in report.findings
    )


def _flows(judged: Iterable[Judged]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for each in judged:
        key = (_outcome_word(each.outcome), each.group.path.value, _flag(value=waiver(each) is not None))
        found[key] += each.group.flows
    return found


def _workload_flows(judged: Iterable[Judged]) -> Counter[tuple[str, ...]]:
    """The most severe first, so that the limits cut off the least severe."""
    order = sorted(
        judged,
        key=lambda each: (
            _GRAVITY.index(each.outcome),
            -each.group.flows,
            each.group.host,
            each.group.subject,
        ),
    )
    hosts: dict[str, None] = {}
    found: Counter[tuple[str, ...]] = Counter()
    for each in order:
        host = _host(each.group.host)
        if host != _OTHER and (host in hosts or len(hosts) < MOST_HOSTS):
            hosts[host] = None
        else:
            host = _OTHER
        state = (_outcome_word(each.outcome), _flag(value=waiver(each) is not None))
        key = (_word(each.group.namespace), _word(each.group.workload), host, *state)
        if key not in found and len(found) >= MOST_SERIES:
            key = (_OTHER, _OTHER, _OTHER, *state)
        found[key] += each.group.flows
    return found


def _host(name: str) -> str:
    """A host of the mesh's registry. What no cluster names is an address here, for the name is the sender's claim."""
    named = len(name) <= _LONGEST and _HOST.fullmatch(name) is not None and canonical_ip(name) is None
    return name if named else _OTHER


def _word(name: str) -> str:
    """A name that Kubernetes allows; anything else would be text from a sender or an object."""
    return name if len(name) <= _LONGEST and _NAME.fullmatch(name) else _OTHER


def _outcome_word(outcome: Outcome | None) -> str:
    return _NONE if outcome is None else outcome.value


def _flag(*, value: bool) -> str:
    return "true" if value else "false"


def _gauge(name: str, said: str, labels: tuple[str, ...], values: Mapping[_Labels, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"egressaudit_{name}", said, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric([printable(each) for each in key], value)
    return family


def _plain(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"egressaudit_{name}", said, value=value)


PROMETHEUS = ReportWriter(_write_text, _text_error)
OPENMETRICS = ReportWriter(_write_openmetrics, _openmetrics_error)
