"""A policy as it decides: which rule holds for a workload, a host and a port.

Of the rules that match, the most specific one holds, compared in this order:

1. host       a name or an address, before the longer `*.suffix` or the longer network prefix, before `*`
2. workload   a name, before a glob, before `*`
3. namespace  a name, before a glob, before `*`
4. port       named, before any

Two rules that match alike and say different ways are an error when the policy is read, so the order of rules in a file
never matters. What is not known about a flow (its workload, its port, which host of a wildcard) may be anything: where
the rules that it could fall under do not agree, nothing is decided, and nothing is proven.

In: a workload, a host, a port and a day. Out: a `Decision`.
Example: one rule has `*.redhat.com` and another one `docs.redhat.com`. For docs.redhat.com the second one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from egressaudit.mesh.trust import Trust
from egressaudit.model import Decision, ObjectRef, Path, Severity, Waived
from egressaudit.policy.globs import EXACT, STAR, Globs
from egressaudit.policy.hosts import Host, HostIndex, HostPattern, HostRank

DEFAULT = "default"
"""What stands for a rule's name where none matches; no rule may be called so."""

_Rank = tuple[HostRank, int, int, int]
_Way = tuple[Path | None, frozenset[ObjectRef]]


@dataclass(frozen=True)
class PolicyRule:
    """One rule: who may, or may not, reach which hosts, and which way."""

    name: str
    namespaces: Globs
    workloads: Globs
    hosts: tuple[HostPattern, ...]
    ports: frozenset[int]
    """Empty for any."""
    expected: Path
    via: tuple[ObjectRef, ...] = ()
    """The gateways or waypoints that may carry it: never empty if it goes through one."""
    severity: Severity = Severity.HIGH
    controls: tuple[str, ...] = ()

    @property
    def way(self) -> _Way:
        """What it says, less who and where."""
        return self.expected, frozenset(self.via)


@dataclass(frozen=True)
class Waiver:
    """An exception from a rule, or from `default`, up to and with a day in UTC."""

    rule: str
    namespaces: Globs
    workloads: Globs
    expires: date
    waived: Waived

    def matches(self, namespace: str, workload: str) -> bool:
        """Whether it excuses this workload."""
        return self.namespaces.rank(namespace) is not None and self.workloads.rank(workload) is not None


