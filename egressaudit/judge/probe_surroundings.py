"""What judging a probe needs to know besides its lines.

In: a mesh, the logs that were read, a probe, and the account of its lines. Out: its `ProbeSurroundings`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from egressaudit.judge.expected import source_of
from egressaudit.judge.hop_facts import Surfaces
from egressaudit.mesh import Mesh
from egressaudit.mesh.places import owners
from egressaudit.mesh.steering.asked_for import StandIn
from egressaudit.mesh.steering.outside_hosts import registered_targets
from egressaudit.model import LineCount, LogSource, ObjectRef, Pod, Probe, Reporter, Scheme, Target


@dataclass(frozen=True, slots=True)
class ProbeSurroundings:
    """What judging one flow needs to know besides its lines. `lines` counts what was read of each log."""

    uncaptured: str
    """Why the source pod's traffic is provably not captured; empty if it is, or if that is not known."""
    source_log: LogSource | None
    surfaces: Surfaces
    lines: Mapping[LogSource, LineCount]
    logs: Mapping[str, LogSource]
    """The log of each gateway and waypoint pod that was read, by address."""
    writers: Mapping[LogSource, ObjectRef] = field(default_factory=dict)
    """The gateway or waypoint that writes each log. Addresses would not do: pods on one node's network share one."""
    mirrored: tuple[str, ...] = ()
    """The rules that may send copies of this request out of the cluster, unlogged."""
    forgeable: Mapping[LogSource, str] = field(default_factory=dict)
    """Why whole lines of a log may be forged, one sentence each; logs without a known reason are left out."""
    stand_ins: frozenset[StandIn] = frozenset()
    """The clusters at gateways that stand for the probed host under another name."""
    silent: Mapping[LogSource, str] = field(default_factory=dict)
    """Why a proxy writes no access lines, by its log: the configuration turns them off."""

    bare: bool = False
    """Whether it was a bare connection to a port that is HTTP in the mesh: proxies log its requests alone."""

    @property
    def proxies(self) -> Mapping[str, tuple[Reporter, ObjectRef]]:
        """The address of each gateway and waypoint pod: its kind, and the gateway it belongs to."""
        return self.surfaces.places.proxies


@dataclass(frozen=True)
class RunFacts:
    """What is the same for all probes of a run, whatever lines come; pods are looked at once."""

    mesh: Mesh
    sources: Collection[LogSource]
    """The logs that were read."""

    def around(
        self, probe: Probe, lines: Mapping[LogSource, LineCount], forgeable: Mapping[LogSource, str]
    ) -> ProbeSurroundings:
        """The surroundings of one of its probes; BadLogs if the mesh does not have the pod that it was sent from.

        `lines` is what became of the lines that came after the first probe was sent, `forgeable` why whole lines of a
        log may be forged.
        """
        mesh, source = self.mesh, source_of(self.mesh, probe)
        return ProbeSurroundings(
            uncaptured=mesh.uncaptured(source, probe.target.port, probe.result.remote_address),
            source_log=mesh.source_log(source),
            mirrored=mesh.mirrored(probe.target.host) if probe.target.scheme is Scheme.HTTP else (),
            surfaces=self._surfaces,
            lines=lines,
            logs=self._logs,
            writers=self._writers,
            forgeable=forgeable,
            stand_ins=self._stand_ins(source, probe),
            silent=self._silent,
            bare=probe.target.scheme is Scheme.TCP and self._is_http(probe.target),
        )

    @cached_property
    def _pods(self) -> dict[LogSource, Pod]:
        return {log: pod for pod in self.mesh.pods for log in self.mesh.logs_of((pod,))}

    @cached_property
    def _writers(self) -> dict[LogSource, ObjectRef]:
        found = {}
        for log, pod in self._pods.items():
            reporter = self.mesh.reporter(log)
            if reporter is not None and reporter.path is not None:
                found[log] = self.mesh.gateway_of(pod)
        return found

    @cached_property
    def _logs(self) -> dict[str, LogSource]:
        read = frozenset(self.sources)
        return {address: log for log in self._writers if log in read for address in self._pods[log].addresses}

    @cached_property
    def _surfaces(self) -> Surfaces:
        return Surfaces(self.mesh.places, self.mesh.cluster_ends, self._pods, owners(self.mesh.pods))

    @cached_property
    def _silent(self) -> dict[LogSource, str]:
        return {log: why for log in self.sources if (why := self.mesh.silent(log))}

    def _is_http(self, target: Target) -> bool:
        registered = registered_targets(self.mesh.world.objects, target.host)
        return any((each.port, each.scheme) == (target.port, Scheme.HTTP) for each in registered)

    def _stand_ins(self, source: Pod, probe: Probe) -> frozenset[StandIn]:
        key = (source.ref, probe.target)
        if key not in self._known:
            self._known[key] = self.mesh.stand_ins(source, probe.target)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[ObjectRef, Target], frozenset[StandIn]]:
        return {}
