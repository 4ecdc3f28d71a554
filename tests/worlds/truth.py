"""What a policy says of a flow whose truth is known: written anew here, so that the judge is not held to itself.

docs/policy.md: the most specific rule holds. A rule on names is for what was asked for, a rule on networks for what was
reached; the worst of both counts, and a facet that no rule names does not fall to the default while the other has a rule.
"""

from __future__ import annotations

import ipaddress
from functools import cache

from worlds.model import Flow, Policy, Rule


def violates(flow: Flow, policy: Policy | None, claimed: tuple[str, ...] | None) -> bool | None:
    """Whether the flow breaks the policy; None where neither answer is wrong.

    `claimed` is the mesh's own way for its host, `()` for none; it counts with `default: mesh` or without a policy.
    """
    if flow.fate == "inside":
        return False
    rules = _ruling(flow, policy) if policy else []
    if not rules:
        verdict = _by_default(flow, policy, claimed)
    else:
        verdicts = [_by_rule(flow, each, policy) for each in rules if policy]
        verdict = True if True in verdicts else None if None in verdicts else False
    if flow.fate != "left":
        # Nothing left, so nothing is broken; but it was tried, which a report may say in its own way.
        return None if verdict is not False else False
    return verdict


def _ruling(flow: Flow, policy: Policy) -> list[Rule]:
    name, address = flow.called or flow.host, flow.address
    by_name = _most_specific([each for each in policy.rules if _matches(each, flow, name)], name) if name else None
    by_address = _most_specific([each for each in policy.rules if _matches(each, flow, address)], address)
    found = [each for each in (by_name, by_address) if each is not None]
    if flow.way == "passthrough" and by_address is None and by_name is not None:
        # What a sender calls an unknown address can only tell against it.
        told = _by_rule(flow, by_name, policy)
        return [by_name] if told is True else []
    return found


def _matches(rule: Rule, flow: Flow, host: str) -> bool:
    if rule.namespaces and flow.namespace not in rule.namespaces:
        return False
    if rule.ports and flow.port not in rule.ports:
        return False
    return any(specificity(each, host) is not None for each in rule.hosts)


def _most_specific(rules: list[Rule], host: str) -> Rule | None:
    def rank(rule: Rule) -> tuple[object, ...]:
        best = max(said for each in rule.hosts if (said := specificity(each, host)) is not None)
        return (*best, bool(rule.namespaces), bool(rule.ports))

    return max(rules, key=rank, default=None)


@cache
def specificity(pattern: str, host: str) -> tuple[int, int] | None:
    """How closely a policy's host matches; None where it does not."""
    if pattern == "*":
        return (0, 0)
    try:
        network = ipaddress.ip_network(pattern)
    except ValueError:
        if pattern.startswith("*."):
            return (2, len(pattern)) if host.endswith(pattern[1:]) else None
        return (3, 0) if pattern == host else None
    try:
        inside = ipaddress.ip_address(host) in network
    except ValueError:
        return None
    if not inside:
        return None
    return (3, 0) if network.prefixlen == network.max_prefixlen else (1, network.prefixlen)


def _by_rule(flow: Flow, rule: Rule, policy: Policy | None) -> bool | None:
    if rule.via == "blocked":
        return True
    if rule.via == "direct":
        return flow.way == "through"
    if flow.way != "through" or policy is None:
        return True
    kind = rule.via
    allowed = {
        f"{kind} {each}" for each in rule.proxies or (policy.gateways if kind == "gateway" else policy.waypoints)
    }
    listed = {f"gateway {each}" for each in policy.gateways} | {f"waypoint {each}" for each in policy.waypoints}
    if flow.chain[-1] not in allowed or not set(flow.chain) <= listed:
        return True
    # An earlier hop that the policy lists, and this rule does not: both readings are defensible.
    return False if set(flow.chain) <= allowed else None


def _by_default(flow: Flow, policy: Policy | None, claimed: tuple[str, ...] | None) -> bool | None:
    default = policy.default if policy else "mesh"
    if default == "deny":
        return True
    if default == "allow":
        return False
    # What nothing claims is nobody's violation: it is said to be inconclusive.
    return flow.chain != claimed if claimed else None
