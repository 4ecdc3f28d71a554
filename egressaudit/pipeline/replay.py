"""From a capture to a report: the path that live runs and saved logs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as File

from egressaudit.errors import BadLogs, UsageError
from egressaudit.evidence.folder import PROBES
from egressaudit.evidence.saved_run import load
from egressaudit.findings.trust_notes import trusted_for_flows
from egressaudit.findings.unproven import unproven_notes
from egressaudit.hops.forgeable import Suspicions, forgeable_logs
from egressaudit.hops.line_parser import Parsed, format_set, parse, unproven, unreadable
from egressaudit.join import Vantage, join
from egressaudit.judge.believed import mesh_of
from egressaudit.judge.expected import expectations_of, parse_expect, source_log, source_of
from egressaudit.judge.hop_facts import Surfaces
from egressaudit.judge.probe_path import Surroundings
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh, Trust
from egressaudit.mesh.places import owners
from egressaudit.model import (
    Capture,
    LineCount,
    LogSource,
    ObjectRef,
    Pod,
    Probe,
    Reporter,
    Scheme,
    VerifyReport,
)


def audit(folder: File, trust: Trust | None = None, expect: str | None = None) -> VerifyReport:
    """The report on a saved run, with the trust and the expectation saved with it unless others are given.

    BadLogs where the folder does not hold one, UsageError for an `expect` that cannot be.
    """
    if expect is not None:
        parse_expect(expect)
    capture = load(folder)
    try:
        return report_on(capture if expect is None else replace(capture, expect=expect), trust)
    except UsageError as error:
        if expect is not None:
            raise
        # What was expected stands in the folder, and not on this command line.
        raise BadLogs(f"{folder / PROBES} and mesh.json do not fit together: {error.message}") from error


def report_on(capture: Capture, trust: Trust | None = None) -> VerifyReport:
    """Parse, join and judge a capture; `trust` instead of what was saved with it."""
    mesh = mesh_of(capture.mesh, capture.expect, trust)
    return judge_lines(capture, mesh, parse_lines(capture, mesh))


def parse_lines(capture: Capture, mesh: Mesh) -> Parsed:
    """The hops of a capture; every line of every log is counted, also in a log that has none."""
    return parse(capture.lines, reporters_of(capture.sources, mesh), format_set(mesh.custom_formats))


def judge_lines(capture: Capture, mesh: Mesh, parsed: Parsed) -> VerifyReport:
    """Join and judge hops that are parsed already."""
    own = ((str(probe.source), source_log(mesh, probe)) for probe in capture.probes)
    vantage = Vantage(
        source_log={source: log for source, log in own if log is not None},
        addresses={log: pod.addresses for pod in mesh.pods for log in mesh.logs_of((pod,))},
        before=capture.before,
    )
    flows = join(parsed.hops, capture.probes, vantage)
    expectations = expectations_of(capture, mesh)
    suspicions = Suspicions.of(mesh)
    forgeable = forgeable_logs(parsed, suspicions)
    verdicts = tuple(
        judge(flow, expectations[flow.probe.nonce], _around(flow.probe, capture, mesh, parsed, forgeable))
        for flow in flows
    )
    return VerifyReport(
        verdicts=verdicts,
        lines=parsed.lines,
        reporters=reporters_of(capture.sources, mesh),
        notes=(
            *capture.notes,
            *_unread(mesh),
            *suspicions.note(capture.sources),
            *unproven_notes(mesh, capture.sources, parsed.hops),
            *_not_followed(capture.probes),
        ),
        trusted=trusted_for_flows(flows, mesh),
    )


def _not_followed(probes: Sequence[Probe]) -> tuple[str, ...]:
    """Where the last probe was sent on to, and nothing was sent: nobody knows which way that would leave."""
    followed = {probe.redirected_from for probe in probes}
    return tuple(
        f"the redirect to {probe.result.redirect_url} was not followed: which way that leaves is not known"
        for probe in probes
        if probe.nonce not in followed
        and probe.result.redirect_url is not None
        and 300 <= (probe.result.http_code or 0) < 400
    )


def _unread(mesh: Mesh) -> tuple[str, ...]:
    why = unreadable(mesh.custom_formats)
    if why:
        return (f"{why}: Envoy's access lines count as unparsed and prove nothing",)
    return tuple(
        f"{trouble}: its access lines count as not clean and prove nothing" for trouble in unproven(mesh.custom_formats)
    )


def reporters_of(sources: tuple[LogSource, ...], mesh: Mesh) -> Mapping[LogSource, Reporter]:
    """The kind of proxy behind each log; BadLogs for a log of a pod that the snapshot does not know as a proxy.

    Nobody's lines are those of a pod that has the marks of a proxy alone: it is left out.
    """
    reporters = {}
    for source in sources:
        reporter = mesh.reporter(source)
        if reporter is None:
            if mesh.role(ObjectRef(source.namespace, source.pod)).unproven:
                continue
            raise BadLogs(
                f"{source} is the log of no proxy that mesh.json knows",
                hint="Keep the folder as `--save-logs` wrote it: logs and mesh.json of the same run.",
            )
        reporters[source] = reporter
    return reporters


def _since_probe(parsed: Parsed, before: Mapping[LogSource, int]) -> dict[LogSource, LineCount]:
    """What became of the lines that came after the first probe was sent: those before it cannot be about it."""
    after = {
        source: replace(count, read=max(0, count.read - before.get(source, 0)), access=0, unclean=0, unparsed=0)
        for source, count in parsed.lines.items()
    }
    for hop in parsed.hops:
        source = hop.line.source
        if source in after and hop.line.number > before.get(source, 0):
            after[source] += LineCount(access=1, unclean=int(not hop.clean))
    for each in parsed.unparsed:
        source = each.line.source
        if source in after and each.line.number > before.get(source, 0):
            after[source] += LineCount(unparsed=1)
    return {source: replace(count, other=count.read - count.access - count.unparsed) for source, count in after.items()}


def _around(
    probe: Probe, capture: Capture, mesh: Mesh, parsed: Parsed, forgeable: Mapping[LogSource, str]
) -> Surroundings:
    source = source_of(mesh, probe)
    logs: dict[str, LogSource] = {}
    writers: dict[LogSource, ObjectRef] = {}
    pods: dict[LogSource, Pod] = {}
    for pod in mesh.pods:
        for log in mesh.logs_of((pod,)):
            pods[log] = pod
            reporter = mesh.reporter(log)
            if reporter is not None and reporter.path is not None:
                writers[log] = mesh.gateway_of(pod)
                if log in capture.sources:
                    logs.update(dict.fromkeys(pod.addresses, log))
    return Surroundings(
        uncaptured=mesh.uncaptured(source, probe.target.port, probe.result.remote_address),
        source_log=source_log(mesh, probe),
        mirrored=mesh.mirrored(probe.target.host) if probe.target.scheme is Scheme.HTTP else (),
        surfaces=Surfaces(mesh.places, mesh.cluster_ends, pods, owners(mesh.pods)),
        lines=_since_probe(parsed, capture.before),
        logs=logs,
        writers=writers,
        forgeable=forgeable,
    )
