"""Services as istiod tells ztunnel of them: their addresses, ports and waypoints, and whose clients see them.

In: a world. Out: `AmbientServices`. Example: the ServiceEntry egress/docs, with `status.addresses: [240.240.0.1]`, is
found by that address, and has the waypoint that its labels ask for.

This is not the registry of sidecars (`registered`): `exportTo` and Sidecars do not count here, and of several services
of one host each namespace has one (istio/istio pilot/pkg/serviceregistry/ambient/services.go; ztunnel
src/state/service.rs). Not known: which of two of the same age counts; networks; other clusters.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from egressaudit.addresses import canonical_ip
from egressaudit.mesh.apis import CORE, DISCOVERY, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import NEWEST, Age, created, in_order
from egressaudit.mesh.routes.entry_visibility import HIDDEN, OWN_NAMESPACE, visibility
from egressaudit.mesh.routes.names import DOMAIN
from egressaudit.mesh.routes.waypoints import Binding, Waypoint, service_binding, waypoints
from egressaudit.mesh.untyped import number, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef

_AUTO_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, eq=False)
class AmbientService:
    """One service as ztunnel has it."""

    origin: Obj
    host: str
    addresses: tuple[str, ...]
    """IPs by which it is found, also by name where DNS is captured."""
    ranges: tuple[Network, ...]
    """Ranges of addresses by which it is found."""
    ports: Mapping[int, int]
    """The port of its endpoints by its own, 0 where each endpoint says."""
    passes: bool
    """Whether ztunnel leaves the address to the sender (`resolution: NONE`)."""
    binding: Binding
    private: bool = False
    """Whether only clients of its own namespace see it."""
    canonical: bool = False
    """Whether it is the one of its host for namespaces without their own."""
    assumed: bool = False
    """Whether it has no address only because the snapshot does not tell which one istiod gives it."""

    @property
    def namespace(self) -> str:
        """Whose it is."""
        return self.origin.namespace

    def seen_from(self, namespace: str) -> bool:
        """Whether clients of a namespace see it."""
        return not self.private or namespace == self.namespace


@dataclass(frozen=True, slots=True)
class AmbientServices:
    """All that ztunnel knows of services, and the addresses of workloads, which it asks first."""

    by_host: Mapping[str, tuple[AmbientService, ...]]
    by_address: Mapping[str, tuple[AmbientService, ...]]
    of_ranges: tuple[AmbientService, ...]
    workloads: frozenset[str]
    """IPs of pods, WorkloadEntries, endpoints of ServiceEntries and of slices."""
    waypoints: Mapping[ObjectRef, Waypoint]

    @classmethod
    def of(cls, world: World) -> AmbientServices:
        """The services of a world, as its control plane sees them."""
        objects = world.objects
        known = waypoints(objects)
        found: dict[str, list[AmbientService]] = {}
        for each in _told(objects, known):
            found.setdefault(each.host, []).append(each)
        by_host = {host: tuple(_chosen(world, several)) for host, several in found.items()}
        by_address: dict[str, list[AmbientService]] = {}
        for services in by_host.values():
            for service in services:
                for address in service.addresses:
                    by_address.setdefault(address, []).append(service)
        ranged = (each for services in by_host.values() for each in services if each.ranges)
        return cls(
            by_host,
            {address: tuple(services) for address, services in by_address.items()},
            tuple(ranged),
            frozenset(_workloads(world, {id(each.origin) for several in by_host.values() for each in several})),
            known,
        )

    def named(self, host: str, namespace: str) -> AmbientService | None:
        """The service whose address ztunnel's DNS answers with for a host (src/dns/server.rs find_server)."""
        found = self._of_host(host, namespace)
        return next((each for each in found if each.addresses or each.assumed or each.host.endswith(DOMAIN)), None)

    def unaddressed(self, host: str, namespace: str) -> AmbientService | None:
        """The service of a host that has neither an address nor a range, so that ztunnel does not find it."""
        found = next(self._of_host(host, namespace), None)
        lacks = found is not None and not (found.addresses or found.ranges or found.assumed)
        return found if lacks else None

    def _of_host(self, host: str, namespace: str) -> Iterator[AmbientService]:
        """The services of a host and of the wildcards that cover it, the ones that count first."""
        for name in (host, *_wildcards(host)):
            fitting = [each for each in self.by_host.get(name, ()) if each.seen_from(namespace)]
            yield from sorted(fitting, key=lambda each: _rank(each, namespace))

    def at(self, address: str, namespace: str) -> AmbientService | None:
        """The service of an address (src/state/service.rs get_best_by_vip): one of its own goes before a range."""
        own = [each for each in self.by_address.get(address, ()) if each.seen_from(namespace)]
        if own:
            return _best(own, namespace)
        ranked = [
            ((each.namespace == namespace, network.prefixlen, each.canonical), each)
            for each in self.of_ranges
            if each.seen_from(namespace)
            for network in each.ranges
            if ipaddress.ip_address(address) in network
        ]
        return max(ranked, key=lambda each: each[0])[1] if ranked else None


# ---------------------------------------------------------------- what istiod tells


def _told(objects: Objects, known: Mapping[ObjectRef, Waypoint]) -> Iterator[AmbientService]:
    for service in objects.all(CORE, "Service"):
        if service.spec.get("type") != "ExternalName":
            yield _of_service(service, service_binding(objects, known, service))
    for entry in objects.all(ISTIO, "ServiceEntry"):
        shown = visibility(objects, entry.namespace)
        if shown != HIDDEN:
            private = shown == OWN_NAMESPACE
            binding = service_binding(objects, known, entry, namespace_only=private)
            yield from _of_entry(entry, binding, private=private)


