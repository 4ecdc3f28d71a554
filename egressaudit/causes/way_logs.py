"""What the snapshot says about the logs of one way: whose they are, and what keeps lines out of them.

In: blind spots of a mesh. Out: those of a pod, its own proxy's log, and the logs of a gateway, e.g. `logging-off` of
`egress/gw-1/istio-proxy`. Made once for a report: a mesh has thousands of pods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from egressaudit.mesh import Mesh
from egressaudit.model import BlindSpot, LineCount, LogSource, ObjectRef, Pod, SourceCoverage


@dataclass(frozen=True)
class WayLogs:
    """The logs of a mesh, by whose way they are on."""

    mesh: Mesh
    spots: tuple[BlindSpot, ...]
    coverage: tuple[SourceCoverage, ...] = field(default=())

    @cached_property
    def _by_subject(self) -> dict[str, list[BlindSpot]]:
        found: defaultdict[str, list[BlindSpot]] = defaultdict(list)
        for each in self.spots:
            found[each.subject].append(each)
        return found

    @cached_property
    def _gaps(self) -> dict[str, tuple[str, ...]]:
        return {each.name: missing for each in self.coverage if (missing := missing_words(each))}

    @cached_property
    def _counts(self) -> dict[str, LineCount]:
        return {each.name: each.lines for each in self.coverage}

    @cached_property
    def _pods_of(self) -> dict[ObjectRef, list[Pod]]:
        found: defaultdict[ObjectRef, list[Pod]] = defaultdict(list)
        for pod in self.mesh.pods:
            if pod.gateway is not None:
                found[pod.gateway].append(pod)
        return found

    @cached_property
    def _by_workload(self) -> dict[tuple[str, str], Pod]:
        found: dict[tuple[str, str], Pod] = {}
        for pod in self.mesh.pods:
            found.setdefault((pod.namespace, pod.owner or f"Pod/{pod.name}"), pod)
        return found

    def pod_of(self, namespace: str, workload: str) -> Pod | None:
        """One pod of a workload; None if there is none."""
        return self._by_workload.get((namespace, workload))

    def on(self, source: Pod | None, vias: Iterable[ObjectRef]) -> tuple[LogSource, ...]:
        """The logs of a way: what shows what the source sends, and those of its gateways and waypoints."""
        own = None if source is None else self.mesh.source_log(source)
        pods = [pod for via in vias for pod in self._pods_of.get(via, ())]
        return (*((own,) if own is not None else ()), *self.mesh.logs_of(pods))

    def spots_on(self, source: Pod | None, logs: Iterable[LogSource]) -> tuple[BlindSpot, ...]:
        """What no proxy sees of the source, and why these logs lack lines."""
        subjects = [*([str(source.ref)] if source is not None else []), *map(str, logs), "meshConfig"]
        return tuple(each for subject in subjects for each in self._by_subject.get(subject, ()))

    def gaps_on(self, logs: Iterable[LogSource]) -> tuple[str, ...]:
        """What is missing of these logs, one sentence each."""
        return tuple(f"{log}: {gap}" for log in map(str, logs) for gap in self._gaps.get(log, ()))

    def counts_of(self, logs: Iterable[LogSource]) -> dict[LogSource, LineCount]:
        """What became of the lines of these logs, as far as they were read."""
        return {log: self._counts[str(log)] for log in logs if str(log) in self._counts}


def missing_words(source: SourceCoverage) -> tuple[str, ...]:
    """What is missing of a log, one clause each; empty if nothing is."""
    if source.expected and not source.read:
        return ("it was not read",)
    return source.gaps
