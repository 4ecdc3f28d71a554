"""The causes of probes: what `verify` adds to its verdicts.

In: verdicts and the snapshot. Out: the same verdicts, each that is no PASS with its causes, e.g. EC26 for a FAIL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from egressaudit.addresses import ip_of
from egressaudit.causes.diagnosis import diagnose
from egressaudit.causes.symptoms import Symptoms
from egressaudit.causes.way_logs import WayLogs
from egressaudit.mesh import Mesh
from egressaudit.model import LineCount, LogSource, ObjectRef, Outcome, Path, Verdict


def with_causes(
    verdicts: Iterable[Verdict],
    mesh: Mesh,
    counts: Mapping[LogSource, LineCount],
    forgeable: Iterable[LogSource] = (),
) -> tuple[Verdict, ...]:
    """The verdicts with their causes. `forgeable`: the logs of which whole lines may be forged."""
    made = tuple(verdicts)
    if all(each.outcome is Outcome.PASS for each in made):
        return made
    logs, doubted = WayLogs(mesh, mesh.blind_spots()), frozenset(forgeable)
    return tuple(
        each
        if each.outcome is Outcome.PASS
        else replace(each, causes=diagnose(symptoms_of(each, mesh, logs, counts, doubted)))
        for each in made
    )


def symptoms_of(
    verdict: Verdict,
    mesh: Mesh,
    logs: WayLogs,
    counts: Mapping[LogSource, LineCount],
    forgeable: frozenset[LogSource] = frozenset(),
) -> Symptoms:
    """What is known about one probe."""
    flow, expected = verdict.flow, verdict.expectation
    probe, source = flow.probe, mesh.pod(flow.probe.source)
    vias = (*((expected.via,) if expected.via else ()), *expected.passing)
    way = logs.on(source, vias)
    doubted = verdict.path_seen is Path.UNKNOWN and bool(flow.unclean)
    return Symptoms(
        mesh=mesh,
        target=probe.target,
        path=verdict.path_seen,
        code=verdict.code,
        reason=verdict.word,
        source=source,
        container=probe.container,
        expected=expected.path,
        via=expected.via,
        passing=expected.passing,
        through=_through(verdict, mesh),
        hops=flow.hops,
        near=flow.near,
        faults=expected.faults,
        steps=() if source is None else mesh.way(source, probe.target, ip_of(probe.result.remote_address) or "").steps,
        spots=logs.spots_on(source, way),
        curl=probe.result,
        redirected=probe.redirected_from is not None,
        unclean=doubted or any(hop.line.source in forgeable for hop in flow.hops),
        ambiguous=flow.ambiguous,
        counts=counts,
    )


def _through(verdict: Verdict, mesh: Mesh) -> tuple[ObjectRef, ...]:
    """The gateways and waypoints whose lines are in the chain."""
    sources = (hop.line.source for hop in verdict.flow.hops if not hop.reporter.at_source)
    pods = (mesh.pod(ObjectRef(each.namespace, each.pod)) for each in sources)
    return tuple(dict.fromkeys(mesh.gateway_of(pod) for pod in pods if pod is not None))
