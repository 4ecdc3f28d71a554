"""Network policies of administrators, for the whole cluster: before NetworkPolicies, or where none of those is.

Three APIs of one kind (kubernetes-sigs/network-policy-api): AdminNetworkPolicy and BaselineAdminNetworkPolicy
(v1alpha1), and ClusterNetworkPolicy (v1alpha2 and later), whose `tier` says which of the two it is.

In: the objects of a snapshot. Out: the policies of a tier whose subject a pod is.
Example: an AdminNetworkPolicy that denies `networks: [0.0.0.0/0]` to namespace `shop` comes before all of its
NetworkPolicies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from egressaudit.mesh.apis import POLICY, Resource
from egressaudit.mesh.network.egress_rules import (
    EgressPolicy,
    EgressRule,
    Ports,
    RuleAct,
    block_of,
    has,
    known,
    ports_of,
)
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import number, rows, table, text, words
from egressaudit.model import Pod

_KEPT = Shape({"spec": {"priority": KEEP, "tier": KEEP, "subject": KEEP, "egress": KEEP}})
RESOURCES = (
    Resource(POLICY, ("v1alpha1",), "adminnetworkpolicies", "AdminNetworkPolicy", namespaced=False, keep=_KEPT),
    Resource(
        POLICY,
        ("v1alpha1",),
        "baselineadminnetworkpolicies",
        "BaselineAdminNetworkPolicy",
        namespaced=False,
        keep=_KEPT,
    ),
    Resource(
        POLICY,
        ("v1beta1", "v1alpha2"),
        "clusternetworkpolicies",
        "ClusterNetworkPolicy",
        namespaced=False,
        keep=_KEPT,
    ),
)
_ACTIONS = {"Allow": RuleAct.ALLOW, "Accept": RuleAct.ALLOW, "Deny": RuleAct.DENY, "Pass": RuleAct.PASS}
_INSIDE = ("namespaces", "pods", "nodes")
"""Destinations that are never outside the cluster."""


class Tier(StrEnum):
    """Before NetworkPolicies, or after them."""

    ADMIN = "Admin"
    BASELINE = "Baseline"


def admin_policies(objects: Objects, pod: Pod, tier: Tier) -> tuple[EgressPolicy, ...]:
    """The policies of a tier that are about a pod, in the order in which they count."""
    labels = objects.namespace_labels(pod.namespace)
    found = [
        EgressPolicy(each.kind, each.ref, tuple(map(_rule, rows(each.spec.get("egress")))), _priority(each))
        for each in objects.all(POLICY, "AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
        if _tier(each) is tier and _is_about(table(each.spec.get("subject")), pod, labels)
    ]
    return tuple(sorted(found, key=lambda each: (each.priority, each.kind, each.ref)))


def _tier(policy: Obj) -> Tier:
    if policy.kind == "ClusterNetworkPolicy":
        return Tier.BASELINE if text(policy.spec.get("tier")) == Tier.BASELINE else Tier.ADMIN
    return Tier.ADMIN if policy.kind == "AdminNetworkPolicy" else Tier.BASELINE


def _priority(policy: Obj) -> int:
    return number(policy.spec.get("priority")) or 0


def _is_about(subject: Mapping[str, Any], pod: Pod, namespace: Mapping[str, str]) -> bool:
    pods = table(subject.get("pods"))
    if pods:
        chosen = selects(table(pods.get("namespaceSelector")), namespace)
        return chosen and selects(table(pods.get("podSelector")), pod.labels)
    return "namespaces" in subject and selects(table(subject.get("namespaces")), namespace)


def _rule(rule: Mapping[str, Any]) -> EgressRule:
    to = rows(rule.get("to"))
    networks = [block_of(cidr) for each in to for cidr in words(each.get("networks"))]
    listed = [*rows(rule.get("ports")), *rows(rule.get("protocols"))]
    return EgressRule(
        # An action that is not known here may allow.
        _ACTIONS.get(text(rule.get("action")), RuleAct.ALLOW),
        blocks=tuple(known(networks)),
        ports=tuple(ports for each in listed for ports in _ports(each)) if listed else None,
        names=tuple(name for each in to for name in words(each.get("domainNames"))),
        odd=not to
        or None in networks
        or text(rule.get("action")) not in _ACTIONS
        or any(not has(each, *_INSIDE, "networks", "domainNames") for each in to),
    )


def _ports(entry: Mapping[str, Any]) -> Iterator[Ports]:
    """The ports of an entry of `ports` (v1alpha1) or `protocols` (v1alpha2); none for a port's name."""
    single, several = table(entry.get("portNumber")), table(entry.get("portRange"))
    if single:
        yield from known([ports_of(single.get("protocol"), single.get("port"))])
    if several:
        yield from known([ports_of(several.get("protocol"), several.get("start"), several.get("end"))])
    for protocol in ("tcp", "udp", "sctp"):
        if protocol in entry:
            port = table(table(entry[protocol]).get("destinationPort"))
            between = table(port.get("range"))
            yield from known([ports_of(protocol, port.get("number", between.get("start")), between.get("end"))])
