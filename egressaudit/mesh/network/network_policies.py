"""NetworkPolicies of Kubernetes: what they let a pod send to addresses outside the cluster.

A pod that at least one of them selects for egress may send only what one of those allows
(kubernetes/api networking/v1/types.go NetworkPolicySpec).

In: the objects of a snapshot. Out: the policies that select a pod. Example: `policyTypes: [Egress]` without `egress`
lets its pods send nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.apis import NETWORKING, Resource
from egressaudit.mesh.network.egress_rules import EgressPolicy, EgressRule, RuleAct, block_of, has, known, ports_of
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import rows, table, words
from egressaudit.model import Pod

KIND = "NetworkPolicy"
RESOURCES = (
    Resource(
        NETWORKING,
        ("v1",),
        "networkpolicies",
        KIND,
        keep=Shape({"spec": {"podSelector": KEEP, "policyTypes": KEEP, "egress": KEEP}}),
    ),
)


def network_policies(objects: Objects, pod: Pod) -> tuple[EgressPolicy, ...]:
    """The NetworkPolicies that restrict what a pod sends."""
    return tuple(
        EgressPolicy(KIND, each.ref, tuple(map(_rule, rows(each.spec.get("egress")))))
        for each in objects.within(NETWORKING, KIND, pod.namespace)
        if _for_egress(each) and selects(table(each.spec.get("podSelector")), pod.labels)
    )


def _for_egress(policy: Obj) -> bool:
    types = words(policy.spec.get("policyTypes"))
    return "Egress" in types if types else bool(policy.spec.get("egress"))


def _rule(rule: Mapping[str, Any]) -> EgressRule:
    """One rule. A destination without `ipBlock` is pods, and not outside."""
    to, ports = rows(rule.get("to")), rows(rule.get("ports"))
    blocks = [table(each["ipBlock"]) for each in to if has(each, "ipBlock")]
    found = [block_of(each.get("cidr"), words(each.get("except"))) for each in blocks]
    listed = (ports_of(each.get("protocol"), each.get("port"), each.get("endPort")) for each in ports)
    return EgressRule(
        RuleAct.ALLOW,
        blocks=tuple(known(found)) if to else None,
        ports=tuple(known(listed)) if ports else None,
        odd=None in found,
    )
