"""What judging a probe needs to know beside its lines.

In: a probe, the capture and its mesh, and the account of its lines. Out: its `Surroundings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.judge.expected import source_log, source_of
from egressaudit.judge.hop_facts import Surfaces
from egressaudit.judge.probe_path import Surroundings
from egressaudit.mesh import Mesh
from egressaudit.mesh.places import owners
from egressaudit.model import Capture, LineCount, LogSource, ObjectRef, Pod, Probe, Scheme


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is the same for all probes of a run."""

    capture: Capture
    mesh: Mesh
    lines: Mapping[LogSource, LineCount]
    """What became of the lines that came after the first probe was sent."""
    forgeable: Mapping[LogSource, str]
    """Why whole lines of a log may be forged."""

    def around(self, probe: Probe) -> Surroundings:
        """The surroundings of one of its probes; BadLogs where the mesh does not have the pod that it was sent from."""
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
        return Surroundings(
            uncaptured=mesh.uncaptured(source_of(mesh, probe), probe.target.port, probe.result.remote_address),
            source_log=source_log(mesh, probe),
            mirrored=mesh.mirrored(probe.target.host) if probe.target.scheme is Scheme.HTTP else (),
            surfaces=Surfaces(mesh.places, mesh.cluster_ends, pods, owners(mesh.pods)),
            lines=self.lines,
            logs=logs,
            writers=writers,
            forgeable=self.forgeable,
        )
