"""The live run: what `verify` composes.

snapshot ─▶ source pods ─▶ follow their logs ─▶ probe ─▶ judge, again for each line that matters ─▶ ask the proxies

There is one snapshot and one set of followed logs, however many hosts and sources there are.

In: a cluster and `VerifySettings`. Out: a `VerifyReport`, and the `Capture` that it was judged from.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from egressaudit.collect.follow.followed import followed_logs
from egressaudit.collect.follow.follower import Follower
from egressaudit.errors import UsageError
from egressaudit.evidence.environment import declared_outside
from egressaudit.judge.believed import believed, check_trust, expecting
from egressaudit.judge.expected import Expectations, parse_expect
from egressaudit.mesh import Mesh, NamedPlanes, Trust, trim
from egressaudit.model import Capture, LogSource, MatrixCell, ObjectRef, Outcome, Probe, Target, VerifyReport
from egressaudit.pipeline.asked_cells import Planned, ProbeSource, chosen_sources, planned
from egressaudit.pipeline.awaiting import await_verdicts
from egressaudit.pipeline.probe_capture import check_captured
from egressaudit.pipeline.snapshot_objects import snapshot_objects
from egressaudit.probe import ProbePodOptions, probe_pod
from egressaudit.probe.sending import Request, Sender, Unsent
from egressaudit.probe.source import SourceChoice, own_pod

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.pipeline.bypass import BypassSettings, StagedBattery
    from egressaudit.policy import Policy, PolicyRule


ASKING = 5.0
"""Seconds that asking the proxies may take, beyond the time limit of the run: only verdicts that are not PASS wait."""
_OF_BATTERY = 31
"""A battery makes about twenty probes, some of which wait for their time limits, and up to nine pods."""
_LIMIT, _FOR_EACH_MORE, _LONGEST = 30.0, 1.0, 600.0
"""Seconds that a run may take if the user gives no limit."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """What `verify` was asked. Times are in seconds."""

    targets: tuple[Target, ...]
    sources: tuple[SourceChoice, ...]
    """Where each target is probed from. One that names no workload is a pod of our own. With `rules`, there may be
    none: then each rule is probed from the workloads that it matches."""
    run_id: str
    rules: tuple[PolicyRule, ...] = ()
    """Rules whose hosts are probed, beside the targets."""
    policy: Policy | None = None
    """What decides what is expected, instead of the mesh configuration."""
    policy_text: bytes = b""
    """The same as its file has it."""
    expect: str | None = None
    timeout: float | None = None
    """None: it grows with the number of probes (`time_limit`)."""
    connect_timeout: float = 5.0
    max_redirects: int = 3
    trust: Trust = field(default_factory=Trust)
    planes: NamedPlanes = field(default_factory=NamedPlanes)
    """The control planes that the user names."""
    ask_proxies: bool = True
    """Ask the proxies for their own configuration if a verdict is not PASS."""
    bypass: BypassSettings | None = None
    """Also try to get around the gateways."""


def time_limit(timeout: float | None, probes: int) -> float:
    """Seconds that a run may take: as given, else 30, and 1 more for each further probe, at most 10 minutes."""
    return timeout if timeout is not None else min(_LONGEST, _LIMIT + _FOR_EACH_MORE * max(0, probes - 1))


def verify(cluster: Cluster, settings: VerifySettings, say: Callable[[str], None]) -> tuple[VerifyReport, Capture]:
    """Probe hosts and judge their paths; also the capture, for saving. Errors of errors.py; never a partial report."""
    began = time.monotonic()
    cluster = cluster.until(began + time_limit(settings.timeout, 1))
    if settings.expect is not None:
        parse_expect(settings.expect)
    say("reading the mesh configuration")
    objects, gaps = snapshot_objects(cluster, settings.planes)
    with ExitStack() as stack:
        mesh, sources = _sources(cluster, settings, objects, began, stack, say)
        plan = planned(mesh, settings.targets, settings.rules, sources)
        if not any(each.source for each in plan):
            raise _nothing_to_probe(plan)
        limit = time_limit(settings.timeout, sum(each.source is not None for each in plan) * _weight(settings))
        deadline = began + limit
        cluster = cluster.until(deadline)
        logs = _logs(mesh, settings, plan)
        staged = stack.enter_context(_staged(cluster, settings, mesh, plan, began + limit / 2, say))
        if staged is not None:
            mesh, logs = staged.mesh, tuple(dict.fromkeys((*logs, *staged.logs())))
        say(f"following {len(logs)} logs: {', '.join(map(str, logs)) or 'none'}")
        follower = stack.enter_context(Follower(cluster, logs))
        follower.wait_ready(max(0.0, min(3.0, deadline - time.monotonic())))
        before = Counter(line.source for line in follower.lines)
        cells, probes = _sent(cluster, settings, plan, deadline, say)
        capture = Capture(
            mesh=mesh.to_json(),
            expect=settings.expect,
            probes=probes,
            lines=(),
            notes=gaps,
            sources=logs,
            before=dict(before),
            cells=cells,
            policy=settings.policy_text,
        )
        judge_by = deadline if staged is None else min(deadline, time.monotonic() + limit / 4)
        report, capture = await_verdicts(capture, follower, judge_by, settings.policy)
        if staged is not None:
            sender = Sender(cluster, settings.connect_timeout, deadline)
            report, capture = staged.attempted(plan, (report, capture), follower, sender)
        if not settings.ask_proxies or all(each.outcome is Outcome.PASS for each in report.verdicts):
            return report, capture
        say("asking the proxies for their own configuration")
        # The source may be a pod of our own, which is removed when the stack unwinds.
        return _asked(cluster, report, capture, time.monotonic() + ASKING)


def _weight(settings: VerifySettings) -> int:
    """How many probes a host from a source comes to, for the time limit."""
    return _OF_BATTERY if settings.bypass is not None else 1


def _staged(
    cluster: Cluster,
    settings: VerifySettings,
    mesh: Mesh,
    plan: Sequence[Planned],
    until: float,
    say: Callable[[str], None],
) -> AbstractContextManager[StagedBattery | None]:
    """What `--bypass` needs, ready until a time; None without it."""
    if settings.bypass is None:
        return nullcontext()
    # Import here: only `--bypass` needs the catalogue.
    from egressaudit.pipeline.bypass import BypassRun, staged_battery

    wanted = settings.sources[0].pod if settings.sources else ProbePodOptions()
    run = BypassRun(cluster, settings.bypass, wanted, settings.run_id, settings.policy, say)
    return staged_battery(run, mesh, plan, until)


def _asked(cluster: Cluster, report: VerifyReport, capture: Capture, deadline: float) -> tuple[VerifyReport, Capture]:
    """The same, with what the proxies say they have."""
    # Import here: before the request nothing is loaded that only a verdict which is not PASS needs.
    from egressaudit.pipeline.asking import ask_proxies
    from egressaudit.pipeline.replay import with_views

    mesh = Mesh.from_json(capture.mesh)
    capture = replace(capture, asked=ask_proxies(cluster, mesh, report, deadline))
    return with_views(report, capture, mesh), capture


def _sources(
    cluster: Cluster,
    settings: VerifySettings,
    objects: list[dict[str, Any]],
    began: float,
    stack: ExitStack,
    say: Callable[[str], None],
) -> tuple[Mesh, tuple[ProbeSource, ...]]:
    """The pods to send from, and the mesh with them; a pod of our own is removed when the stack unwinds."""
    choices, own = list(settings.sources), None
    for number, choice in enumerate(choices):
        if choice.name is None and choice.selector is None:
            limit = time_limit(settings.timeout, _about(settings))
            manifest = probe_pod(choice.namespace, choice.pod, settings.run_id, int(limit) + 60)
            if not choice.allow_uncaptured:
                check_captured(cluster, objects, manifest)
            made = stack.enter_context(own_pod(cluster, manifest, began + limit, say))
            objects = [*objects, trim(made)]
            own = ObjectRef(choice.namespace, made["metadata"]["name"])
            choices[number] = replace(choice, name=str(own))
    trust = expecting(believed(settings.trust, settings.policy), settings.expect)
    mesh = Mesh.of(
        objects, cluster.read, trust, outside=declared_outside(), planes=settings.planes, server=cluster.server
    )
    check_trust(mesh)
    return mesh, chosen_sources(mesh, choices, own)


def _about(settings: VerifySettings) -> int:
    """About how many probes there will be: the ports of a rule that names none are not known before the snapshot."""
    hosts = len(settings.targets) + sum(len(rule.hosts) * max(1, len(rule.ports)) for rule in settings.rules)
    return hosts * len(settings.sources)


def _nothing_to_probe(plan: Sequence[Planned]) -> UsageError:
    why = "; ".join(dict.fromkeys(f"{each.cell.asked}: {each.cell.reason}" for each in plan[:5]))
    return UsageError(
        f"there is nothing to probe{': ' + why if why else ''}",
        hint="Name hosts with --host or --hosts-file, and sources with --from or -l.",
    )


def _logs(mesh: Mesh, settings: VerifySettings, plan: Sequence[Planned]) -> tuple[LogSource, ...]:
    """The logs of every hop that one of the probes may take."""
    wanted = Expectations(mesh, settings.expect, settings.policy, datetime.now(UTC).date())
    found: dict[LogSource, None] = {}
    for each in plan:
        if each.source is not None and each.cell.target is not None:
            pod, target = each.source.pod, each.cell.target
            found.update(dict.fromkeys(followed_logs(mesh, pod, wanted.of(pod, target), mesh.claim(pod, target))))
    return tuple(found)


def _sent(
    cluster: Cluster, settings: VerifySettings, plan: Sequence[Planned], deadline: float, say: Callable[[str], None]
) -> tuple[tuple[MatrixCell, ...], tuple[Probe, ...]]:
    """The cells with their first probes, and all probes: in the order of the cells, each before its redirects."""
    asked = {
        number: Request(target=each.cell.target, pod=each.source.pod.ref, container=each.source.container)
        for number, each in enumerate(plan)
        if each.source is not None and each.cell.target is not None
    }
    probes: dict[str, Probe] = {}
    failed: dict[str, Unsent] = {}
    """By nonce; of a redirect, by that of the probe that it follows."""
    for sent in Sender(cluster, settings.connect_timeout, deadline).send(tuple(asked.values()), settings.max_redirects):
        if isinstance(sent, Unsent):
            failed[sent.request.redirected_from or sent.request.nonce] = sent
            continue
        probes[sent.nonce] = sent
        say(f"sent {sent.target}" + (f" from {sent.source}: {len(probes)} probes so far" if len(asked) > 1 else ""))
    if not probes:
        raise next(iter(failed.values())).error
    after = {probe.redirected_from: probe for probe in probes.values() if probe.redirected_from}
    cells: list[MatrixCell] = []
    ordered: list[Probe] = []
    for number, each in enumerate(plan):
        chain = _chain(asked[number].nonce, probes, after) if number in asked else []
        nonces = [probe.nonce for probe in chain] or ([asked[number].nonce] if number in asked else [])
        gone = next((failed[nonce] for nonce in nonces if nonce in failed), None)
        reason = each.cell.reason if gone is None else gone.error.message
        cells.append(replace(each.cell, nonce=chain[0].nonce if chain else "", reason=reason))
        ordered += chain
    return tuple(cells), tuple(ordered)


def _chain(nonce: str, probes: Mapping[str, Probe], after: Mapping[str, Probe]) -> list[Probe]:
    """A probe and those of its redirects; nothing if it was not sent."""
    chain = []
    probe = probes.get(nonce)
    while probe is not None:
        chain.append(probe)
        probe = after.get(probe.nonce)
    return chain
