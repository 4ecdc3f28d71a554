"""What is expected of a group of flows: by the policy where there is one, else by the mesh configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from egressaudit.judge.groups import DEFAULT, Decide
from egressaudit.mesh import Mesh
from egressaudit.model import Path, Pod, Scheme, Target
from egressaudit.window import Decision, FlowGroup

if TYPE_CHECKING:
    from egressaudit.policy import Policy

_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}


def by_mesh(mesh: Mesh) -> Decide:
    """What the configuration claims for a group's workload; nothing where no pod of it is known."""
    pods = _first_pods(mesh)
    known: dict[tuple[str, str, str, int | None, Scheme | None], Decision] = {}

    def decide(group: FlowGroup, host: str, port: int | None) -> Decision:
        key = (group.namespace, group.workload, host, port, group.scheme)
        if key not in known:
            known[key] = _claimed(mesh, pods.get((group.namespace, group.workload)), group.scheme, host, port)
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
            # The policy decides the expected path. From the mesh configuration take only the gaps, which explain why
            # traffic went elsewhere.
            passing = (*policy.gateways, *policy.waypoints)
            return replace(decision, gaps=claimed(group, host, port).gaps, passing=passing)
        return decision

    return decide


def _claimed(mesh: Mesh, pod: Pod | None, scheme: Scheme | None, host: str, port: int | None) -> Decision:
    if pod is None or port is None or not host:
        return Decision(None)
    claim = mesh.claim(pod, Target(host=host, port=port, scheme=scheme or _SCHEMES.get(port, Scheme.TCP)))
    if claim.path is None:
        # A ztunnel logs the port that was reached, which is the targetPort of the one that was called.
        for called in mesh.ports_to(host, port):
            found = mesh.claim(pod, Target(host=host, port=called, scheme=scheme or _SCHEMES.get(called, Scheme.TCP)))
            claim = found if found.path is not None else claim
    via = () if claim.via is None else (claim.via,)
    return Decision(expected=claim.path, via=via, because=claim.because, gaps=claim.gaps, passing=claim.passing)


def _first_pods(mesh: Mesh) -> dict[tuple[str, str], Pod]:
    """A pod of each workload: all of one workload have the same labels that the configuration selects by."""
    pods: dict[tuple[str, str], Pod] = {}
    for pod in mesh.pods:
        pods.setdefault((pod.namespace, pod.owner or f"Pod/{pod.name}"), pod)
    return pods