def _of_service(service: Obj, binding: Binding) -> AmbientService:
    given = words(service.spec.get("clusterIPs")) or (text(service.spec.get("clusterIP")),)
    ports = {number(each.get("port")) or 0: number(each.get("targetPort")) or 0 for each in _ports(service)}
    addresses = tuple(address for each in given if (address := canonical_ip(each)))
    host = f"{service.name}.{service.namespace}.{DOMAIN}"
    return AmbientService(service, host, addresses, (), ports, passes=False, binding=binding, canonical=True)


def _of_entry(entry: Obj, binding: Binding, *, private: bool) -> Iterator[AmbientService]:
    """None at all if one of its addresses is neither an IP nor a range."""
    spec, allocated = entry.spec, _allocated(entry)
    said = [_network(each) for each in words(spec.get("addresses"))]
    networks = [each for each in said if each is not None]
    if len(networks) < len(said):
        return
    own = tuple(str(each.network_address) for each in networks if each.num_addresses == 1)
    called = ((number(each.get("number")) or 0, number(each.get("targetPort"))) for each in _ports(entry))
    ports = {port: target or port for port, target in called}
    resolution = text(spec.get("resolution"))
    for host in words(spec.get("hosts")):
        given = not networks and not (host.startswith("*") and resolution != "DYNAMIC_DNS")
        yield AmbientService(
            entry,
            host,
            allocated.get(host, ()) if given else own,
            tuple(each for each in networks if each.num_addresses > 1),
            ports,
            passes=resolution in ("", "NONE"),
            binding=binding,
            private=private,
            assumed=address_assumed(entry, host),
        )


def _ports(obj: Obj) -> tuple[Mapping[str, Any], ...]:
    return rows(obj.spec.get("ports"))


def address_assumed(entry: Obj, host: str) -> bool:
    """Whether istiod will give a host an address that nothing tells yet: of a manifest that was not applied."""
    told = entry.status or created(entry) != NEWEST or words(entry.spec.get("addresses"))
    resolution = text(entry.spec.get("resolution"))
    opted_out = entry.labels.get(_AUTO_ALLOCATE, "").lower() == "false"
    wild = host.startswith("*") and resolution != "DYNAMIC_DNS"
    return not (told or opted_out or wild or resolution in ("", "NONE"))


def _allocated(entry: Obj) -> dict[str, tuple[str, ...]]:
    """The addresses that istiod gave to each host (pilot/pkg/networking/serviceentry ShouldV2AutoAllocateIP)."""
    if text(entry.spec.get("resolution")) in ("", "NONE") or entry.labels.get(_AUTO_ALLOCATE, "").lower() == "false":
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for each in rows(entry.status.get("addresses")):
        if address := canonical_ip(text(each.get("value"))):
            host = text(each.get("host"))
            found[host] = (*found.get(host, ()), address)
    return found


def _network(said: str) -> Network | None:
    try:
        return ipaddress.ip_network(said, strict=False)
    except ValueError:
        return None


# ---------------------------------------------------------------- which of several counts


def _chosen(world: World, services: list[AmbientService]) -> Iterable[AmbientService]:
    """One of each namespace, one of them canonical (selectWorkloadServices): Kubernetes' own, else the oldest."""
    by_namespace: dict[str, AmbientService] = {}
    for each in in_order(world, services, _age):
        by_namespace.setdefault(each.namespace, each)
    if not any(each.canonical for each in by_namespace.values()):
        shown = next((each for each in by_namespace.values() if not each.private), None)
        if shown is not None:
            by_namespace[shown.namespace] = replace(shown, canonical=True)
    return by_namespace.values()


def _age(service: AmbientService) -> Age:
    return not service.canonical, created(service.origin), service.origin.name, service.namespace


def _best(services: Iterable[AmbientService], namespace: str) -> AmbientService:
    return min(services, key=lambda each: _rank(each, namespace))


def _rank(service: AmbientService, namespace: str) -> tuple[bool, bool]:
    return service.namespace != namespace, not service.canonical


def _wildcards(host: str) -> Iterator[str]:
    """`*.example.com`, then `*.com`, of docs.example.com."""
    while "." in host:
        host = host.partition(".")[2]
        yield f"*.{host}"


# ---------------------------------------------------------------- workloads


def _workloads(world: World, told: set[int]) -> Iterator[str]:
    """The IPs that are a workload's; endpoints only of entries of which ztunnel is `told`.

    A pod on the host's network is not found by its address.
    """
    objects = world.objects
    for pod in world.pods:
        if not pod.host_network:
            yield from pod.addresses
    said = [text(each.spec.get("address")) for each in objects.all(ISTIO, "WorkloadEntry")]
    for entry in (each for each in objects.all(ISTIO, "ServiceEntry") if id(each) in told):
        said += [text(each.get("address")) for each in rows(entry.spec.get("endpoints"))]
    for piece in objects.all(DISCOVERY, "EndpointSlice"):
        said += _outside_pods(piece)
    yield from (address for each in said if (address := canonical_ip(each)))


def _outside_pods(piece: Obj) -> list[str]:
    """The addresses of a slice's endpoints that are no pods."""
    if not texts(piece.labels).get("kubernetes.io/service-name"):
        return []
    ends = (each for each in rows(piece.raw.get("endpoints")) if table(each.get("targetRef")).get("kind") != "Pod")
    return [address for each in ends for address in words(each.get("addresses"))]
