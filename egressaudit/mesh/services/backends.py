"""What is behind a Service: pods alone, as far as the snapshot proves it, or a place that somebody else chose.

A proxy sends what goes to a Service to one of its endpoints. Kubernetes makes those of pods; but a WorkloadEntry, a
ServiceEntry of the same host and an EndpointSlice made by hand may put any address there (istio/istio
pilot/pkg/serviceregistry), and a cluster that balances nothing goes wherever the sender dialed.

In: the world of a snapshot, and the kinds that it has read. Out: a `Backing`.
Example: every endpoint of the Service shop/checkout is one of its pods. Then `pods_only` has
`checkout.shop.svc.cluster.local`, unless the snapshot could not read ServiceEntries.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from egressaudit.mesh.apis import APPS, CORE, DISCOVERY, ISTIO
from egressaudit.mesh.marks import GATEWAY_NAME
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import ip, template_labels, template_role
from egressaudit.mesh.services.added_endpoints import (
    Hosts,
    entry_hosts,
    entry_labels,
    named_addresses,
    other_networks,
    unbalanced_hosts,
)
from egressaudit.mesh.services.endpoints import KUBERNETES, Endpoint, Slices
from egressaudit.mesh.services.services import service_addresses
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter

_DOMAIN = "svc.cluster.local"
"""Services of another cluster domain are not proven: `name.namespace.svc.` may also begin a host of several clusters
(`clusterset.local`) or of a ServiceEntry."""

_NAMING = frozenset({f"{DISCOVERY}/EndpointSlice", f"{ISTIO}/ServiceEntry"})
_LEADING = _NAMING | {f"{ISTIO}/{kind}" for kind in ("DestinationRule", "WorkloadEntry", "WorkloadGroup")}
"""Kinds that may lead out; of one that was not read there may be such an object."""

_BLOCK_BITS = {4: 9, 6: 64}
"""How many bits of an address tell pods of a node apart, at most: OpenShift's hostPrefix is /23, others' is /24 or
longer; in IPv6 it is /64 (kube-controller-manager --node-cidr-mask-size-ipv6)."""


@dataclass(frozen=True, slots=True)
class Backing:
    """What a snapshot proves about the places behind Services, also about those that are no pod's any more."""

    pods_only: frozenset[str] = frozenset()
    """The Services, as `name.namespace.svc.cluster.local`, whose every endpoint is a pod that Kubernetes selected."""
    api_server: frozenset[tuple[str, int]] = frozenset()
    """IP and port of each API server, as it says itself."""
    balanced: frozenset[str] = frozenset()
    """The IPs of Services behind which Kubernetes itself has pods, or the API server, alone: there it arrives."""
    on_nodes: frozenset[tuple[str, int]] = frozenset()
    """IP and port at which a pod on its node's network serves a Service. Other ports of a node may lead anywhere."""
    blocks: frozenset[tuple[int, int]] = frozenset()
    """The parts of the pod network in which pods are."""
    taken: frozenset[str] = frozenset()
    """The IPs of nodes, Services, and everything that an object names."""

    @property
    def api_host(self) -> str:
        """The host of the API server's Service; '' if it is not proven that it leads to the API server."""
        return _host(KUBERNETES) if self.api_server else ""

    def vacant(self, address: str) -> bool:
        """Whether an IP lies among those of pods and is nobody's in the snapshot: a pod that is gone can have had it.

        Never one of the public internet, of a node or a Service, or that an object of the snapshot names.
        """
        return address not in self.taken and _block(address) in self.blocks


