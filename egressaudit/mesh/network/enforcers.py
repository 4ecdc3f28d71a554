"""What provably enforces the policies that deny something: a network plugin that is there, and that heeds their kind.

Some plugins have policies of their own, which may allow what a NetworkPolicy denies: Calico's of a lower order
(projectcalico/calico calico/network-policy), Cilium's allow in addition (cilium/cilium Documentation/security/policy),
Antrea's come first (antrea-io/antrea docs/antrea-network-policy.md). Their rules are not read here, so where a pod may
have one, or where that is not known, nothing is proven.

In: the objects of a snapshot, the kinds that were read, a pod, and the objects that deny. Out: the plugin's name or ''.
Example: on OpenShift `NetworkPolicy shop/deny` is enforced by `OVNKubernetes`; an EgressFirewall beside Calico by none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import OPENSHIFT, Resource
from egressaudit.mesh.marks import DEFAULT_NETWORK, FURTHER_NETWORKS
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.shapes import Shape
from egressaudit.mesh.untyped import text
from egressaudit.model import Pod

_COMMON = frozenset({"NetworkPolicy"})
_OF_OPENSHIFT = _COMMON | {"AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "EgressFirewall"}
_NAMESPACES = frozenset({"kube-system", "calico-system", "cilium", "openshift-ovn-kubernetes", "ovn-kubernetes"})
"""Where plugins run."""

_NO_NETWORK = "default/istio-cni"
"""What the injector names beside a pod's networks so that Multus calls Istio's CNI plugin: it attaches the pod to none
(istio/istio manifests/charts/istio-control/istio-discovery/files/injection-template.yaml)."""


def _own(group: str, versions: tuple[str, ...], plural: str, kind: str, *, namespaced: bool = True) -> Resource:
    return Resource(group, versions, plural, kind, namespaced=namespaced, keep=Shape(bare=True))


def _of_calico(group: str, version: str) -> tuple[Resource, ...]:
    return (
        _own(group, (version,), "networkpolicies", "NetworkPolicy"),
        _own(group, (version,), "globalnetworkpolicies", "GlobalNetworkPolicy", namespaced=False),
    )


_PLUGINS: Mapping[str, tuple[Resource, ...]] = {
    "ovnkube-node": (),
    "calico-node": (*_of_calico("crd.projectcalico.org", "v1"), *_of_calico("projectcalico.org", "v3")),
    "cilium": (
        _own("cilium.io", ("v2",), "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
        _own(
            "cilium.io",
            ("v2",),
            "ciliumclusterwidenetworkpolicies",
            "CiliumClusterwideNetworkPolicy",
            namespaced=False,
        ),
    ),
    "antrea-agent": (
        _own("crd.antrea.io", ("v1beta1", "v1alpha1"), "networkpolicies", "NetworkPolicy"),
        _own(
            "crd.antrea.io",
            ("v1beta1", "v1alpha1"),
            "clusternetworkpolicies",
            "ClusterNetworkPolicy",
            namespaced=False,
        ),
    ),
    "kube-router": (),
    "weave-net": (),
}
"""DaemonSets of plugins that enforce NetworkPolicies, as their makers name them, with their own kinds of policies.
kindnet is none of them: before kind 0.24 it enforced nothing, and nothing in a snapshot tells which it is."""
RESOURCES = tuple(each for kinds in _PLUGINS.values() for each in kinds)


@dataclass(frozen=True, slots=True)
class Enforcer:
    """A plugin, and the kinds of policies that it provably enforces for one pod."""

    name: str = ""
    kinds: frozenset[str] = frozenset()

    def of(self, policies: Iterable[str]) -> str:
        """Its name if it enforces all of these, each as `NetworkPolicy shop/deny`; else ''."""
        return self.name if {each.partition(" ")[0] for each in policies} <= self.kinds else ""


def agents(pods: Iterable[Pod]) -> Mapping[str, frozenset[str]]:
    """The plugins that run on each node, by its name.

    A DaemonSet alone shows none: its pods may be on other nodes or on none (of a managed cluster's policies that were
    not turned on; virtual nodes), and where a plugin is not installed, a tenant may have a namespace of that name.
    Plugins are on the network of their node, which admission keeps from tenants.
    """
    found: dict[str, set[str]] = {}
    for pod in pods:
        if pod.namespace in _NAMESPACES and pod.host_network and pod.ready and pod.node:
            kind, _, name = pod.owner.partition("/")
            if kind == "DaemonSet" and name in _PLUGINS:
                found.setdefault(pod.node, set()).add(name)
    return {node: frozenset(names) for node, names in found.items()}


def enforcer_of(objects: Objects, read: frozenset[str], pod: Pod, running: Mapping[str, frozenset[str]]) -> Enforcer:
    """What provably enforces network policies for a pod: a cluster may have policies for nobody.

    `running` are the plugins of each node (`agents`). OpenShift SDN proves nothing: in two of its three modes it
    enforces no NetworkPolicy. What a pod sends by a network of its own (Multus) passes no plugin's policies.
    """
    if _has_other_networks(pod):
        return Enforcer()
    for each in objects.all(OPENSHIFT, "Network"):
        if text(each.status.get("networkType")) == "OVNKubernetes":
            return Enforcer("OVNKubernetes", _OF_OPENSHIFT)
    names = running.get(pod.node, frozenset())
    # Two plugins may be chained, and then the policies of either count.
    there = [each for each in _PLUGINS if each in names]
    if not there or any(_may_allow(objects, read, pod, each) for plugin in there for each in _PLUGINS[plugin]):
        return Enforcer()
    return Enforcer(there[0], _COMMON)


def _has_other_networks(pod: Pod) -> bool:
    named = (pod.annotations.get(each, "") for each in (DEFAULT_NETWORK, FURTHER_NETWORKS))
    return bool({one.strip() for each in named for one in each.split(",")} - {"", _NO_NETWORK})


def _may_allow(objects: Objects, read: frozenset[str], pod: Pod, own: Resource) -> bool:
    found = objects.within(own.group, own.kind, pod.namespace) if own.namespaced else objects.all(own.group, own.kind)
    return own.name not in read or any(True for _ in found)
