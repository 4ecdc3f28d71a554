"""Who could have changed the logs that a report rests on: those of a probe's hops, and of a window's flows that passed.

In: flows or judged groups, and the snapshot. Out: one sentence for each proxy workload, sorted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from egressaudit.mesh import Mesh
from egressaudit.mesh.modes import MODES
from egressaudit.mesh.tampering import Relied, trusted
from egressaudit.model import Confidence, Coverage, Flow, Judged, ObjectRef, Outcome, Reporter

_CAPTORS = {each.NAME: each.REPORTER for each in MODES}


def trusted_for_flows(flows: Iterable[Flow], mesh: Mesh) -> tuple[str, ...]:
    """Who could have changed the lines that were joined to probes, one sentence for each proxy workload; sorted."""
    proxies: defaultdict[ObjectRef, set[str]] = defaultdict(set)
    sidecars = set()
    for flow in flows:
        for hop in flow.hops:
            source = hop.line.source
            if hop.reporter is Reporter.SIDECAR:
                sidecars.add(source.namespace)
            else:
                proxies[ObjectRef(source.namespace, source.pod)].add(flow.probe.source.namespace)
    return _sentences(mesh, proxies, sidecars)


def trusted_for_window(judged: Iterable[Judged], coverage: Coverage, mesh: Mesh) -> tuple[str, ...]:
    """Who could have changed the lines that PASSes rest on, one sentence for each proxy workload; sorted.

    Which of several ztunnels carried a workload is not known for all of its flows, so each of them counts.
    """
    logs = {each.name: each.reporter for each in coverage.sources}
    through: defaultdict[ObjectRef, set[str]] = defaultdict(set)
    by_source: defaultdict[Reporter, set[str]] = defaultdict(set)
    for each in judged:
        if each.outcome is not Outcome.PASS:
            continue
        # Nobody's namespace where no pod of the snapshot owns the source address.
        sender = {each.group.namespace} - {""}
        for ref in each.group.via:
            through[ref] |= sender
        for reporter in _at_source(each, logs):
            by_source[reporter] |= sender
    proxies: dict[ObjectRef, set[str]] = {}
    for pod in mesh.pods:
        ref = mesh.gateway_of(pod)
        if pod.role is not None and pod.role.path is not None and ref in through:
            proxies[pod.ref] = through[ref]
        elif pod.role is Reporter.ZTUNNEL and Reporter.ZTUNNEL in by_source:
            proxies[pod.ref] = by_source[Reporter.ZTUNNEL]
    return _sentences(mesh, proxies, by_source[Reporter.SIDECAR])


def _at_source(judged: Judged, logs: dict[str, Reporter | None]) -> set[Reporter]:
    """The kinds of proxy whose lines say that a group's workload sent it."""
    shown = {logs.get(each.source) for each in judged.group.evidence}
    # Evidence shows a few flows alone. Lines of two proxies always begin with one of the sender's own.
    captured = None if judged.group.confidence is Confidence.REPORTED else _CAPTORS.get(judged.group.mode)
    return {each for each in (*shown, captured) if each is not None and each.at_source}


def _sentences(
    mesh: Mesh, proxies: defaultdict[ObjectRef, set[str]] | dict[ObjectRef, set[str]], sidecars: set[str]
) -> tuple[str, ...]:
    relied = Relied({ref: frozenset(senders) for ref, senders in proxies.items()}, frozenset(sidecars))
    return trusted(mesh, relied)
