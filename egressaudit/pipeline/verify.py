"""The live run: what `verify` composes.

snapshot ─▶ source pod ─▶ follow its logs ─▶ probe ─▶ judge, again for each line that matters ─▶ ask the proxies

In: a cluster and `VerifySettings`. Out: a `VerifyReport`, and the `Capture` that it was judged from.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from egressaudit.cluster.environment import declared_outside
from egressaudit.collect.follow.followed import followed_logs
from egressaudit.collect.follow.follower import Follower
from egressaudit.judge.awaited import any_awaited, awaited
from egressaudit.judge.believed import check_trust, expecting
from egressaudit.judge.expected import expectation, parse_expect
from egressaudit.mesh import Mesh, NamedPlanes, Trust, trim
from egressaudit.model import Capture, Outcome, Pod, Target, VerifyReport
from egressaudit.pipeline.probe_capture import check_captured
from egressaudit.pipeline.snapshot_objects import snapshot_objects
from egressaudit.probe import probe_pod
from egressaudit.probe.sending import Sender
from egressaudit.probe.source import SourceChoice, chosen_pod, container_of, own_pod

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


ASKING = 5.0
"""Seconds that asking the proxies may take, beyond the time limit of the run: only verdicts that are not PASS wait."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """What `verify` was asked. Times are in seconds."""

    target: Target
    source: SourceChoice
    run_id: str
    expect: str | None = None
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_redirects: int = 3
    trust: Trust = field(default_factory=Trust)
    planes: NamedPlanes = field(default_factory=NamedPlanes)
    """The control planes that the user names."""
    ask_proxies: bool = True
    """Ask the proxies for their own configuration if a verdict is not PASS."""


def verify(cluster: Cluster, settings: VerifySettings, say: Callable[[str], None]) -> tuple[VerifyReport, Capture]:
    """Probe a host and judge the path; also the capture, for saving. Errors of errors.py; never a partial report."""
    deadline = time.monotonic() + settings.timeout
    cluster = cluster.until(deadline)
    if settings.expect is not None:
        parse_expect(settings.expect)
    say("reading the mesh configuration")
    objects, gaps = snapshot_objects(cluster, settings.planes)
    with ExitStack() as stack:
        mesh, pod = _source(cluster, settings, objects, deadline, stack, say)
        container = container_of(pod, settings.source.container)
        expected = expectation(mesh, pod, settings.target, settings.expect)
        sources = followed_logs(mesh, pod, expected, mesh.claim(pod, settings.target))
        say(f"following {len(sources)} logs: {', '.join(map(str, sources)) or 'none'}")
        follower = stack.enter_context(Follower(cluster, sources))
        follower.wait_ready(max(0.0, min(3.0, deadline - time.monotonic())))
        before = Counter(line.source for line in follower.lines)
        sender = Sender(cluster, pod, container, settings.connect_timeout, deadline)
        probes = []
        for probe in sender.probes(settings.target, settings.max_redirects):
            say(f"sent {probe.target}")
            probes.append(probe)
        capture = Capture(
            mesh=mesh.to_json(),
            expect=settings.expect,
            probes=tuple(probes),
            lines=(),
            notes=gaps,
            sources=sources,
            before=dict(before),
        )
        report, capture = _await_verdicts(capture, follower, deadline)
        if not settings.ask_proxies or report.outcome is Outcome.PASS:
            return report, capture
        say("asking the proxies for their own configuration")
        # The source may be a pod of our own, which is removed when the stack unwinds.
        return _asked(cluster, report, capture, time.monotonic() + ASKING)


def _asked(cluster: Cluster, report: VerifyReport, capture: Capture, deadline: float) -> tuple[VerifyReport, Capture]:
    """The same, with what the proxies say they have."""
    # Import here: before the request nothing is loaded that only a verdict which is not PASS needs.
    from egressaudit.pipeline.asking import ask_proxies
    from egressaudit.pipeline.replay import with_views

    mesh = Mesh.from_json(capture.mesh)
    capture = replace(capture, asked=ask_proxies(cluster, mesh, report, deadline))
    return with_views(report, capture, mesh), capture


def _source(
    cluster: Cluster,
    settings: VerifySettings,
    objects: list[dict[str, Any]],
    deadline: float,
    stack: ExitStack,
    say: Callable[[str], None],
) -> tuple[Mesh, Pod]:
    """The pod to send from, and the mesh with it; a pod of our own is removed when the stack unwinds."""
    choice = settings.source
    if choice.name is None and choice.selector is None:
        manifest = probe_pod(choice.namespace, choice.pod, settings.run_id, int(settings.timeout) + 60)
        if not choice.allow_uncaptured:
            check_captured(cluster, objects, manifest)
        made = stack.enter_context(own_pod(cluster, manifest, deadline, say))
        objects = [*objects, trim(made)]
        choice = replace(choice, name=f"{choice.namespace}/{made['metadata']['name']}")
    trust = expecting(settings.trust, settings.expect)
    mesh = Mesh.of(objects, cluster.read, trust, outside=declared_outside(), planes=settings.planes)
    check_trust(mesh)
    return mesh, chosen_pod(mesh, choice)


def _await_verdicts(capture: Capture, follower: Follower, deadline: float) -> tuple[VerifyReport, Capture]:
    """Judge whenever a line arrives that can matter; answer as soon as no further line can change a verdict."""
    # Import here: the proxies flush their logs about once a second, and pandas and grammars load in that time.
    from egressaudit.hops.line_parser import prepare
    from egressaudit.pipeline.replay import judge_lines, parse_lines

    prepare()
    # Judge from the saved form, so that a replay of it gives the same verdicts.
    mesh = Mesh.from_json(capture.mesh)
    gaps = capture.notes
    while True:
        capture = replace(capture, lines=follower.lines, notes=(*gaps, *follower.notes))
        parsed = parse_lines(capture, mesh)
        report = judge_lines(capture, mesh, parsed, explain=False)
        if time.monotonic() >= deadline or all(verdict.final for verdict in report.verdicts):
            return judge_lines(capture, mesh, parsed), capture
        tokens = awaited(report)
        while (left := deadline - time.monotonic()) > 0:
            if any_awaited(follower.take(left), tokens):
                break
