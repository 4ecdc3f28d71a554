"""Where a pod could go outside the cluster if no proxy carried what it sends, by the network's own policies.

Addresses and ports are divided where a rule or a range of the cluster begins or ends. Within such a part every rule
says the same, so one address and one port stand for all of it.

In: a snapshot and a pod. Out: `NetworkReach(ReachState.CLOSED, ("NetworkPolicy shop/deny",))`: no part outside is
allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache

from egressaudit.mesh.network.decision import NetworkDecision, PodPolicies, decide, policies_of
from egressaudit.mesh.network.egress_rules import LAST_PORT, PROTOCOLS, EgressRule, Ip, Network, Outside, RuleAct
from egressaudit.mesh.network.enforcers import Enforcer
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.ranges import VIRTUAL
from egressaudit.model import NetworkReach, Pod, ReachState

_BITS = {4: 32, 6: 128}
_MOST_PARTS = 50_000
"""Parts that are looked at for one pod. Policies with more rules than that are said to leave it open."""
_FEW = 4
_NOBODY = Enforcer()
_NEVER_OUTSIDE = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"),
    )
)
"""Loopback, link-local, multicast and reserved addresses, as `places` has them."""


def reach_of(objects: Objects, pod: Pod, inside: Iterable[Network], enforcer: Enforcer = _NOBODY) -> NetworkReach:
    """Where a pod could go; `inside` are the cluster's own ranges."""
    return _reach(policies_of(objects, pod), tuple(inside), _versions(pod), enforcer)


@lru_cache(maxsize=1024)
def _reach(
    policies: PodPolicies, inside: tuple[Network, ...], versions: tuple[int, ...], enforcer: Enforcer
) -> NetworkReach:
    """The same for all pods that the same policies are about."""
    about = tuple(map(str, policies.all))
    found = _decisions(policies, inside, versions) if about else ()
    closing = tuple(sorted({name for each in found if not each.allowed for name in each.by}))
    if not closing:
        return NetworkReach(ReachState.OPEN, about, enforcer=enforcer.of(about))
    if all(each.allowed is False for each in found):
        return NetworkReach(ReachState.CLOSED, closing, enforcer=enforcer.of(closing))
    return NetworkReach(ReachState.PARTLY, closing, _left_open(policies, found), enforcer.of(closing))


def denied_by(objects: Objects, pod: Pod, to: Outside) -> tuple[str, ...]:
    """The objects that provably deny a pod one destination, as `NetworkPolicy shop/deny`; none where it may go."""
    decision = decide(policies_of(objects, pod), to)
    return decision.by if decision.allowed is False else ()


def _versions(pod: Pod) -> tuple[int, ...]:
    """The versions of IP that a pod has addresses of; both where it has none yet."""
    return tuple(sorted({ipaddress.ip_address(each).version for each in pod.addresses})) or tuple(_BITS)


def _decisions(
    policies: PodPolicies, inside: tuple[Network, ...], versions: tuple[int, ...]
) -> tuple[NetworkDecision, ...]:
    """What becomes of each part outside the cluster; nothing at all where there are too many parts."""
    ports = [(protocol, port) for protocol in PROTOCOLS for port in _ports(policies, protocol)]
    addresses = [ip for version in versions for ip in _addresses(policies, inside, version)]
    if len(addresses) * len(ports) > _MOST_PARTS:
        return ()
    return tuple(decide(policies, Outside(ip, port, protocol)) for ip in addresses for protocol, port in ports)


def _addresses(policies: PodPolicies, inside: tuple[Network, ...], version: int) -> Iterator[Ip]:
    """One address of each part that is outside the cluster."""
    never = tuple(each for each in (*inside, *_NEVER_OUTSIDE, *VIRTUAL) if each.version == version)
    blocks = [block for rule in _rules(policies) for block in rule.blocks or () if block.network.version == version]
    networks = (*never, *(block.network for block in blocks), *(part for block in blocks for part in block.without))
    same = tuple(each for each in networks if each.version == version)
    begins = {int(each.network_address) for each in same} | {int(each.broadcast_address) + 1 for each in same}
    make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    for first in sorted(begins | {0}):
        if first < 2 ** _BITS[version] and not any(make(first) in each for each in never):
            yield make(first)


def _ports(policies: PodPolicies, protocol: str) -> list[int]:
    """One port of each part."""
    ranges = [each for rule in _rules(policies) for each in rule.ports or () if each.protocol == protocol]
    begins = {1, *(each.first for each in ranges), *(each.last + 1 for each in ranges)}
    return sorted(each for each in begins if 0 < each <= LAST_PORT)


def _rules(policies: PodPolicies) -> Iterator[EgressRule]:
    return (rule for policy in policies.all for rule in policy.rules)


def _left_open(policies: PodPolicies, found: Iterable[NetworkDecision]) -> tuple[str, ...]:
    """What is left open, by the rules that allow it."""
    said = [
        f"{rule}, by {policy}"
        for policy in policies.all
        for rule in policy.rules
        if rule.action is RuleAct.ALLOW and (rule.blocks is None or rule.blocks or rule.names)
    ]
    if any(each.allowed and not each.by for each in found):
        said.append("all that no rule names")
    more = (f"and {len(said) - _FEW} more",) if len(said) > _FEW else ()
    return (*said[:_FEW], *more)
