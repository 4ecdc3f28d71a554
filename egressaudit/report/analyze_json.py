"""JSON of the report of `analyze` (docs/analyze.md); `analyze_document` is the schema.

In: an `AnalyzeReport`. Out: one JSON object in ASCII, its keys in the order of the schema.
"""

from __future__ import annotations

import json
from typing import BinaryIO

from egressaudit import __version__
from egressaudit.model import Choice, MadeFrom, Outcome, Run, Step
from egressaudit.model.analysis import (
    AnalyzeReport,
    DeclaredWay,
    FoundFault,
    HopLogging,
    LiveFindings,
    LogOutput,
    Permission,
    ProxyState,
    SourceGroup,
)
from egressaudit.report import analyze_document as to
from egressaudit.report.analyze_words import undeclared
from egressaudit.report.document_parts import Failure, FixRow, MadeFromPart, NetworkViewRow, RunPart, Tool
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED


def _write(report: AnalyzeReport, out: BinaryIO, _screen: Screen) -> None:
    outcomes = [each.outcome for each in report.ways]
    without = undeclared(report)
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome}
    document = to.AnalyzeDocument(
        tool=Tool(version=__version__),
        run=RunPart.of(report.run),
        made_from=MadeFromPart.of(report.made_from),
        outcome=report.outcome,
        summary=to.Counted(**counts, undeclared=len(without), faults=len(report.faults)),
        ways=tuple(map(_way, report.ways)),
        faults=tuple(map(_fault, report.faults)),
        undeclared=without,
        sources=tuple(map(_source, report.groups)),
        logging=tuple(map(_logging, report.logging)),
        proxies=tuple(map(_proxy, report.proxies)),
        network=tuple(map(NetworkViewRow.of, report.network)),
        live=None if report.live is None else _live(report.live),
        programmed=None
        if report.programmed is None
        else tuple(
            to.ProgrammedRow(
                proxy=each.proxy,
                host=each.host,
                declared=each.declared,
                programmed=each.programmed,
                reason=each.reason,
            )
            for each in report.programmed
        ),
        undecided=report.undecided,
        notes=report.notes,
    )
    out.write(_bytes(document))


def _error(message: str, hint: str) -> bytes:
    """The same schema with `error` and nothing else: nothing that a reader could take for a result."""
    return _bytes(
        to.AnalyzeDocument(
            tool=Tool(version=__version__),
            run=RunPart.of(Run()),
            made_from=MadeFromPart.of(MadeFrom()),
            error=Failure(message=message, hint=hint),
            outcome=NOT_PERFORMED,
            summary=to.Counted(PASS=0, FAIL=0, INCONCLUSIVE=0, undeclared=0, faults=0),
            ways=(),
            faults=(),
            undeclared=(),
            sources=(),
            logging=(),
            proxies=(),
            live=None,
            programmed=None,
            undecided=(),
            notes=(),
        )
    )


def _bytes(document: to.AnalyzeDocument) -> bytes:
    # pydantic's own writer: a large mesh has many ways, and json.dumps that indents takes eight times as long.
    left_out = set() if document.error else {"error"}
    return (document.model_dump_json(indent=2, ensure_ascii=True, exclude=left_out) + "\n").encode()


def _way(way: DeclaredWay) -> to.WayRow:
    return to.WayRow(
        outcome=way.outcome,
        host=way.host,
        port=way.port,
        scheme=way.scheme,
        sources=way.sources,
        path=way.path,
        via=None if way.via is None else str(way.via),
        passing=tuple(map(str, way.passing)),
        because=way.because,
        faults=way.found,
        steps=() if way.way is None else tuple(map(_step, way.way.steps)),
    )


def _step(step: Step) -> to.StepRow:
    return to.StepRow(
        proxy=str(step.proxy),
        reporter=step.reporter,
        listener=step.listener,
        choices=tuple(map(_choice, step.choices)),
    )


def _choice(choice: Choice) -> to.ChoiceRow:
    rule = choice.rule
    return to.ChoiceRow(
        act=choice.act,
        route=choice.route,
        rule=None if rule is None else to.Decides(object=rule.object, field=rule.field),
        to=tuple(
            to.LeadsTo(cluster=each.cluster, host=each.host, port=each.port, subset=each.subset, weight=each.weight)
            for each in choice.to
        ),
        when=choice.when,
        reason=choice.reason,
    )


def _fault(found: FoundFault) -> to.FaultRow:
    written = found.written
    return to.FaultRow(
        code=found.code,
        slug=found.fault.slug,
        effect=found.effect,
        message=found.fault.message,
        objects=found.fault.objects,
        field=found.fault.field or None,
        written=None if written is None else to.WhereWritten(file=written.file, line=written.line or None),
        fixes=tuple(map(FixRow.of, found.fixes)),
        hosts=found.hosts,
        sources=found.sources,
    )


def _source(group: SourceGroup) -> to.SourceRow:
    return to.SourceRow(
        name=group.name,
        namespace=group.namespace,
        mode=group.mode,
        marks=group.marks,
        workloads=group.workloads,
        pods=group.pods,
    )


def _logging(hop: HopLogging) -> to.LoggingRow:
    return to.LoggingRow(
        proxy=hop.proxy,
        reporter=hop.reporter,
        writes=hop.writes,
        outputs=tuple(map(_output, hop.outputs)),
        reasons=hop.reasons,
    )


def _output(output: LogOutput) -> to.OutputRow:
    said = output.format
    own = None if said is None else said.text if said.labels is None else said.labels
    return to.OutputRow(
        where=output.where,
        encoding=output.encoding or None,
        format=None if not own else own if isinstance(own, str) else json.dumps(own, sort_keys=True),
        read=output.read,
    )


def _proxy(proxy: ProxyState) -> to.ProxyRow:
    return to.ProxyRow(
        kind=proxy.kind,
        name=str(proxy.name),
        gateway_class=proxy.gateway_class or None,
        programmed=proxy.programmed or None,
        reason=proxy.reason,
        ready_pods=proxy.ready,
        versions=proxy.versions,
    )


def _live(live: LiveFindings) -> to.LiveRow:
    return to.LiveRow(
        permissions=tuple(map(_permission, live.permissions)),
        grant=live.grant or None,
        control_planes=tuple(
            to.ControlPlaneRow(name=str(each.name), revision=each.revision, version=each.version, ready=each.ready)
            for each in live.control_planes
        ),
        operator=tuple(
            to.OperatorRow(
                kind=each.kind,
                name=each.name,
                namespace=each.namespace,
                version=each.version,
                state=each.state,
                reason=each.reason,
            )
            for each in live.operator
        ),
        apis=tuple(to.ApiRow(group=each.group, versions=each.versions, kinds=each.kinds) for each in live.apis),
    )


def _permission(each: Permission) -> to.PermissionRow:
    return to.PermissionRow(
        verb=each.verb,
        group=each.group,
        resource=each.resource,
        namespace=each.namespace or None,
        name=each.name or None,
        commands=each.commands,
        allowed=each.allowed,
        without=each.without,
    )


ANALYZE = ReportWriter(_write, _error)