def backing(world: World, read: frozenset[str]) -> Backing:
    """What the objects prove, if `read` has the kinds that could say otherwise (as `Resource.name`); else nothing."""
    slices = Slices.of(world.objects)
    blocks = (_block(address) for pod in world.pods if not pod.host_network for address in pod.addresses)
    proven = Backing(
        blocks=frozenset(each for each in blocks if each is not None),
        taken=service_addresses(world.objects)
        | slices.foreign_addresses()
        | {found for pod in world.pods for found in pod.addresses}
        | {found for said in named_addresses(world.objects) if (found := ip(said)) is not None},
    )
    if f"{DISCOVERY}/EndpointSlice" in read:
        services = _Services.of(world, slices, proven)
        proven = replace(proven, balanced=services.balanced(), on_nodes=services.on_nodes())
    entries = Hosts.of(entry_hosts(world.objects))
    if read >= _NAMING and not entries.cover(_host(KUBERNETES)):
        proven = replace(proven, api_server=slices.api_server(world.objects))
    if read >= _LEADING and not other_networks(world.objects):
        services = _Services.of(world, slices, proven)
        leading = (each.ref for each in world.objects.all(CORE, "Service") if services.pods_only(each))
        proven = replace(proven, pods_only=frozenset(map(_host, leading)))
    return proven


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Services:
    """What decides about a Service, most of it by namespace."""

    world: World
    slices: Slices
    proven: Backing
    hosts: Hosts
    pods: Mapping[str, tuple[Pod, ...]]
    templates: Mapping[str, tuple[Obj, ...]]
    entries: Mapping[str, tuple[Mapping[str, str], ...]]
    """The labels of what is no pod, but is selected like one."""
    groups: frozenset[str]
    """Namespaces whose WorkloadGroups take in machines: by which labels, the machine itself may say
    (istio/istio pilot/pkg/autoregistration, workloadEntryFromGroup)."""

    @classmethod
    def of(cls, world: World, slices: Slices, proven: Backing) -> _Services:
        objects = world.objects
        templates = ((each.namespace, each) for each in objects.all(APPS, "Deployment", "DaemonSet"))
        return cls(
            world,
            slices,
            proven,
            Hosts.of([*entry_hosts(objects), *unbalanced_hosts(objects)]),
            _grouped((pod.namespace, pod) for pod in world.pods),
            _grouped(templates),
            _grouped(entry_labels(objects)),
            frozenset(each.namespace for each in objects.all(ISTIO, "WorkloadGroup")),
        )

    def pods_only(self, service: Obj) -> bool:
        """Whether each endpoint of a Service is a pod of a workload, and at least one is there to show it."""
        selector, namespace = texts(service.spec.get("selector")), service.namespace
        if not selector or selector != service.spec.get("selector") or service.spec.get("type") == "ExternalName":
            return False
        # A headless Service's cluster goes where the sender dialed, whatever its endpoints (istio/istio
        # pilot/pkg/serviceregistry/kube/conversion.go: Passthrough, which is Envoy's ORIGINAL_DST).
        if ip(text(service.spec.get("clusterIP"))) is None:
            return False
        if self.slices.foreign.get(service.ref) or self.hosts.cover(_host(service.ref)):
            return False
        if namespace in self.groups or any(picks(selector, each) for each in self.entries.get(namespace, ())):
            return False
        return self._selects_workloads(service, selector) and self._endpoints_are_pods(service, selector)

    def balanced(self) -> frozenset[str]:
        """The IPs of Services that lead to pods alone, by the slices that kube-proxy follows."""
        found: set[str] = set()
        kubernetes = self.world.objects.one(CORE, "Service", KUBERNETES.namespace, KUBERNETES.name)
        if kubernetes is not None and self.slices.api_server(self.world.objects):
            found.update(_own_addresses(kubernetes))
        for service in self.world.objects.all(CORE, "Service"):
            selector = texts(service.spec.get("selector"))
            if not selector or service.spec.get("type") == "ExternalName" or self.slices.foreign.get(service.ref):
                continue
            if self._selects_workloads(service, selector) and self._at_their_pods(service):
                found.update(_own_addresses(service))
        return frozenset(found)

    def on_nodes(self) -> frozenset[tuple[str, int]]:
        """Where pods on the network of their nodes are endpoints, less what a NodePort takes before them."""
        services = self.world.objects.all(CORE, "Service")
        taken = {number(row.get("nodePort")) for each in services for row in rows(each.spec.get("ports"))}
        return frozenset(
            (address, port)
            for service, endpoints in self.slices.pods.items()
            for endpoint in endpoints
            if (pod := self.world.pods_by_name.get(ObjectRef(service.namespace, endpoint.pod))) is not None
            and pod.host_network
            for address in endpoint.addresses
            if address in pod.addresses
            for port in endpoint.ports
            if port not in taken
        )

    def _at_their_pods(self, service: Obj) -> bool:
        """Whether every endpoint of a Service is at its pod."""
        for endpoint in self.slices.pods.get(service.ref, ()):
            pod = self._pod_of(service, endpoint)
            there = () if pod is None else pod.addresses
            # Pods and slices are not listed at one moment: the pod may have been gone by then, or ended.
            if not all(each in there if there else self.proven.vacant(each) for each in endpoint.addresses):
                return False
        return True

    def _selects_workloads(self, service: Obj, selector: Mapping[str, str]) -> bool:
        """Not proxies: they pass on, and of one that is gone no log says where to. Not pods on the network of nodes."""
        for pod in self.pods.get(service.namespace, ()):
            other = pod.host_network or not _is_plain(pod.role or pod.claimed, pod.labels)
            if other and picks(selector, pod.labels):
                return False
        for each in self.templates.get(service.namespace, ()):
            labels, spec = template_labels(each), table(table(each.spec.get("template")).get("spec"))
            other = spec.get("hostNetwork") is True or not _is_plain(template_role(each), labels)
            if other and picks(selector, labels):
                return False
        return True

    def _endpoints_are_pods(self, service: Obj, selector: Mapping[str, str]) -> bool:
        """Whether no endpoint of a Service is anywhere but at its pod, and one of a pod that it selects is there."""
        pods = (self._pod_of(service, each) for each in self.slices.pods.get(service.ref, ()))
        shown = any(pod is not None and pod.addresses and picks(selector, pod.labels) for pod in pods)
        return shown and self._at_their_pods(service)

    def _pod_of(self, service: Obj, endpoint: Endpoint) -> Pod | None:
        return self.world.pods_by_name.get(ObjectRef(service.namespace, endpoint.pod))


def _is_plain(role: Reporter | None, labels: Mapping[str, str]) -> bool:
    # What istiod makes of a Gateway is a proxy, also of a class whose logs are not read. So is what only claims to be a
    # proxy: a mark that proves no role proves even less that nothing passes on there.
    return role in (None, Reporter.SIDECAR) and GATEWAY_NAME not in labels


def _own_addresses(service: Obj) -> frozenset[str]:
    said = (text(service.spec.get("clusterIP")), *words(service.spec.get("clusterIPs")))
    return frozenset(address for each in said if (address := ip(each)) is not None)


def _host(service: ObjectRef) -> str:
    return f"{service.name}.{service.namespace}.{_DOMAIN}"


def _block(address: str) -> tuple[int, int] | None:
    """The part of a pod network that an IP lies in; None for one of the public internet, or where it is no IP."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return None
    return None if known.is_global else (known.version, int(known) >> _BLOCK_BITS[known.version])


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    found: dict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}
