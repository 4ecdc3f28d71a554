"""What the network does with one destination of a pod: every policy in its turn, and the first that decides.

administrators' policies ─▶ NetworkPolicies ─▶ baseline policies ─▶ allowed; and then the egress firewall

In: the policies that are about a pod, and a destination. Out: whether it is allowed, and by which objects.
Example: one NetworkPolicy selects the pod and allows 10.0.0.0/8: then 203.0.113.7:443 is denied by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from egressaudit.mesh.network.admin_policies import Tier, admin_policies
from egressaudit.mesh.network.egress_firewalls import egress_firewalls
from egressaudit.mesh.network.egress_rules import EgressPolicy, Outside, RuleAct
from egressaudit.mesh.network.network_policies import network_policies
from egressaudit.mesh.objects import Objects
from egressaudit.model import Pod


@dataclass(frozen=True, slots=True)
class PodPolicies:
    """All policies that are about one pod, by tier. A pod on its node's network has none."""

    admin: tuple[EgressPolicy, ...] = ()
    own: tuple[EgressPolicy, ...] = ()
    baseline: tuple[EgressPolicy, ...] = ()
    firewalls: tuple[EgressPolicy, ...] = ()

    @property
    def all(self) -> tuple[EgressPolicy, ...]:
        """All of them."""
        return (*self.admin, *self.own, *self.baseline, *self.firewalls)


@dataclass(frozen=True, slots=True)
class NetworkDecision:
    """Whether a destination is allowed, None where it may be; and the objects that allow it, else that deny it."""

    allowed: bool | None
    by: tuple[str, ...] = ()


def policies_of(objects: Objects, pod: Pod) -> PodPolicies:
    """The policies that are about a pod. Network plugins apply none to pods on their node's network."""
    if pod.host_network:
        return PodPolicies()
    return PodPolicies(
        admin=admin_policies(objects, pod, Tier.ADMIN),
        own=network_policies(objects, pod),
        baseline=admin_policies(objects, pod, Tier.BASELINE),
        firewalls=egress_firewalls(objects, pod),
    )


def decide(policies: PodPolicies, to: Outside) -> NetworkDecision:
    """What becomes of a destination. Allowed where nothing is said about it."""
    both = (_by_network(policies, to), _by_firewalls(policies.firewalls, to))
    allowed = min((each.allowed for each in both), key=(False, None, True).index)
    return NetworkDecision(allowed, tuple(name for each in both if each.allowed is allowed for name in each.by))


_Outcome = tuple[RuleAct | None, str]
"""What a rule does and whose it is; None where no rule decides."""


def _by_network(policies: PodPolicies, to: Outside) -> NetworkDecision:
    found = set(_through(policies.admin, to))
    if _open(found):
        later = _of_own(policies.own, to) if policies.own else _through(policies.baseline, to)
        found = {each for each in found if each[0] not in (None, RuleAct.PASS)} | set(later)
    return _decision(found)


def _by_firewalls(firewalls: Sequence[EgressPolicy], to: Outside) -> NetworkDecision:
    return _decision(set(_through(firewalls, to)))


def _through(policies: Sequence[EgressPolicy], to: Outside) -> Iterator[_Outcome]:
    """What may become of it in one tier. Between policies of one priority the order is not defined."""
    for _, group in groupby(policies, key=lambda each: each.priority):
        outcomes = [tuple(_first(each, to)) for each in group]
        yield from (each for found in outcomes for each in found if each[0] is not None)
        if any(all(action is not None for action, _ in found) for found in outcomes):
            return
    yield None, ""


def _first(policy: EgressPolicy, to: Outside) -> Iterator[_Outcome]:
    """What the first rule that covers it does; before it, what rules do that may cover it."""
    for rule in policy.rules:
        covered = rule.covers(to)
        if covered is not False:
            yield rule.action, str(policy)
        if covered:
            return
    yield None, ""


def _of_own(policies: Iterable[EgressPolicy], to: Outside) -> Iterator[_Outcome]:
    """NetworkPolicies: allowed if one of them allows it, else denied by all."""
    covered = [(each, rule.covers(to)) for each in policies for rule in each.rules]
    yield from ((RuleAct.ALLOW, str(each)) for each, found in covered if found is not False)
    if not any(found for _, found in covered):
        yield from ((RuleAct.DENY, str(each)) for each in policies)


def _open(found: set[_Outcome]) -> bool:
    return any(action in (None, RuleAct.PASS) for action, _ in found)


def _decision(found: set[_Outcome]) -> NetworkDecision:
    """All of what may be, as one answer. What nothing decides is allowed."""
    ways = {action is not RuleAct.DENY for action, _ in found}
    allowed = ways.pop() if len(ways) == 1 else None
    wanted = RuleAct.ALLOW if allowed else RuleAct.DENY
    return NetworkDecision(allowed, tuple(sorted({by for action, by in found if action is wanted and by})))
