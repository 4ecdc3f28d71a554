"""What is expected of a group of flows: by the policy where there is one, else by the mesh configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from egressaudit.judge.groups import DEFAULT, Decide, Tried
from egressaudit.judge.outcome import THROUGH
from egressaudit.mesh import Mesh
from egressaudit.model import Claim, Decision, FlowGroup, Path, Pod, Scheme, Target

if TYPE_CHECKING:
    from egressaudit.policy import Policy

_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}


def by_mesh(mesh: Mesh) -> Decide:
    """What the configuration claims for a group's workload; nothing where no pod of it is known."""
    pods = _first_pods(mesh)
    known: dict[tuple[str, str, str, int | None, Scheme | None, bool], Decision] = {}

    def decide(group: FlowGroup, host: str, port: int | None) -> Decision:
        through = group.path in THROUGH
        key = (group.namespace, group.workload, host, port, group.scheme, through)
        if key not in known:
            pod = pods.get((group.namespace, group.workload))
            known[key] = _claimed(mesh, pod, group.scheme, host, port, through=through)
        return known[key]

    return decide


def by_policy(policy: Policy, mesh: Mesh, today: date, used: Callable[[Decision], None]) -> Decide:
    """What the policy says; where it leaves a host to the mesh, what that claims. `used` is told every decision."""
    claimed = by_mesh(mesh)

    def decide(group: FlowGroup, host: str, port: int | None) -> Decision:
        decision = policy.decide(group.namespace, group.workload, host, port, today)
        used(decision)
        if decision.rule == DEFAULT and policy.leaves_to_mesh:
            return claimed(group, host, port)
        if decision.expected in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT):
            # The policy decides the expected path. From the mesh configuration take only the faults, which explain why
            # traffic went elsewhere.
            passing = (*policy.gateways, *policy.waypoints)
            return replace(decision, faults=claimed(group, host, port).faults, passing=passing)
        return decision

    return decide


def tried_at(mesh: Mesh) -> Tried:
    """Where the snapshot has a request's cluster send it, as far as it may be tried more than once."""

    def tried(group: FlowGroup) -> Iterable[tuple[str, int | None]]:
        if group.scheme is not Scheme.HTTP:
            return ()
        facts = mesh.cluster_ends.clusters.facts("outbound", group.host, group.port)
        return sorted(facts.addresses - set(group.reached), key=str) if facts.retries else ()

    return tried


def _claimed(
    mesh: Mesh, pod: Pod | None, scheme: Scheme | None, host: str, port: int | None, *, through: bool
) -> Decision:
    """What the configuration claims for a host on a port; where it says nothing of that port, what it says of the host.

    A host that is to leave through a gateway on one port is not to leave around it on another: `verify` follows a
    redirect from the one to the other and holds it against the same claim. `through` says that it left through a
    gateway or waypoint.
    """
    if pod is None or port is None or not host:
        return Decision(None)

    def claim(called: int) -> Claim:
        return mesh.claim(pod, Target(host=host, port=called, scheme=scheme or _SCHEMES.get(called, Scheme.TCP)))

    own = claim(port)
    if own.path is not None:
        return _decision([own], through=through)
    # A ztunnel logs the port that was reached, which is the targetPort of the one that was called.
    if claims := _claiming(map(claim, mesh.ports_to(host, port))):
        return _decision(claims, through=through)
    if claims := _claiming(claim(each) for each in mesh.called_ports(host) if each != port):
        return replace(_decision(claims, through=through), faults=own.faults)
    return Decision(None, faults=own.faults)


def _claiming(claims: Iterable[Claim]) -> list[Claim]:
    return [each for each in claims if each.path is not None]


def _decision(claims: Sequence[Claim], *, through: bool) -> Decision:
    """What the claims of one host say together. All of them say that it is not to leave around a proxy.

    Claims that name different ways prove none of them right: what passed a proxy cannot be held against either.
    """
    first = claims[0]
    agreed = all((each.path, each.via, each.passing) == (first.path, first.via, first.passing) for each in claims)
    if through and not agreed:
        return Decision(None, faults=first.faults)
    via = () if first.via is None else (first.via,)
    return Decision(first.path, via, because=first.because, faults=first.faults, passing=first.passing)


def _first_pods(mesh: Mesh) -> dict[tuple[str, str], Pod]:
    """A pod of each workload: all of one workload have the same labels that the configuration selects by."""
    pods: dict[tuple[str, str], Pod] = {}
    for pod in mesh.pods:
        pods.setdefault((pod.namespace, pod.owner or f"Pod/{pod.name}"), pod)
    return pods
