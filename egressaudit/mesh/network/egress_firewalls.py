"""OpenShift's egress firewalls: what pods of a namespace may send out of the cluster, after all network policies.

The first rule that covers a destination decides, and what none covers is allowed. They are about no pod on its node's
network (openshift/openshift-docs modules/nw-egress-firewall-about.adoc).

In: the objects of a snapshot. Out: the egress firewall of a namespace. Example: `type: Deny` for `cidrSelector:
0.0.0.0/0` as the last rule closes the namespace to all other IPv4 addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.apis import OPENSHIFT_SDN, OVN, Resource
from egressaudit.mesh.network.egress_rules import EgressPolicy, EgressRule, RuleAct, block_of, has, known, ports_of
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.model import Pod

_KEPT = Shape({"spec": {"egress": KEEP}})
RESOURCES = (
    Resource(OVN, ("v1",), "egressfirewalls", "EgressFirewall", keep=_KEPT),
    # The same of OpenShift SDN, which OVN-Kubernetes has replaced.
    Resource(OPENSHIFT_SDN, ("v1",), "egressnetworkpolicies", "EgressNetworkPolicy", keep=_KEPT),
)


def egress_firewalls(objects: Objects, pod: Pod) -> tuple[EgressPolicy, ...]:
    """The egress firewall of a pod's namespace, if there is one; OVN-Kubernetes heeds the one named `default` alone."""
    found = [
        *(each for each in objects.within(OVN, "EgressFirewall", pod.namespace) if each.name == "default"),
        *objects.within(OPENSHIFT_SDN, "EgressNetworkPolicy", pod.namespace),
    ]
    return tuple(EgressPolicy(each.kind, each.ref, tuple(map(_rule, rows(each.spec.get("egress"))))) for each in found)


def _rule(rule: Mapping[str, Any]) -> EgressRule:
    to, ports = table(rule.get("to")), rows(rule.get("ports"))
    name = text(to.get("dnsName"))
    blocks = [block_of(to["cidrSelector"])] if has(to, "cidrSelector") else []
    listed = (ports_of(each.get("protocol"), each.get("port")) for each in ports)
    return EgressRule(
        RuleAct.DENY if text(rule.get("type")) == "Deny" else RuleAct.ALLOW,
        blocks=tuple(known(blocks)),
        ports=tuple(known(listed)) if ports else None,
        names=(name,) if name else (),
        odd=not has(to, "cidrSelector", "dnsName", "nodeSelector")
        or None in blocks
        or text(rule.get("type")) not in ("Allow", "Deny"),
    )
