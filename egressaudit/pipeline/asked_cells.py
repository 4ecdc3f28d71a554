"""Which host is asked from which source: the matrix of a run of `verify`, before anything is sent.

In: the hosts, the sources and the rules that a run names, and a mesh. Out: a `Planned` for each pair: a `MatrixCell`,
and the container that sends, e.g. http://docs.redhat.com/ from container curl of pod curl/curl-1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from egressaudit.errors import NotFound
from egressaudit.mesh import Mesh
from egressaudit.model import DataplaneMode, MatrixCell, ObjectRef, Pod, Reporter, Scheme, Target
from egressaudit.probe.source import SourceChoice, chosen_pod, container_of

if TYPE_CHECKING:
    from egressaudit.policy import PolicyRule

MOST_WORKLOADS = 5
"""Workloads that one rule is probed from if no source is named: a rule for all namespaces may match thousands."""
_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}


@dataclass(frozen=True, slots=True)
class ProbeSource:
    """A container that probes are sent from; `name` is `namespace/workload`, the same in every run."""

    pod: Pod
    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell, and where it is sent from; None for what is not probed."""

    cell: MatrixCell
    source: ProbeSource | None = None


def chosen_sources(
    mesh: Mesh, choices: Sequence[SourceChoice], own: ObjectRef | None = None
) -> tuple[ProbeSource, ...]:
    """The pod of each choice, each pod once; `own` is our own probe pod. NotFound says what there is instead."""
    found: dict[ObjectRef, ProbeSource] = {}
    for choice in choices:
        pod = chosen_pod(mesh, choice)
        name = f"{pod.namespace}/probe-pod" if pod.ref == own else _name(pod)
        found.setdefault(pod.ref, ProbeSource(pod, container_of(pod, choice.container), name))
    names = [each.name for each in found.values()]
    return tuple(
        each if names.count(each.name) == 1 else replace(each, name=str(each.pod.ref)) for each in found.values()
    )


def planned(
    mesh: Mesh, targets: Sequence[Target], rules: Sequence[PolicyRule], sources: Sequence[ProbeSource]
) -> tuple[Planned, ...]:
    """Each target and each host of the rules, from each source; rules from the workloads that they match without one.

    The same request from the same pod is made once.
    """
    found: dict[object, Planned] = {}
    for each in (*_of_targets(targets, sources), *(p for rule in rules for p in _of_rule(mesh, rule, sources))):
        cell = each.cell
        key = (cell.host, cell.rule, cell.source) if each.source is None else (cell.target, cell.pod)
        found.setdefault(key, each)
    return tuple(found.values())


def _of_targets(targets: Sequence[Target], sources: Sequence[ProbeSource]) -> Iterator[Planned]:
    for target in targets:
        yield from (_from(source, target) for source in sources)


def _from(source: ProbeSource, target: Target, rule: str = "") -> Planned:
    return Planned(MatrixCell(target.host, source.name, target, source.pod.ref, rule), source)


def _of_rule(mesh: Mesh, rule: PolicyRule, named: Sequence[ProbeSource]) -> Iterator[Planned]:
    targets = list(_targets(mesh, rule))
    for host, target in targets:
        if target is None:
            yield Planned(MatrixCell(host, "", rule=rule.name, reason=_why_not(host), counts=False))
    asked = [target for _, target in targets if target is not None]
    if named or not asked:
        yield from (_from(source, target, rule.name) for target in asked for source in named)
        return
    sources, missing = _matching(mesh, rule)
    for target in asked:
        yield from (_from(source, target, rule.name) for source in sources)
        for who, why, counts in missing:
            yield Planned(MatrixCell(target.host, who, target, None, rule.name, reason=why, counts=counts))


def _why_not(host: str) -> str:
    if host == "*":
        return "the rule is about every host; name hosts with --host"
    what = "a network" if "/" in host else "a wildcard"
    return f"{what} cannot be probed; name a host that it covers with --host"


def _targets(mesh: Mesh, rule: PolicyRule) -> Iterator[tuple[str, Target | None]]:
    """The hosts of a rule with their ports: the rule's own, else those that the mesh has for the host, else port 80."""
    # Import here, as below: without a policy nobody needs it, and the request is not to wait for it.
    from egressaudit.mesh.steering.outside_hosts import registered_targets, routed_targets

    objects = mesh.world.objects
    for pattern in rule.hosts:
        host = pattern.name or str(pattern.address or "")
        if not host:
            yield str(pattern), None
            continue
        routed = (each for each in routed_targets(objects) if each.host == host)
        schemes = {each.port: each.scheme for each in (*registered_targets(objects, host), *routed)}
        for port in sorted(rule.ports or schemes) or (80,):
            scheme = schemes.get(port) or _SCHEMES.get(port, Scheme.TCP)
            yield host, Target(host, port, scheme, "" if scheme is Scheme.TCP else "/")


def _matching(mesh: Mesh, rule: PolicyRule) -> tuple[list[ProbeSource], list[tuple[str, str, bool]]]:
    """A ready pod of each workload that a rule matches; and who is not asked, why, and whether that counts."""
    workloads, outside = _workloads(mesh, rule)
    missing: list[tuple[str, str, bool]] = []
    if outside:
        which = "1 workload outside the mesh matches" if outside == 1 else f"{outside} workloads outside the mesh match"
        missing.append(("", f"{which} the rule only by a glob; name sources with --from", False))
    if not workloads:
        return [], [*missing, ("", "the mesh has no workload that the rule's `from` matches", False)]
    sources: list[ProbeSource] = []
    names = sorted(workloads)
    short = {key: _name(workloads[key][0]) for key in names}
    used = Counter(short.values())
    for key in names[:MOST_WORKLOADS]:
        ready = sorted((pod for pod in workloads[key] if pod.ready), key=lambda pod: pod.ref)
        # A Deployment and a StatefulSet may have one name: what is said of one must not stand for both.
        name = short[key] if used[short[key]] == 1 else "/".join(key)
        try:
            sources += [ProbeSource(pod, container_of(pod, None), name) for pod in ready[:1]]
        except NotFound as error:
            missing.append((name, error.message, True))
        if not ready:
            missing.append((name, "none of its pods is ready", True))
    if (more := len(names) - MOST_WORKLOADS) > 0:
        missing.append(("", f"{more} more workloads match the rule; name sources with --from", False))
    return sources, missing


def _workloads(mesh: Mesh, rule: PolicyRule) -> tuple[dict[tuple[str, str], list[Pod]], int]:
    """The pods of each workload that a rule is about, and how many workloads are left out.

    Outside the mesh, those whose namespace it names: a glob matches all of the cluster's own, too.
    """
    # Import here: without a policy nobody needs it.
    from egressaudit.policy.globs import EXACT

    found: dict[tuple[str, str], list[Pod]] = {}
    outside = set()
    for pod in mesh.pods:
        workload = pod.owner or f"Pod/{pod.name}"
        of_namespace, of_workload = rule.namespaces.rank(pod.namespace), rule.workloads.rank(workload)
        if of_namespace is None or of_workload is None or pod.role not in (None, Reporter.SIDECAR):
            continue
        if pod.mode is DataplaneMode.NONE and of_namespace != EXACT:
            outside.add((pod.namespace, workload))
        else:
            found.setdefault((pod.namespace, workload), []).append(pod)
    return found, len(outside)


def _name(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.owner.partition('/')[2] if pod.owner else pod.name}"
