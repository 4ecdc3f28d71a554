"""The causes of a window's groups and findings: what `audit` adds to its rulings.

In: rulings with the lines that are shown of them, and the snapshot. Out: the same with their causes, e.g. EC13 for an
EA102. No log is read for this: a group has what joining knows of it, and the few lines of its evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from egressaudit.addresses import ip_of
from egressaudit.causes.called_target import Called, HostsAt
from egressaudit.causes.diagnosis import diagnose
from egressaudit.causes.symptoms import Symptoms
from egressaudit.causes.way_logs import WayLogs
from egressaudit.judge.groups import Ruling, hosts_reached
from egressaudit.judge.network_words import blind_spot_words
from egressaudit.judge.outcome import NO_GATEWAY_LINE
from egressaudit.mesh import Mesh
from egressaudit.mesh.modes.blind_spots import SYSTEM
from egressaudit.model import (
    Coverage,
    Decision,
    Evidence,
    Finding,
    FlowGroup,
    FoundCause,
    Hop,
    Judged,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Scheme,
    Target,
)

Hops = Mapping[tuple[str, int], Hop]
"""The lines that are shown, by their log's name and their number."""

_CLOCKS = timedelta(seconds=60)
"""How far the clocks of two proxies may be apart for their lines to be joined."""
_MOST_PEERS = 20
"""Groups of one host, and of one gateway, that are looked at beside one: what they show, a few show."""
_NOTHING, _UNSEEN = "EA311", "EA306"
_NOTES = (_UNSEEN, "EA405")
"""Findings that are notes, and name what is wrong all the same."""


def causes_of_rulings(rulings: Sequence[Ruling], mesh: Mesh, coverage: Coverage, hops: Hops) -> tuple[Ruling, ...]:
    """The rulings with their causes; those that are as they should be have none."""
    if not any(each.has_cause for each in rulings):
        return tuple(rulings)
    logs = WayLogs(mesh, coverage.blind_spots, coverage.sources)
    groups = [each.judged.group for each in rulings]
    (by_host, by_via), hosts_at = _peers(groups), hosts_reached(groups)
    found = []
    for each in rulings:
        group = each.judged.group
        if each.has_cause:
            vias = (*each.judged.decision.via, *group.via, *_sent_to(_chain(group.evidence, hops), mesh))
            near = (by_host[group.host], *(by_via[via] for via in dict.fromkeys(vias)))
            seen = symptoms_of_group(each.judged, each.code, logs, hops, _beside(group, near), hosts_at)
            causes = diagnose(seen, _for_other_hosts(seen, hosts_at))
            each = replace(each, judged=replace(each.judged, causes=causes))  # noqa: PLW2901
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
    judged: Judged,
    code: str,
    logs: WayLogs,
    hops: Hops,
    peers: tuple[FlowGroup, ...] = (),
    hosts_at: HostsAt = MappingProxyType({}),
) -> Symptoms:
    """What is known about one group of flows."""
    group, decision, mesh = judged.group, judged.decision, logs.mesh
    source, chain = _sender(group, logs), _chain(group.evidence, hops)
    way = logs.on(source, dict.fromkeys((*decision.via, *decision.passing, *group.via, *_sent_to(chain, mesh))))
    near = _near(group, peers, hops)
    line = next((each for each in chain if each.reporter.at_source), None)
    target = Called(group, source, line, mesh, hosts_at).target()
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
        near=near,
        counts=logs.counts_of(way) if group.reason == NO_GATEWAY_LINE else {},
        faults=decision.faults if claim is None else claim.faults,
        steps=() if source is None else mesh.way(source, target).steps,
        spots=logs.spots_on(source, way),
        gaps=logs.gaps_on(way),
        group=group,
        peers=peers,
    )


def _for_other_hosts(seen: Symptoms, hosts_at: HostsAt) -> Iterator[Symptoms]:
    """The same flow as one for each host that it may have been for."""
    if seen.group is None or seen.source is None:
        return
    for target in Called(seen.group, seen.source, seen.source_line, seen.mesh, hosts_at).candidates():
        claim = seen.mesh.claim(seen.source, target)
        yield replace(seen, target=target, expected=claim.path, via=claim.via, faults=claim.faults, steps=())


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


def _near(group: FlowGroup, peers: Iterable[FlowGroup], hops: Hops) -> tuple[Hop, ...]:
    """Lines of gateways beside a group that lacks its own there: one of them may be it, and no key joins them.

    Of a connection that was not made the source's line has no socket of its own; then the other line is of a group of
    the same sender. Where a gateway does not see the sender, it is of nobody.
    """
    if group.reason not in (NO_GATEWAY_LINE, "gateway-not-reached"):
        return ()
    sent = ("", "") if group.reason == NO_GATEWAY_LINE else (group.namespace, group.workload)
    others = (each for each in peers if (each.namespace, each.workload) == sent and _overlap(each, group))
    lines = (line for each in others for line in each.evidence if {line.role for line in each.evidence} != {"source"})
    return tuple(hop for each in lines if (hop := hops.get((each.source, each.line))) is not None)


def _overlap(one: FlowGroup, other: FlowGroup) -> bool:
    return one.first <= other.last + _CLOCKS and other.first <= one.last + _CLOCKS


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


def causes_of_findings(
    findings: Iterable[Finding], rulings: Iterable[Ruling], mesh: Mesh, coverage: Coverage
) -> tuple[Finding, ...]:
    """The findings, each that is no note about itself with its causes."""
    logs = WayLogs(mesh, coverage.blind_spots, coverage.sources)
    known = [cause for ruling in rulings for cause in ruling.judged.causes]
    made = [each if each.causes else replace(each, causes=_of_finding(each, logs, known)) for each in findings]
    unseen = [cause for each in made if each.code == _UNSEEN for cause in each.causes]
    return tuple(
        replace(each, causes=_first_of_each(known or (*unseen, *each.causes))) if each.code == _NOTHING else each
        for each in made
    )


def _first_of_each(causes: Iterable[FoundCause]) -> tuple[FoundCause, ...]:
    """Why nothing could be judged: what the flows of the window show, or why there are none. Each code once."""
    found: dict[str, FoundCause] = {}
    for each in causes:
        found.setdefault(each.code, each)
    return tuple(found.values())


def _of_finding(finding: Finding, logs: WayLogs, known: list[FoundCause]) -> tuple[FoundCause, ...]:
    if finding.judged is not None or (finding.outcome is None and finding.code not in _NOTES):
        return ()
    if finding.code == "EA405":
        # The fault itself: the flows that it explains have the cause that it shows.
        return next(((each,) for each in known if finding.message in each.because), ())
    namespace, _, rest = finding.subject.partition("/")
    source = logs.mesh.pod(ObjectRef(namespace, rest.partition("/")[0]))
    spots = [
        each for each in logs.spots if each.subject == finding.subject and blind_spot_words(each) == finding.message
    ]
    if any(each.kind == SYSTEM for each in spots):
        # The control plane and the cluster's own pods are outside capture as they should be.
        return ()
    return diagnose(
        Symptoms(
            mesh=logs.mesh,
            target=Target("", 0, Scheme.TCP),
            path=Path.UNKNOWN,
            code=finding.code,
            message=finding.message,
            via=ObjectRef(namespace, rest) if finding.code == "EA401" else None,
            source=source,
            spots=tuple(spots),
        )
    )


def log_of(evidence: Evidence) -> LogSource | None:
    """The log of a line that is shown; None if its name is a path."""
    parts = evidence.source.split("/")
    return LogSource(*parts) if len(parts) == 3 and all(parts) else None
