"""JSON of the report of `verify` (docs/json.md); `verify_document` is the schema.

In: a `VerifyReport`. Out: one JSON object in ASCII, its keys in the order of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from egressaudit import __version__
from egressaudit.model import (
    Attempted,
    BypassReport,
    BypassStanding,
    Choice,
    Hop,
    MadeFrom,
    MatrixRow,
    Outcome,
    Probe,
    ProxyView,
    Run,
    Step,
    Verdict,
    VerifyReport,
)
from egressaudit.report.document_parts import CauseRow, Failure, Lines, MadeFromPart, NetworkViewRow, RunPart, Tool
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.verify_document import (
    AskedChoice,
    AskedCluster,
    AskedLine,
    AskedRow,
    AskedStep,
    AttemptRow,
    BatteryPart,
    Curl,
    HopRow,
    LogRow,
    MatrixEntry,
    Sender,
    Sent,
    Summary,
    VerdictRow,
    VerifyDocument,
)


def _write(report: VerifyReport, out: BinaryIO, _screen: Screen) -> None:
    outcomes = [verdict.outcome for verdict in report.verdicts]
    document = VerifyDocument(
        tool=Tool(version=__version__),
        run=RunPart.of(report.run),
        made_from=MadeFromPart.of(report.made_from),
        outcome=report.outcome,
        policy=report.policy,
        summary=Summary(**{outcome.value: outcomes.count(outcome) for outcome in Outcome}),
        matrix=tuple(map(_entry, report.matrix)),
        verdicts=tuple(map(_verdict, report.verdicts)),
        proxies=tuple(map(_proxy, report.proxies)),
        network=tuple(map(NetworkViewRow.of, report.network)),
        bypass=tuple(map(_battery, report.bypass)),
        logs=tuple(
            LogRow(source=str(source), reporter=report.reporters.get(source), **Lines.of(count).model_dump())
            for source, count in sorted(report.lines.items())
        ),
        trusted=report.trusted,
        notes=report.notes,
    )
    out.write(_bytes(document))


def _error(message: str, hint: str) -> bytes:
    """The same schema with `error` and no verdicts: nothing that a reader could take for a result."""
    document = VerifyDocument(
        tool=Tool(version=__version__),
        run=RunPart.of(Run()),
        made_from=MadeFromPart.of(MadeFrom()),
        error=Failure(message=message, hint=hint),
        outcome=None,
        policy="",
        summary=Summary(**{outcome.value: 0 for outcome in Outcome}),
        matrix=(),
        verdicts=(),
        logs=(),
        trusted=(),
        notes=(),
    )
    return _bytes(document)


def _bytes(document: VerifyDocument) -> bytes:
    left_out = set() if document.error else {"error"}
    return (json.dumps(document.model_dump(mode="json", exclude=left_out), indent=2) + "\n").encode()


def _verdict(verdict: Verdict) -> VerdictRow:
    probe, expectation, flow = verdict.flow.probe, verdict.expectation, verdict.flow
    return VerdictRow(
        outcome=verdict.outcome,
        path_seen=verdict.path_seen,
        path_expected=expectation.path,
        via_expected=str(expectation.via) if expectation.via else None,
        host=probe.target.host,
        port=probe.target.port,
        scheme=probe.target.scheme,
        url=str(probe.target),
        reason=verdict.reason,
        advice=verdict.advice,
        expected_because=expectation.because,
        code=verdict.code,
        causes=tuple(map(CauseRow.of, verdict.causes)),
        source=_sender(probe),
        probe=_sent(probe),
        hops=tuple(_hop(hop, key) for hop, key in zip(flow.hops, flow.joined_by, strict=True)),
        not_clean=tuple(_hop(hop, None) for hop in flow.unclean),
    )


def _entry(row: MatrixRow) -> MatrixEntry:
    cell, decisive = row.cell, row.decisive
    first = decisive.causes[0].code if decisive is not None and decisive.causes else ""
    waived = decisive.waived if decisive is not None else None
    return MatrixEntry(
        host=cell.host,
        port=cell.target.port if cell.target else None,
        scheme=cell.target.scheme if cell.target else None,
        url=str(cell.target or ""),
        source=cell.source,
        pod=str(cell.pod or ""),
        rule=cell.rule,
        outcome=row.outcome,
        path_seen=decisive.path_seen if decisive else None,
        path_expected=decisive.expectation.path if decisive else None,
        code=decisive.code if decisive else "",
        cause=first,
        waived=f"until {waived.expires}: {waived.reason}" if waived else "",
        reason=cell.reason or (decisive.reason if decisive else ""),
        nonce=cell.nonce,
    )


def _sender(probe: Probe) -> Sender:
    return Sender(namespace=probe.source.namespace, pod=probe.source.name, container=probe.container)


def _sent(probe: Probe) -> Sent:
    return Sent(
        nonce=probe.nonce,
        redirected_from=probe.redirected_from,
        started=probe.started.isoformat(),
        ended=probe.ended.isoformat(),
        curl=Curl(
            exit_code=probe.result.exit_code,
            http_code=probe.result.http_code,
            local_address=probe.result.local_address,
            remote_address=probe.result.remote_address,
            redirect_url=probe.result.redirect_url,
            error=probe.result.error,
        ),
    )


def _battery(report: BypassReport) -> BatteryPart:
    target = report.target
    return BatteryPart(
        outcome=report.outcome,
        host=target.host,
        port=target.port,
        scheme=target.scheme,
        url=str(target),
        source=str(report.source),
        counts={each: len(report.standing(each)) for each in BypassStanding},
        attempts=tuple(map(_attempt, report.attempts)),
    )


def _attempt(attempt: Attempted) -> AttemptRow:
    flow = None if attempt.verdict is None else attempt.verdict.flow
    return AttemptRow(
        code=attempt.code,
        name=attempt.name,
        title=attempt.title,
        standing=attempt.standing,
        because=attempt.because,
        asked=attempt.asked,
        control=attempt.control,
        confidence=attempt.confidence,
        advice=attempt.advice,
        source=None if flow is None else _sender(flow.probe),
        probe=None if flow is None else _sent(flow.probe),
        hops=() if flow is None else tuple(_hop(hop, key) for hop, key in zip(flow.hops, flow.joined_by, strict=True)),
    )


def _proxy(view: ProxyView) -> AskedRow:
    asked = view.asked
    return AskedRow(
        nonce=asked.nonce,
        reporter=asked.reporter,
        pod=str(asked.pod),
        host=asked.call.host,
        port=asked.call.port,
        declared=None if view.declared is None else _step(view.declared, {}),
        programmed=None if asked.step is None else _step(asked.step, asked.endpoints),
        observed=None if view.observed is None else AskedLine(cluster=view.observed[0], route=view.observed[1]),
        differences=view.differences,
        error=asked.error,
    )


def _step(step: Step, endpoints: Mapping[str, tuple[str, ...]]) -> AskedStep:
    return AskedStep(listener=step.listener, choices=tuple(_choice(each, endpoints) for each in step.choices))


def _choice(choice: Choice, endpoints: Mapping[str, tuple[str, ...]]) -> AskedChoice:
    return AskedChoice(
        act=choice.act,
        clusters=tuple(
            AskedCluster(cluster=each.cluster, weight=each.weight, endpoints=endpoints.get(each.cluster))
            for each in choice.to
        ),
        route=choice.route,
        rule=str(choice.rule or "").strip(),
        when=choice.when,
        reason=choice.reason,
    )


def _hop(hop: Hop, joined_by: str | None) -> HopRow:
    # Their type is the document's to check: numbers, booleans, times, text.
    fields: dict[str, Any] = {name: value for name, value in sorted(hop.fields.items()) if value is not None}
    return HopRow(
        reporter=hop.reporter,
        source=str(hop.line.source),
        line=hop.line.number,
        dialect=hop.dialect,
        clean=hop.clean,
        joined_by=joined_by,
        fields=fields,
        raw=hop.line.text,
    )


VERIFY = ReportWriter(_write, _error)
