"""The bypass battery, live: what `verify --bypass` adds to its run.

sources ─▶ changed pods, in the same snapshot ─▶ (the ordinary requests, judged) ─▶ attempts ─▶ judge as lines arrive

In: the cells of a run, once its ordinary requests are judged. Out: the same report and capture, with batteries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import Attempt
from egressaudit.bypass.changed_pods import MadePods, changed_pod, made_pods
from egressaudit.bypass.scene import place_of_mesh, scene_of
from egressaudit.bypass.trying import Ground, tried_all
from egressaudit.collect.follow.follower import Follower
from egressaudit.errors import UsageError
from egressaudit.judge.outcome import THROUGH
from egressaudit.mesh import Mesh, trim
from egressaudit.model import Battery, Capture, LogSource, ObjectRef, Path, Pod, Verdict, VerifyReport
from egressaudit.pipeline.asked_cells import Planned, ProbeSource
from egressaudit.pipeline.awaiting import SETTLING, await_verdicts
from egressaudit.probe import ProbePodOptions, probe_pod
from egressaudit.probe.pod import NAME
from egressaudit.probe.sending import Sender

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.policy import Policy

_ORDINARY = "ordinary"
"""What the ordinary pod is called, where the source is a workload of others."""
_MOST = 16
"""Pods of other gateways and waypoints whose logs are followed."""
_AROUND = (*THROUGH, Path.BLOCKED)
"""What must be expected of a host for a way around to be one."""


@dataclass(frozen=True, slots=True)
class BypassSettings:
    """What `--bypass` was asked."""

    named: frozenset[str] = frozenset()
    """The names of the attempts that need more rights and are wanted all the same."""
    address: str | None = None
    """An IP of the host, None to take the one that the ordinary request shows."""
    rules: frozenset[str] = frozenset()
    """The rules of a policy whose hosts it is tried for; empty for every host."""


@dataclass(frozen=True, slots=True)
class BypassRun:
    """What stays the same in a run with batteries."""

    cluster: Cluster
    settings: BypassSettings
    wanted: ProbePodOptions
    """What the user wants of probe pods."""
    run_id: str
    policy: Policy | None
    say: Callable[[str], None]

    def makes(self, attempt: Attempt, pod: Pod) -> bool:
        """Whether an attempt needs a changed pod where this pod is."""
        asked = not attempt.only_named or attempt.name in self.settings.named
        return attempt.pod is not None and pod.mode in attempt.modes and asked


@dataclass(frozen=True, slots=True)
class StagedBattery:
    """The mesh with the changed pods, and what became of those of each namespace."""

    run: BypassRun
    mesh: Mesh
    made: Mapping[str, MadePods]
    names: Mapping[str, str]
    """The name of the changed pod of each attempt, by code; the same in every namespace."""
    admitted: Mapping[str, str]
    """By namespace: the ordinary pod of ours that was admitted there, '' if none was."""

    def logs(self) -> tuple[LogSource, ...]:
        """The logs that attempts may need beside those of the ordinary ways."""
        mesh = self.mesh
        pods = [
            pod
            for namespace, made in self.made.items()
            for name in self.names.values()
            if name in made.ready and (pod := mesh.pod(ObjectRef(namespace, name))) is not None
        ]
        own = [log for pod in pods if (log := mesh.source_log(pod)) is not None]
        others = [each for each in mesh.pods if each.ready and each.role is not None and each.role.path is not None]
        return (*own, *mesh.logs_of(others[:_MOST]))

    def attempted(
        self, plan: Sequence[Planned], judged: tuple[VerifyReport, Capture], follower: Follower, sender: Sender
    ) -> tuple[VerifyReport, Capture]:
        """The report and the capture with a battery for each cell that was probed and has a way to get around.

        UsageError if none has.
        """
        report, capture = judged
        verdicts = {each.flow.probe.nonce: each for each in report.verdicts}
        batteries: list[Battery] = []
        for planned, cell in zip(plan, capture.cells, strict=True):
            ordinary = verdicts.get(cell.nonce)
            if planned.source is None or ordinary is None:
                continue
            if self.run.settings.rules and ordinary.expectation.rule not in self.run.settings.rules:
                continue
            if ordinary.expectation.waived is not None:
                self.run.say(f"{cell.asked}: a waiver excuses it, so no way around is tried")
                continue
            if ordinary.expectation.path not in _AROUND:
                self.run.say(f"{cell.asked}: no gateway or waypoint is expected, so there is nothing to get around")
                continue
            ground = _ground(self, planned.source, ordinary, sender)
            admitted = self.admitted[planned.source.pod.namespace]
            batteries.append(tried_all(ground, sender, ordinary.flow.probe, admitted, self.run.say))
        if not batteries:
            raise UsageError(
                "--bypass looks for ways around a gateway or waypoint, and none is expected here",
                hint="Expect one with --expect gateway=NAMESPACE/NAME, or blocked if nothing may leave.",
            )
        capture = replace(capture, batteries=tuple(batteries))
        # What no proxy has a line of is never final: it gets the time in which logs settle, and no more.
        until = min(sender.deadline, time.monotonic() + SETTLING)
        return await_verdicts(capture, follower, until, self.run.policy)


@contextmanager
def staged_battery(run: BypassRun, mesh: Mesh, plan: Sequence[Planned], until: float) -> Iterator[StagedBattery]:
    """The changed pods in the namespace of each source, and the mesh with them; removed at the end.

    `until` is when they must be ready, by the monotonic clock.
    """
    sources = {each.source.pod.namespace: each.source.pod for each in plan if each.source is not None}
    ports = sorted({each.cell.target.port for each in plan if each.source is not None and each.cell.target is not None})
    names = {each.code: f"{NAME}-{run.run_id}-{each.name}" for each in attempts().values() if each.pod is not None}
    made: dict[str, MadePods] = {}
    admitted: dict[str, str] = {}
    lifetime = int(max(0.0, until - time.monotonic())) + 600
    with ExitStack() as stack:
        for namespace, pod in sources.items():
            ordinary = probe_pod(namespace, run.wanted, run.run_id, lifetime)
            own = mesh.pod(ObjectRef(namespace, ordinary["metadata"]["name"])) is not None
            manifests = [
                changed_pod(ordinary, each.name, each.pod, ports)
                for each in attempts().values()
                if each.pod is not None and run.makes(each, pod)
            ]
            plain = ordinary["metadata"]["name"]
            if not own:
                plain = ordinary["metadata"]["name"] = f"{plain}-{_ORDINARY}"
                manifests.append(ordinary)
            run.say(f"creating {len(manifests)} probe pods in namespace {namespace}")
            found = made[namespace] = stack.enter_context(made_pods(run.cluster, manifests, until))
            admitted[namespace] = f"{namespace}/{plain}" if own or plain in found.created else ""
        objects = [trim(each) for pods in made.values() for each in pods.ready.values()]
        saved = mesh.to_json()
        saved["objects"] = [*saved["objects"], *objects]
        yield StagedBattery(run, Mesh.from_json(saved), made, names, admitted)


def _ground(staged: StagedBattery, source: ProbeSource, ordinary: Verdict, sender: Sender) -> Ground:
    run, pod, container = staged.run, source.pod, source.container
    version = run.cluster.exec(pod.ref, container, ["curl", "-q", "--version"], sender.deadline)
    return Ground(
        scene=scene_of(staged.mesh, pod, ordinary, version.stdout, run.settings.address),
        source=pod.ref,
        container=container,
        named=run.settings.named,
        pods=staged.made[pod.namespace],
        names=staged.names,
        in_mesh=place_of_mesh(staged.mesh, ordinary.expectation, ordinary.flow.probe.target.port),
    )
