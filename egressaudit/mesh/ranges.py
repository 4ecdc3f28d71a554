"""The cluster's own addresses: of pods, Services and nodes, as far as the snapshot shows.

In: Nodes, ServiceCIDRs, OpenShift's Network. Out: e.g. `ClusterRanges(pods=(10.0.0.0/16,), services=(10.96.0.0/12,))`.

Pods: `Node.spec.podCIDRs` (kube-controller-manager assigns each node its part), or OpenShift's `Network`. Services:
ServiceCIDR objects (networking.k8s.io, stable since Kubernetes 1.33), or `Network`. Nodes: their `status.addresses`,
and the node's address in the status of pods. Tenants cannot write any of these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from egressaudit.mesh.apis import CORE, ISTIO, NETWORKING, OPENSHIFT, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.cluster_endpoints import canonical
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.mesh.world import World

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VIRTUAL = (ipaddress.IPv4Network("240.240.0.0/16"), ipaddress.IPv6Network("2001:2::/48"))
"""Istio assigns hosts virtual addresses from these, which only proxies understand (pilot/pkg/features/pilot.go
IPAutoallocateIPv4Prefix and IPAutoallocateIPv6Prefix)."""

_OPENSHIFT_RANGES = {"clusterNetwork": {"cidr": KEEP}, "serviceNetwork": KEEP}
_NODE = {"spec": {"podCIDR": KEEP, "podCIDRs": KEEP}, "status": {"addresses": {"type": KEEP, "address": KEEP}}}
RESOURCES = (
    Resource(CORE, ("v1",), "nodes", "Node", namespaced=False, keep=Shape(_NODE, bare=True)),
    # Beta in Kubernetes 1.31, stable in 1.33.
    Resource(
        NETWORKING,
        ("v1", "v1beta1"),
        "servicecidrs",
        "ServiceCIDR",
        namespaced=False,
        keep=Shape({"spec": {"cidrs": KEEP}}, bare=True),
    ),
    Resource(
        OPENSHIFT,
        ("v1",),
        "networks",
        "Network",
        namespaced=False,
        keep=Shape({"spec": _OPENSHIFT_RANGES, "status": {**_OPENSHIFT_RANGES, "networkType": KEEP}}, bare=True),
    ),
)


@dataclass(frozen=True, slots=True)
class ClusterRanges:
    """The cluster's own addresses."""

    pods: tuple[Network, ...] = ()
    services: tuple[Network, ...] = ()
    nodes: frozenset[str] = frozenset()
    """In canonical form."""
    virtual: tuple[Network, ...] = VIRTUAL
    """Addresses that exist only within the mesh."""
    declared: tuple[Network, ...] = ()
    """The addresses that ServiceEntries declare for their hosts. Tenants write those, so they never make an address
    inside, and `kind_of` ignores them."""
    missing: tuple[str, ...] = ()
    """Why the ranges of pods and Services are not known, one sentence each."""

    @property
    def known(self) -> bool:
        """Whether an address in none of these ranges is proven not to be a pod's or Service's of this cluster.

        Secondary pod networks (Multus) and other clusters of the mesh do not show in any object that is read here.
        """
        return not self.missing

    def kind_of(self, ip: str) -> str | None:
        """What an address belongs to: `node`, `pods`, `services` or `virtual`; None if it is in no range, or no IP."""
        address = canonical(ip)
        if address is None:
            return None
        if address in self.nodes:
            return "node"
        named = (("pods", self.pods), ("services", self.services), ("virtual", self.virtual))
        return next((owner for owner, networks in named if _within(address, networks)), None)


