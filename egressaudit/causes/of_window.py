"""The causes of a window's groups and findings: what `audit` adds to its rulings.

In: rulings with the lines that are shown of them, and the snapshot. Out: the same with their causes, e.g. EC13 for an
EA102. No log is read for this: a group has what joining knows of it, and the few lines of its evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from egressaudit.addresses import canonical_ip, ip_of
from egressaudit.causes.diagnosis import diagnose
from egressaudit.causes.symptoms import Symptoms
from egressaudit.causes.way_logs import WayLogs
from egressaudit.judge.groups import Ruling
from egressaudit.mesh import Mesh
from egressaudit.mesh.steering.registry import entries, ports
from egressaudit.model import (
    Coverage,
    DataplaneMode,
    Decision,
    Evidence,
    Finding,
    FlowGroup,
    FoundCause,
    Hop,
    Judged,
    LogSource,
    ObjectRef,
    Outcome,
    Path,
    Pod,
    Scheme,
    Target,
)

Hops = Mapping[tuple[str, int], Hop]
"""The lines that are shown, by their log's name and their number."""

_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}
_MOST_PEERS = 20
"""Groups of one host, and of one gateway, that are looked at beside one: what they show, a few show."""
_NOTES = ("EA306", "EA405")
"""Findings that are notes, and name what is wrong all the same."""


def causes_of_rulings(rulings: Sequence[Ruling], mesh: Mesh, coverage: Coverage, hops: Hops) -> tuple[Ruling, ...]:
    """The rulings with their causes; those that are as they should be have none."""
    wrong = [each for each in rulings if each.code and each.judged.outcome is not Outcome.PASS]
    if not wrong:
        return tuple(rulings)
    logs = WayLogs(mesh, coverage.blind_spots, coverage.sources)
    by_host, by_via = _peers(each.judged.group for each in rulings)
    found = []
    for each in rulings:
        group = each.judged.group
        if each.code and each.judged.outcome is not Outcome.PASS:
            vias = (*each.judged.decision.via, *group.via)
            near = (by_host[group.host], *(by_via[via] for via in dict.fromkeys(vias)))
            seen = symptoms_of_group(each.judged, each.code, logs, hops, _beside(group, near))
            each = replace(each, judged=replace(each.judged, causes=diagnose(seen)))  # noqa: PLW2901
        found.append(each)
    return tuple(found)


def _beside(group: FlowGroup, near: Iterable[Sequence[FlowGroup]]) -> tuple[FlowGroup, ...]:
    """A few of the groups near one. A sender can make any number of them, so they are not all looked at."""
    some = (peer for groups in near for peer in groups[:_MOST_PEERS])
    return tuple({id(peer): peer for peer in some if peer is not group}.values())


def _peers(
    groups: Iterable[FlowGroup],
) -> tuple[Mapping[str, list[FlowGroup]], Mapping[ObjectRef, list[FlowGroup]]]:
    by_host: defaultdict[str, list[FlowGroup]] = defaultdict(list)
    by_via: defaultdict[ObjectRef, list[FlowGroup]] = defaultdict(list)
    for each in groups:
        by_host[each.host].append(each)
        for via in each.via:
            by_via[via].append(each)
    return by_host, by_via


def symptoms_of_group(
    judged: Judged, code: str, logs: WayLogs, hops: Hops, peers: tuple[FlowGroup, ...] = ()
) -> Symptoms:
    """What is known about one group of flows."""
    group, decision, mesh = judged.group, judged.decision, logs.mesh
    source, chain = _sender(group, logs), _chain(group.evidence, hops)
    way = logs.on(source, dict.fromkeys((*decision.via, *decision.passing, *group.via, *_sent_to(chain, mesh))))
    target = _target(group, mesh)
    claim = mesh.claim(source, target) if source is not None and _is_renamed(target, group) else None
    return Symptoms(
        mesh=mesh,
        target=target,
        path=group.path,
        code=code,
        reason=group.reason,
        source=source,
        expected=decision.expected,
        via=_via(decision, group) or (None if claim is None else claim.via),
        passing=(*decision.via, *decision.passing),
        through=group.via,
        hops=chain,
        faults=decision.faults if claim is None else claim.faults,
        steps=() if source is None else mesh.way(source, target).steps,
        spots=logs.spots_on(source, way),
        gaps=logs.gaps_on(way),
        group=group,
        peers=peers,
    )


