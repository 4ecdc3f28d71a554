"""A policy made of what was observed, or of what the mesh configuration claims: a text to read, change and keep.

Rules allow what was seen to leave through a gateway or waypoint, to the workload, host and port, and nothing else. What
left another way, or cannot be told, stands there as a comment, never as a rule.

In: the groups of flows, and the gateways and waypoints that may carry them. Out: the text of a policy.
Example: shop/Deployment/cart was seen to reach a.example:443 through the gateway. The policy has a rule with
`to: {hosts: [a.example], ports: [443]}` and `via: gateway`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from egressaudit.errors import UsageError
from egressaudit.model import FlowGroup, ObjectRef, Path
from egressaudit.policy.globs import checked_namespace, checked_workload
from egressaudit.policy.hosts import HostPattern
from egressaudit.policy.inferred_text import Facts, RuleText, policy_text
from egressaudit.policy.loading import MAX_BYTES

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
_LEFT = (*_THROUGH, Path.DIRECT, Path.PASSTHROUGH)

_Key = tuple[str, str, str, int]
"""Namespace, workload, host, port."""
_Way = tuple[Path, tuple[ObjectRef, ...]]


@dataclass
class Allowed:
    """What rules are to allow: for each workload, host and port one way, and how many flows were seen of it."""

    ways: dict[_Key, _Way] = field(default_factory=dict)
    flows: Counter[_Key] = field(default_factory=Counter)

    def add(self, namespace: str, workload: str, host: str, port: int, way: _Way) -> None:
        """Allow one way; further gateways or waypoints join those of before, if the path is the same."""
        key = (namespace, workload, host.rstrip(".").lower(), port)
        path, via = self.ways.get(key, (way[0], ()))
        if path is way[0]:
            self.ways[key] = (path, tuple(sorted({*via, *way[1]})))

    def rules(self, workloads_of: dict[str, frozenset[str]] | None = None) -> tuple[RuleText, ...]:
        """The fewest rules that allow exactly this; a whole namespace is written `*` where `workloads_of` lists it."""
        who: defaultdict[tuple[str, _Way, str, int], set[str]] = defaultdict(set)
        for (namespace, workload, host, port), way in self.ways.items():
            who[namespace, way, host, port].add(workload)
        ports: defaultdict[tuple[str, _Way, str, frozenset[str]], set[int]] = defaultdict(set)
        for (namespace, way, host, port), sharing in who.items():
            ports[namespace, way, host, frozenset(sharing)].add(port)
        hosts: defaultdict[tuple[str, _Way, frozenset[str], frozenset[int]], set[str]] = defaultdict(set)
        for (namespace, way, host, workloads), numbers in ports.items():
            hosts[namespace, way, workloads, frozenset(numbers)].add(host)
        made = [
            RuleText(
                namespace=namespace,
                workloads=("*",) if (workloads_of or {}).get(namespace) == workloads else tuple(sorted(workloads)),
                hosts=tuple(sorted(names)),
                ports=tuple(sorted(numbers)),
                path=way[0],
                via=way[1],
                flows=sum(
                    self.flows[namespace, w, host, port] for w in workloads for host in names for port in numbers
                ),
            )
            for (namespace, way, workloads, numbers), names in hosts.items()
        ]
        return tuple(sorted(made, key=lambda each: (each.namespace, each.path, each.via, each.hosts, each.workloads)))


def infer(groups: Iterable[FlowGroup], gateways: Iterable[ObjectRef], waypoints: Iterable[ObjectRef]) -> str:
    """The text of a policy that allows exactly what left through these gateways and waypoints, and denies the rest.

    The same groups in any order give the same text. UsageError if it would be larger than a policy may be.
    """
    lists = {Path.VIA_GATEWAY: frozenset(gateways), Path.VIA_WAYPOINT: frozenset(waypoints)}
    seen: defaultdict[_Key, dict[Path, set[ObjectRef]]] = defaultdict(lambda: {path: set() for path in _THROUGH})
    flows: Counter[tuple[_Key, Path]] = Counter()
    violations: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for group in groups:
        if group.path is Path.BLOCKED:
            continue
        why = _why_not(group, lists)
        if why:
            kept = violations if group.path in _LEFT else others
            kept[f"{_flow(group)}: {why}"] += group.flows
            continue
        assert group.port is not None, "a group without a port is not allowed"
        key = (group.namespace, group.workload, group.host.rstrip(".").lower(), group.port)
        seen[key][group.path].update(_carriers(group, lists))
        flows[key, group.path] += group.flows
    allowed = Allowed()
    for key, ways in seen.items():
        # A rule says one way: the one that most flows took, through a gateway where as many took either.
        best, other = sorted(_THROUGH, key=lambda path: (-flows[key, path], path is not Path.VIA_GATEWAY))
        allowed.ways[key] = (best, tuple(sorted(ways[best])))
        allowed.flows[key] = flows[key, best]
        if flows[key, other]:
            text = f"{key[0]}/{key[1]} to {key[2]}:{key[3]}, {other}: a rule allows one way, and most flows went {best}"
            violations[text] += flows[key, other]
    return checked_size(
        policy_text(
            Facts(
                title="Inferred from observed traffic by `egressaudit policy infer`. Read it before you use it.",
                gateways=tuple(sorted(lists[Path.VIA_GATEWAY])),
                waypoints=tuple(sorted(lists[Path.VIA_WAYPOINT])),
                rules=allowed.rules(),
                refused=(
                    ("Traffic that left another way, so no rule here allows it:", _counted(violations)),
                    ("Traffic for which no rule could be written:", _counted(others)),
                ),
            )
        )
    )


def checked_size(text: str) -> str:
    """The text; UsageError if a policy cannot be as large."""
    if len(text.encode()) > MAX_BYTES:
        raise UsageError(
            "the policy would be larger than 1 MiB, the limit for a policy",
            hint="Infer it from less traffic: fewer namespaces, or a shorter window.",
        )
    return text


def expressible(namespace: str, workload: str, host: str) -> bool:
    """Whether a rule can name exactly this, and nothing else with it."""
    try:
        pattern = HostPattern.parse(host)
        checked_namespace(namespace)
        checked_workload(workload)
    except ValueError:
        return False
    exact = not set(f"{namespace}/{workload}") & {"*", "?"} and workload.count("/") == 1
    return exact and bool(pattern.name or pattern.suffix or pattern.address)


def _why_not(group: FlowGroup, lists: dict[Path, frozenset[ObjectRef]]) -> str:
    """Why no rule may allow a group, '' if one may."""
    if group.path not in _THROUGH:
        return "went around every gateway and waypoint" if group.path in _LEFT else "nothing proves where it went"
    if not group.workload or not group.namespace:
        return "its sender is unknown"
    if group.port is None or not 1 <= group.port <= 65535:
        return "its port is unknown"
    if not expressible(group.namespace, group.workload, group.host):
        return "no rule can match exactly this flow"
    return "" if _carriers(group, lists) else "none of the policy's gateways or waypoints carried it"


def _carriers(group: FlowGroup, lists: dict[Path, frozenset[ObjectRef]]) -> list[ObjectRef]:
    return [ref for ref in group.via if ref in lists[group.path]]


def _flow(group: FlowGroup) -> str:
    via = f" {' '.join(map(str, group.via))}" if group.via else ""
    return f"{group.subject} to {group.host}:{group.port or '-'}, {group.path}{via}"


def _counted(found: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{text} ({flows} {'flow' if flows == 1 else 'flows'})" for text, flows in sorted(found.items()))
