"""What is expected of a group of flows: by the policy if there is one, else by the mesh configuration.

In: a group, e.g. shop/Deployment/cart to docs.example.com:443. Out: `Decision(Path.VIA_GATEWAY, via=(egress/gw,))`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from egressaudit.judge.answers import Answers
from egressaudit.judge.groups import DEFAULT, Decide, Tried
from egressaudit.judge.outcome import THROUGH
from egressaudit.mesh import Mesh
from egressaudit.mesh.steering.asked_for import AskedHost
from egressaudit.mesh.telling_apart import told_apart
from egressaudit.model import Claim, Decision, FlowGroup, Path, Pod, Scheme, Target

if TYPE_CHECKING:
    from egressaudit.policy import Policy

_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}


def by_mesh(mesh: Mesh) -> Decide:
    """Decide by what the configuration claims for the group's workload; nothing if no pod of it is known."""
    pods, same = _first_pods(mesh), dict[tuple[str, str], Hashable]()
    known: dict[Hashable, Decision] = {}

    def claimed(group: FlowGroup, scheme: Scheme | None, host: str, port: int | None) -> Decision:
        workload, asked = (group.namespace, group.workload), (host, port, scheme, group.path in THROUGH)
        pod = pods.get(workload)
        if workload not in same:
            same[workload] = None if pod is None else told_apart(mesh.world, pod)
        for key in ((workload, asked), (same[workload], asked)):
            if key in known:
                return known[key]
        found = _claimed(mesh, pod, scheme, host, port, through=group.path in THROUGH)
        # What names the pod is said of this workload alone.
        named = pod is not None and _names(found, str(pod.ref))
        known[workload if named else same[workload], asked] = found
        return found

    def decide(group: FlowGroup, host: str, port: int | None) -> Decision:
        own = claimed(group, group.scheme, host, port)
        if own.expected is not None:
            return own
        asked = _asked_for(mesh, pods, group, host, port)
        return _agreed([claimed(group, each.scheme, each.host, each.port) for each in asked]) or own

    return decide


def answers_of(mesh: Mesh) -> Answers:
    """What a snapshot answers about groups."""
    pods = _first_pods(mesh)
    return Answers(
        claimed=by_mesh(mesh),
        asked_for=lambda group, host, port: _asked_for(mesh, pods, group, host, port),
        tried=tried_at(mesh),
    )


def by_policy(
    policy: Policy, mesh: Mesh | Answers, today: date, used: Callable[[Decision], None] = lambda _: None
) -> Decide:
    """Decide by the policy, or by the mesh where the policy says so. `used` is called with every decision."""
    answers = answers_of(mesh) if isinstance(mesh, Mesh) else mesh

    def named(group: FlowGroup, host: str, port: int | None) -> Decision:
        decision = policy.decide(group.namespace, group.workload, host, port, today)
        if decision.rule != DEFAULT:
            return decision
        # No rule names the place to which the gateway sent it on: then the rule counts that names what was asked for.
        asked = answers.asked_for(group, host, port)
        found = [policy.decide(group.namespace, group.workload, each.host, each.port, today) for each in asked]
        return (_agreed(found) if all(each.rule != DEFAULT for each in found) else None) or decision

    def decide(group: FlowGroup, host: str, port: int | None) -> Decision:
        decision = named(group, host, port)
        used(decision)
        if decision.rule == DEFAULT and policy.leaves_to_mesh:
            return answers.claimed(group, host, port)
        if decision.expected in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT):
            # The policy decides the expected path. From the mesh configuration take only the faults, which explain why
            # traffic went elsewhere.
            passing = (*policy.gateways, *policy.waypoints)
            return replace(decision, faults=answers.claimed(group, host, port).faults, passing=passing)
        return decision

    return decide


_Pods = Mapping[tuple[str, str], Pod]


def _asked_for(mesh: Mesh, pods: _Pods, group: FlowGroup, host: str, port: int | None) -> tuple[AskedHost, ...]:
    """What was asked for, if the gateway sent the group on to this host and port by another name.

    Its line shows what it took the call for: a request is none of the calls whose TLS it passes on, and the reverse.
    """
    pod = pods.get((group.namespace, group.workload))
    if pod is None or port is None or not group.via or (host, port) != (group.host, group.port):
        return ()
    found = mesh.asked_for(pod, group.via[-1], host, port)
    return tuple(each for each in found if group.scheme in (None, each.scheme))


def _agreed(found: Sequence[Decision]) -> Decision | None:
    """The one decision that several names give; None if there is none, or they differ."""
    ways = {(each.expected, each.via) for each in found}
    return found[0] if len(ways) == 1 and found[0].expected is not None else None


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
    """What the configuration claims for a host and port; if nothing for that port, what it claims for the host.

    A host that should leave through a gateway on one port should not leave around it on another. `verify` does the
    same: it judges a redirect to another port by the same claim. `through`: it left through a gateway or waypoint.
    """
    if pod is None or port is None or not host:
        return Decision(None)

    def claim(called: int) -> Claim:
        asked = scheme or _SCHEMES.get(called, Scheme.TCP)
        return mesh.claim(pod, Target(host=host, port=called, scheme=asked, path=""))

    own = claim(port)
    if own.path is not None:
        return _decision([own], through=through)
    # ztunnel logs the port that was reached, i.e. the targetPort; claims are about the port that was called.
    if claims := _claiming(map(claim, mesh.ports_to(host, port))):
        return _decision(claims, through=through)
    if claims := _claiming(claim(each) for each in mesh.called_ports(host) if each != port):
        return replace(_decision(claims, through=through), faults=own.faults)
    return Decision(None, faults=own.faults)


def _names(found: Decision, pod: str) -> bool:
    return any(pod in said for each in found.faults for said in (each.message, *each.objects))


def _claiming(claims: Iterable[Claim]) -> list[Claim]:
    return [each for each in claims if each.path is not None]


def _decision(claims: Sequence[Claim], *, through: bool) -> Decision:
    """What several claims for one host say together. All of them agree that it should leave through some proxy.

    If they name different ones, a flow that passed a proxy can be judged by none of them.
    """
    first = claims[0]
    agreed = all((each.path, each.via, each.passing) == (first.path, first.via, first.passing) for each in claims)
    if through and (not agreed or first.rivalled):
        return Decision(None, faults=first.faults)
    via = () if first.via is None else (first.via,)
    return Decision(first.path, via, because=first.because, faults=first.faults, passing=first.passing)


def _first_pods(mesh: Mesh) -> dict[tuple[str, str], Pod]:
    """One pod of each workload: all pods of a workload have the same labels, which the configuration selects by."""
    pods: dict[tuple[str, str], Pod] = {}
    for pod in mesh.pods:
        pods.setdefault((pod.namespace, pod.owner or f"Pod/{pod.name}"), pod)
    return pods