@dataclass(frozen=True, slots=True)
class WantedBypass:
    """Ways around gateways that are to be tried: for which rules (all if empty), and with which named attempts."""

    rules: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Policy:
    """A policy that was read and found valid. `decide` does not depend on the order of its rules."""

    name: str
    digest: str
    """SHA-256 of the file, hexadecimal."""
    gateways: tuple[ObjectRef, ...]
    waypoints: tuple[ObjectRef, ...]
    rules: tuple[PolicyRule, ...]
    waivers: tuple[Waiver, ...]
    default: str
    """`deny`, `allow` or `mesh`."""
    trust: Trust = field(default_factory=Trust)
    """The trust section as it stands there."""
    bypass: WantedBypass | None = None
    """What `verify` tries to get around; None for nothing."""
    source: bytes = field(default=b"", repr=False, compare=False)
    """The file as it was read."""

    @property
    def trusting(self) -> Trust:
        """Its trust, plus the gateways and waypoints that it allows: naming them as ways out vouches for them."""
        return self.trust.and_also(
            Trust(named_gateways=frozenset(self.gateways), named_waypoints=frozenset(self.waypoints))
        )

    @property
    def leaves_to_mesh(self) -> bool:
        """Whether the mesh configuration decides what no rule names."""
        return self.default == "mesh"

    def decide(self, namespace: str, workload: str, host: str, port: int | None, today: date) -> Decision:
        """What is expected of traffic from this workload (`Kind/name`) to this host and port, on this day.

        An empty workload, namespace or host and a port of None are not known. `expected` is None with the rule
        `default` where the policy leaves it open, and None with the rule '' if it cannot be told which rule holds.
        """
        contenders, covered = self._contenders(namespace, workload, Host.of(host), port)
        ways = {rule.way for rule in contenders}
        if not covered:
            ways.add(self._default_way)
        if len(ways) > 1:
            return self._undecided(sorted(rule.name for rule in contenders), default=not covered)
        if not contenders:
            return self._by_default(namespace, workload, today)
        order = list(Severity)
        waivers = [self._waived(each.name, namespace, workload, today) for each in contenders]
        if not covered:
            waivers.append(self._waived(DEFAULT, namespace, workload, today))
        # Twins say the same way; the graver one is shown, so that a milder copy cannot hide it.
        rule = min(contenders, key=lambda each: (order.index(each.severity), each.name))
        return Decision(
            expected=rule.expected,
            via=rule.via,
            rule=rule.name,
            severity=rule.severity,
            controls=rule.controls,
            because=(f"policy {self.name}, rule {rule.name}",),
            # What violates two rules is excused only where it is excused from both.
            waived=self._waived(rule.name, namespace, workload, today) if all(waivers) else None,
        )

    def expired_waivers(self, today: date) -> tuple[tuple[str, Waived], ...]:
        """The waivers whose last day has passed, each with its rule."""
        return tuple((each.rule, each.waived) for each in self.waivers if each.expires < today)

    def unused_waivers(self, used: AbstractSet[tuple[str, Waived]], today: date) -> tuple[tuple[str, Waived], ...]:
        """The waivers in force that are not among those used: `(decision.rule, decision.waived)` of each decision."""
        kept = [(each.rule, each.waived) for each in self.waivers if each.expires >= today]
        return tuple(each for each in kept if each not in used)

    def unused_rules(self, used: AbstractSet[str]) -> tuple[str, ...]:
        """The names of the rules that are not among those used: `decision.rule` of each decision."""
        return tuple(each.name for each in self.rules if each.name not in used)

    @cached_property
    def _index(self) -> HostIndex:
        return HostIndex((number, host) for number, rule in enumerate(self.rules) for host in rule.hosts)

    def _contenders(self, namespace: str, workload: str, host: Host, port: int | None) -> tuple[list[PolicyRule], bool]:
        """The rules one of which holds, and whether one of them holds for certain."""
        found: list[tuple[_Rank, PolicyRule]] = []
        floor: _Rank | None = None
        for number, (host_best, host_sure) in self._index.find(host).items():
            rule = self.rules[number]
            # The cheapest question first: with many rules for one host, most fail at the first.
            if (to_port := _port_reach(rule.ports, port)) is None:
                continue
            if (from_namespace := _reach(rule.namespaces, namespace)) is None:
                continue
            if (from_workload := _reach(rule.workloads, workload)) is None:
                continue
            found.append(((host_best, from_workload[0], from_namespace[0], to_port[0]), rule))
            sure = (from_workload[1], from_namespace[1], to_port[1])
            if host_sure is not None and sure[0] is not None and sure[1] is not None and sure[2] is not None:
                certain = (host_sure, sure[0], sure[1], sure[2])
                floor = certain if floor is None else max(floor, certain)
        return [rule for best, rule in found if floor is None or best >= floor], floor is not None

    @property
    def _default_way(self) -> _Way:
        return (Path.BLOCKED if self.default == "deny" else None), frozenset()

    def _by_default(self, namespace: str, workload: str, today: date) -> Decision:
        return Decision(
            expected=self._default_way[0],
            rule=DEFAULT,
            because=(f"policy {self.name}, default: {self.default}",),
            waived=self._waived(DEFAULT, namespace, workload, today),
        )

    def _undecided(self, names: list[str], *, default: bool) -> Decision:
        said = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
        end = " or the default" if default else ""
        plural = "rules" if len(names) > 1 else "rule"
        return Decision(
            expected=None,
            because=(f"policy {self.name}: too little is known to tell whether {plural} {said}{end} applies",),
        )

    def _waived(self, rule: str, namespace: str, workload: str, today: date) -> Waived | None:
        granted = [
            each
            for each in self.waivers
            if each.rule == rule and each.expires >= today and each.matches(namespace, workload)
        ]
        return max(granted, key=lambda each: (each.expires, each.waived.reason)).waived if granted else None


def rules_in_order(rules: Iterable[PolicyRule]) -> tuple[PolicyRule, ...]:
    """The rules by name, so that equal policies are equal whatever order they were written in."""
    return tuple(sorted(rules, key=lambda each: each.name))


def _reach(globs: Globs, text: str) -> tuple[int, int | None] | None:
    """How specifically a text is matched, at best and for certain; None if it is not. '' may be anything."""
    if not text:
        return globs.finest, globs.certain
    rank = globs.rank(text)
    return None if rank is None else (rank, rank)


def _port_reach(ports: frozenset[int], port: int | None) -> tuple[int, int | None] | None:
    if not ports:
        return STAR, STAR
    if port is None:
        return EXACT, None
    return (EXACT, EXACT) if port in ports else None
