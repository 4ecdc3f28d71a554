"""What is expected of a target, and which proxy captures its source: from the snapshot alone, before any log is read.

In: a pod and http://docs.example.com/. Out: `Expectation(Path.VIA_GATEWAY, via=egress/gw, ...)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from egressaudit.errors import BadLogs, UsageError
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Claim,
    DataplaneMode,
    Decision,
    Expectation,
    FlowGroup,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Probe,
    Target,
)

if TYPE_CHECKING:
    from egressaudit.judge.groups import Decide
    from egressaudit.policy import Policy

_EXPECTED = {path.word: path for path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.BLOCKED)}


def source_of(mesh: Mesh, probe: Probe) -> Pod:
    """The pod that a probe was sent from; BadLogs if the snapshot does not have it."""
    pod = mesh.pod(probe.source)
    if pod is None:
        raise BadLogs(f"mesh.json has no pod {probe.source}, which a probe was sent from")
    return pod


def source_log(mesh: Mesh, probe: Probe) -> LogSource | None:
    """The log of the proxy that captures a probe's pod: its sidecar, or the ztunnel of its node."""
    pod = source_of(mesh, probe)
    return mesh.source_log(pod)


@dataclass(frozen=True)
class Expectations:
    """What is expected of the probes of a run: by `--expect`, by a policy, else by the mesh configuration.

    A policy decides as it does in an audit, so that both commands say the same of the same request.
    """

    mesh: Mesh
    expect: str | None = None
    policy: Policy | None = None
    day: date = date.min
    """On which waivers count."""

    def of(self, source: Pod, target: Target) -> Expectation:
        """The way that one request should go; its path is None if nothing says which."""
        if self.policy is None:
            return expectation(self.mesh, source, target, self.expect)
        return _of_decision(self.mesh, self._decide(asking_group(source, target), target.host, target.port))

    def of_probes(self, probes: Iterable[Probe]) -> dict[str, Expectation]:
        """What is expected of each probe, by nonce. A redirect inherits it if nothing claims its own target.

        A policy says of every host what it wants, so nothing is inherited under it.
        """
        found: dict[str, Expectation] = {}
        for probe in probes:
            own = self.of(source_of(self.mesh, probe), probe.target)
            before = found.get(probe.redirected_from or "")
            inherits = own.path is None and self.policy is None and before is not None
            found[probe.nonce] = _inherited(before, own) if before is not None and inherits else own
        return found

    @cached_property
    def _decide(self) -> Decide:
        # Import here: most runs have no policy, and before the request nothing is loaded that they do not need.
        from egressaudit.judge.group_expectation import by_policy

        assert self.policy is not None
        return by_policy(self.policy, self.mesh, self.day, lambda _: None)


def asking_group(source: Pod, target: Target) -> FlowGroup:
    """The group of flows that a request would be one of: what a policy decides about."""
    never = datetime.min.replace(tzinfo=UTC)
    return FlowGroup(
        namespace=source.namespace,
        workload=source.owner or f"Pod/{source.name}",
        host=target.host,
        port=target.port,
        path=Path.UNKNOWN,
        flows=1,
        first=never,
        last=never,
        mode=source.mode,
        scheme=target.scheme,
    )


def _of_decision(mesh: Mesh, decision: Decision) -> Expectation:
    return Expectation(
        path=decision.expected,
        via=decision.via[0] if decision.via else None,
        pods=mesh.proxies_of(decision.via),
        because=decision.because,
        faults=decision.faults,
        passing=decision.passing,
        # A rule names the gateways that it may leave through, a claim is about a whole chain.
        last=bool(decision.rule),
        rule=decision.rule,
        allowed=decision.via,
        waived=decision.waived,
    )


def _inherited(before: Expectation, own: Expectation) -> Expectation:
    if before.path is None:
        return own
    return replace(
        before, because=("the redirect comes from a host that is expected to go this way",), faults=own.faults
    )


def expectation(mesh: Mesh, source: Pod, target: Target, expect: str | None) -> Expectation:
    """The way a request should go: by `--expect`, else by the configuration, which may say nothing."""
    claim = mesh.claim(source, target)
    if expect is not None:
        path, ref = parse_expect(expect)
        if path in (Path.DIRECT, Path.BLOCKED):
            return Expectation(path=path, because=("--expect",))
        named = mesh.gateway(path, ref)
        return Expectation(
            path=path,
            via=named.via,
            pods=named.pods,
            because=("--expect",),
            faults=(*named.faults, *claim.faults),
            passing=_before(source, claim),
            last=True,
        )
    return Expectation(claim.path, claim.via, claim.pods, claim.because, claim.faults, claim.passing)


def _before(source: Pod, claim: Claim) -> tuple[ObjectRef, ...]:
    """The waypoint that the configuration puts in front of a gateway: it may be passed on the way to the named one."""
    if claim.path is Path.VIA_GATEWAY and source.mode is DataplaneMode.AMBIENT:
        # For a chain, the claim's `via` is the gateway at its end.
        return claim.passing
    return (claim.via,) if claim.path is Path.VIA_WAYPOINT and claim.via is not None else ()


def parse_expect(text: str) -> tuple[Path, ObjectRef | None]:
    """`gateway[=NS/NAME]`, `waypoint[=NS/NAME]`, `direct` or `blocked`; UsageError for anything else."""
    word, equals, name = text.partition("=")
    path = _EXPECTED.get(word)
    namespace, slash, short = name.partition("/")
    if path is None or (equals and (path in (Path.DIRECT, Path.BLOCKED) or not (namespace and slash and short))):
        raise UsageError(
            f"invalid --expect {text!r}",
            hint="Use gateway, gateway=NAMESPACE/NAME, waypoint, waypoint=NAMESPACE/NAME, direct or blocked.",
        )
    return path, ObjectRef(namespace, short) if equals else None
