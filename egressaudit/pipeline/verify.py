"""The live run: snapshot, follow, probe, and wait until the lines that decide have arrived."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from egressaudit.cluster.environment import declared_outside
from egressaudit.collect import Follower
from egressaudit.judge.believed import check_trust, expecting
from egressaudit.judge.expected import expectation, parse_expect
from egressaudit.mesh import RESOURCES, Mesh, Trust, trim
from egressaudit.model import (
    Capture,
    Claim,
    CurlResult,
    Expectation,
    LogLine,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Probe,
    Target,
    VerifyReport,
)
from egressaudit.probe import curl_argv, new_nonce, read_result, redirect_target
from egressaudit.probe.source import SourceChoice, chosen_pod, container_of, own_pod

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_SPARE = 2.0
"""Seconds of the timeout kept for the log lines of the last probe."""


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


def verify(cluster: Cluster, settings: VerifySettings, say: Callable[[str], None]) -> tuple[VerifyReport, Capture]:
    """Probe a host and judge the path; also the capture, for saving. Errors of errors.py; never a partial report."""
    deadline = time.monotonic() + settings.timeout
    if settings.expect is not None:
        parse_expect(settings.expect)
    say("reading the mesh configuration")
    objects = [trim(each) for each in cluster.objects(RESOURCES)]
    with ExitStack() as stack:
        mesh, pod = _source(cluster, settings, objects, deadline, stack, say)
        container = container_of(pod, settings.source.container)
        expected = expectation(mesh, pod, settings.target, settings.expect)
        sources = _sources(mesh, pod, expected, mesh.claim(pod, settings.target))
        say(f"following {len(sources)} logs: {', '.join(map(str, sources)) or 'none'}")
        follower = stack.enter_context(Follower(cluster, sources))
        follower.wait_ready(max(0.0, min(3.0, deadline - time.monotonic())))
        before = Counter(line.source for line in follower.lines)
        probes = []
        for probe in _probes(cluster, settings, pod, container, deadline):
            say(f"sent {probe.target}")
            probes.append(probe)
        capture = Capture(
            mesh=mesh.to_json(),
            expect=settings.expect,
            probes=tuple(probes),
            lines=(),
            notes=cluster.unreadable,
            sources=sources,
            before=dict(before),
        )
        return _await_verdicts(capture, follower, deadline)


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
        lifetime = int(settings.timeout) + 60
        made = stack.enter_context(own_pod(cluster, choice, settings.run_id, deadline, lifetime, say))
        objects = [*objects, trim(made)]
        choice = replace(choice, name=f"{choice.namespace}/{made['metadata']['name']}")
    mesh = Mesh.of(objects, cluster.read, expecting(settings.trust, settings.expect), outside=declared_outside())
    check_trust(mesh)
    return mesh, chosen_pod(mesh, choice)


def _sources(mesh: Mesh, pod: Pod, expected: Expectation, claim: Claim) -> tuple[LogSource, ...]:
    """The logs of every hop: the source's sidecar or ztunnel, and all pods of each gateway and waypoint of the chain.

    Where `--expect` names a gateway, also those of the chain that the configuration claims: whichever way it takes,
    its last line is read.
    """
    own = mesh.source_log(pod)
    chain = list(expected.passing)
    if expected.path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT):
        chain += [*((claim.via,) if claim.via else ()), *claim.passing]
    logs = (*mesh.logs_of(expected.pods), *mesh.logs_of(mesh.proxies_of(chain)))
    return tuple(dict.fromkeys((*((own,) if own else ()), *logs)))


def _probes(cluster: Cluster, settings: VerifySettings, pod: Pod, container: str, deadline: float) -> Iterator[Probe]:
    """The probe, and one more for each redirect: never followed by curl itself, where a bypass would hide."""
    target: Target | None = settings.target
    before: str | None = None
    for _ in range(settings.max_redirects + 1):
        if target is None:
            return
        probe = _probe(cluster, settings, pod, container, target, before, deadline)
        yield probe
        target, before = redirect_target(probe.result, target), probe.nonce


def _probe(
    cluster: Cluster,
    settings: VerifySettings,
    pod: Pod,
    container: str,
    target: Target,
    before: str | None,
    deadline: float,
) -> Probe:
    nonce = new_nonce()
    left = max(1.0, deadline - time.monotonic() - _SPARE)
    argv = curl_argv(target, nonce, min(settings.connect_timeout, left), left)
    started = datetime.now(UTC)
    done = cluster.exec(pod.ref, container, argv, deadline)
    result: CurlResult = read_result(done.stdout, done.stderr, nonce)
    return Probe(
        nonce=nonce,
        target=target,
        source=pod.ref,
        container=container,
        started=started,
        ended=datetime.now(UTC),
        result=result,
        redirected_from=before,
    )


def _await_verdicts(capture: Capture, follower: Follower, deadline: float) -> tuple[VerifyReport, Capture]:
    """Judge whenever a line arrives that can matter; answer as soon as no further line can change a verdict."""
    # Here and not earlier: the proxies flush their logs about once a second; pandas and grammars load in that time.
    from egressaudit.hops.line_parser import prepare
    from egressaudit.pipeline.replay import judge_lines, parse_lines

    prepare()
    # The saved form is what `audit` will read: judging from it now is what makes the two agree.
    mesh = Mesh.from_json(capture.mesh)
    gaps = capture.notes
    while True:
        capture = replace(capture, lines=follower.lines, notes=(*gaps, *follower.notes))
        report = judge_lines(capture, mesh, parse_lines(capture, mesh))
        if time.monotonic() >= deadline or all(verdict.final for verdict in report.verdicts):
            return report, capture
        tokens = _tokens(report)
        while (left := deadline - time.monotonic()) > 0:
            if _matter(follower.take(left), tokens):
                break


def _matter(lines: Sequence[LogLine], tokens: frozenset[str]) -> bool:
    return any(token in line.text for line in lines for token in tokens)


def _tokens(report: VerifyReport) -> frozenset[str]:
    """Texts of which one stands in every line that can change a verdict: nonces and socket addresses."""
    tokens: set[str] = set()
    for verdict in report.verdicts:
        probe = verdict.flow.probe
        tokens.add(probe.nonce)
        if probe.result.local_address:
            tokens.add(probe.result.local_address)
        for hop in verdict.flow.hops:
            tokens.update(
                address
                for column in ("upstream_local_address", "dst_hbone_addr")
                if (address := hop.text(column)) is not None
            )
    return frozenset(tokens)


def remove_leftovers(cluster: Cluster, namespace: str | None, run_id: str | None) -> tuple[str, ...]:
    """Remove probe pods of earlier runs; the names of those that were removed."""
    selector = "app.kubernetes.io/managed-by=egressaudit"
    if run_id is not None:
        selector += f",egressaudit.io/run-id={run_id}"
    removed = []
    pods: list[dict[str, Any]] = cluster.pods(selector, namespace)
    for pod in sorted(pods, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])):
        ref = ObjectRef(pod["metadata"]["namespace"], pod["metadata"]["name"])
        cluster.delete_pod(ref)
        removed.append(str(ref))
    return tuple(removed)