def _target(group: FlowGroup, mesh: Mesh) -> Target:
    """What the flows were for, as far as it is known: no more than which rules to look at.

    Where no cluster names the host, the sender's name says it, which proves nothing; nothing is judged by it. A ztunnel
    logs the port that it reached: what was called is the port of the ServiceEntry, where that has but one.
    """
    port, names = group.port or 0, group.server_names
    unnamed = canonical_ip(group.host) is not None or bool(mesh.places.service_of(group.host))
    host = names[0] if len(names) == 1 and unnamed else group.host
    if group.mode is DataplaneMode.AMBIENT and group.scheme is None:
        known = {number for each in entries(mesh.world.objects, host) for number, _ in ports(each)}
        called = mesh.ports_to(host, port) or tuple(known)
        port = called[0] if len(called) == 1 and port not in known else port
    return Target(host, port, group.scheme or _SCHEMES.get(port, Scheme.TCP), path="")


def _is_renamed(target: Target, group: FlowGroup) -> bool:
    return (target.host, target.port) != (group.host, group.port or 0)


def _sent_to(chain: Iterable[Hop], mesh: Mesh) -> Iterator[ObjectRef]:
    """The gateways and waypoints to which the lines say that it was sent."""
    for hop in chain:
        known = mesh.places.proxies.get(ip_of(hop.text("dst_addr") or hop.text("upstream_host")) or "")
        if known is not None:
            yield known[1]


def _sender(group: FlowGroup, logs: WayLogs) -> Pod | None:
    """The pod whose own proxy wrote a line that is shown, else one of the workload's."""
    for each in group.evidence:
        namespace, _, rest = each.source.partition("/")
        pod = logs.mesh.pod(ObjectRef(namespace, rest.partition("/")[0])) if each.role == "source" else None
        if pod is not None and pod.namespace == group.namespace and (pod.owner or f"Pod/{pod.name}") == group.workload:
            return pod
    return logs.pod_of(group.namespace, group.workload)


def _via(decision: Decision, group: FlowGroup) -> ObjectRef | None:
    """The gateway that should have carried it: one that did, if it is among them."""
    return next((each for each in group.via if each in decision.via), next(iter(decision.via), None))


def _chain(evidence: Iterable[Evidence], hops: Hops) -> tuple[Hop, ...]:
    """The lines of the first flow that is shown: the source's, and the last proxy's."""
    known = [(each.role, hop) for each in evidence if (hop := hops.get((each.source, each.line))) is not None]
    first = next((hop for role, hop in known if role == "source"), None)
    last = next((hop for role, hop in known if role != "source"), None)
    return tuple(each for each in (first, last) if each is not None)


# ---------------------------------------------------------------- findings that are not about flows


def causes_of_findings(findings: Iterable[Finding], mesh: Mesh, coverage: Coverage) -> tuple[Finding, ...]:
    """The findings, each that is no note about itself with its causes."""
    made = tuple(findings)
    logs = WayLogs(mesh, coverage.blind_spots, coverage.sources)
    known = [each for finding in made if finding.judged is not None for each in finding.causes]
    return tuple(each if each.causes else replace(each, causes=_of_finding(each, logs, known)) for each in made)


def _of_finding(finding: Finding, logs: WayLogs, known: list[FoundCause]) -> tuple[FoundCause, ...]:
    if finding.judged is not None or (finding.outcome is None and finding.code not in _NOTES):
        return ()
    if finding.code == "EA405":
        # The fault itself: the flows that it explains have the cause that it shows.
        return next(((each,) for each in known if finding.message in each.because), ())
    namespace, _, rest = finding.subject.partition("/")
    source = logs.mesh.pod(ObjectRef(namespace, rest.partition("/")[0]))
    spots = [each for each in logs.spots if each.subject == finding.subject and each.reason == finding.message]
    return diagnose(
        Symptoms(
            mesh=logs.mesh,
            target=Target("", 0, Scheme.TCP),
            path=Path.UNKNOWN,
            code=finding.code,
            message=finding.message,
            source=source,
            spots=tuple(spots),
        )
    )


def log_of(evidence: Evidence) -> LogSource | None:
    """The log of a line that is shown; None if its name is a path."""
    parts = evidence.source.split("/")
    return LogSource(*parts) if len(parts) == 3 and all(parts) else None