def cluster_ranges(world: World, read: frozenset[str]) -> ClusterRanges:
    """The ranges that a snapshot shows. `read`: the kinds (`Resource.name`) that were read completely. Never raises."""
    objects = world.objects
    nodes, network = objects.all(CORE, "Node"), objects.all(OPENSHIFT, "Network")
    pods = [*(each for node in nodes for each in _of_node(node)), *_of_network(network, "clusterNetwork")]
    services = [
        *_networks(cidr for each in objects.all(NETWORKING, "ServiceCIDR") for cidr in words(each.spec.get("cidrs"))),
        *_of_network(network, "serviceNetwork"),
    ]
    found = ClusterRanges(
        pods=_sorted(pods),
        services=_sorted(services),
        nodes=frozenset(address for each in _nodes(objects) if (address := canonical(each)) is not None),
        declared=_sorted(_networks(_declared(objects))),
    )
    missing = [*_of_pods(found, world, read, network), *_of_services(found, objects, read, network)]
    return ClusterRanges(found.pods, found.services, found.nodes, found.virtual, found.declared, tuple(missing))


def _of_pods(found: ClusterRanges, world: World, read: frozenset[str], network: tuple[Obj, ...]) -> Iterator[str]:
    nodes = world.objects.all(CORE, "Node")
    if "Node" not in read:
        yield "Nodes were not read, so the range of pods is not known"
    elif not found.pods:
        yield "no Node has a podCIDR, so the range of pods is not known"
    elif not network and (without := next((each for each in nodes if not tuple(_of_node(each))), None)) is not None:
        yield f"{without} has no podCIDR, so the range of pods is not known"
    # A network plugin may use its own ranges and ignore podCIDRs (Calico's IP pools, AWS's VPC addresses). One pod
    # outside the ranges shows that.
    strange = (
        f"pod {pod.ref} has {address}, which is in no podCIDR, so the range of pods is not known"
        for pod in world.pods
        if not pod.host_network
        for address in pod.addresses
        if found.pods and not _within(address, found.pods)
    )
    yield from (each for each in [next(strange, "")] if each)


def _of_services(
    found: ClusterRanges, objects: Objects, read: frozenset[str], network: tuple[Obj, ...]
) -> Iterator[str]:
    listed = f"{NETWORKING}/ServiceCIDR" in read
    if not found.services or not (listed or network):
        why = "there is none" if listed else "they were not read"
        yield f"the range of Services is not known by ServiceCIDRs ({why})"
        return
    strange = (
        f"{each} has {address}, which is in no ServiceCIDR, so the range of Services is not known"
        for each in objects.all(CORE, "Service")
        for ip in (text(each.spec.get("clusterIP")), *words(each.spec.get("clusterIPs")))
        if (address := canonical(ip)) is not None and not _within(address, found.services)
    )
    yield from (each for each in [next(strange, "")] if each)


def _of_node(node: Obj) -> Iterator[Network]:
    yield from _networks((*words(node.spec.get("podCIDRs")), text(node.spec.get("podCIDR"))))


def _of_network(objects: Iterable[Obj], key: str) -> Iterator[Network]:
    # OpenShift has one `Network`, named `cluster`: the status has the ranges in force, the spec those requested.
    for each in objects:
        for part in (each.status, each.spec):
            ranges = part.get(key)
            yield from _networks((*words(ranges), *(text(row.get("cidr")) for row in rows(ranges))))


def _nodes(objects: Objects) -> Iterator[str]:
    for node in objects.all(CORE, "Node"):
        yield from (text(each.get("address")) for each in rows(node.status.get("addresses")))
    for pod in objects.all(CORE, "Pod"):
        yield text(pod.status.get("hostIP"))
        yield from (text(each.get("ip")) for each in rows(pod.status.get("hostIPs")))
        if pod.spec.get("hostNetwork") is True:
            yield text(pod.status.get("podIP"))
            yield from (text(each.get("ip")) for each in rows(pod.status.get("podIPs")))


def _declared(objects: Objects) -> Iterator[str]:
    for each in objects.all(ISTIO, "ServiceEntry"):
        yield from words(each.spec.get("addresses"))
        yield from (text(table(row).get("value")) for row in rows(each.status.get("addresses")))


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    for each in texts:
        if not each:
            continue
        try:
            yield ipaddress.ip_network(each, strict=False)
        except ValueError:
            continue


def _sorted(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(sorted(set(networks), key=lambda each: (each.version, each)))


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    known = ipaddress.ip_address(address)
    return any(known in each for each in networks)
