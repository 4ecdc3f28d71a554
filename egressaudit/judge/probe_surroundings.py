"""What judging a probe needs to know besides its lines.

In: a probe, the capture and its mesh, and the account of its lines. Out: its `ProbeSurroundings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.judge.expected import source_log, source_of
from egressaudit.judge.hop_facts import Surfaces
from egressaudit.mesh import Mesh
from egressaudit.mesh.places import owners
from egressaudit.mesh.steering.asked_for import StandIn
from egressaudit.model import Capture, LineCount, LogSource, ObjectRef, Pod, Probe, Reporter, Scheme


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

    @property
    def proxies(self) -> Mapping[str, tuple[Reporter, ObjectRef]]:
        """The address of each gateway and waypoint pod: its kind, and the gateway it belongs to."""
        return self.surfaces.places.proxies


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is the same for all probes of a run."""

    capture: Capture
    mesh: Mesh
    lines: Mapping[LogSource, LineCount]
    """What became of the lines that came after the first probe was sent."""
    forgeable: Mapping[LogSource, str]
    """Why whole lines of a log may be forged."""

    def around(self, probe: Probe) -> ProbeSurroundings:
        """The surroundings of one of its probes; BadLogs if the mesh does not have the pod that it was sent from."""
        mesh = self.mesh
        logs: dict[str, LogSource] = {}
        writers: dict[LogSource, ObjectRef] = {}
        pods: dict[LogSource, Pod] = {}
        for pod in mesh.pods:
            for log in mesh.logs_of((pod,)):
                pods[log] = pod
                reporter = mesh.reporter(log)
                if reporter is not None and reporter.path is not None:
                    writers[log] = mesh.gateway_of(pod)
                    if log in self.capture.sources:
                        logs.update(dict.fromkeys(pod.addresses, log))
        return ProbeSurroundings(
            uncaptured=mesh.uncaptured(source_of(mesh, probe), probe.target.port, probe.result.remote_address),
            source_log=source_log(mesh, probe),
            mirrored=mesh.mirrored(probe.target.host) if probe.target.scheme is Scheme.HTTP else (),
            surfaces=Surfaces(mesh.places, mesh.cluster_ends, pods, owners(mesh.pods)),
            lines=self.lines,
            logs=logs,
            writers=writers,
            forgeable=self.forgeable,
            stand_ins=mesh.stand_ins(source_of(mesh, probe), probe.target),
        )
