"""Where an address leads, and what is behind a host: one classifier for `verify` and `audit`.

"Outside" is proven, never assumed, because it is what turns a line into a violation or a PASS. Public addresses are
outside, and so are networks that the user declares. A private address is outside only if the cluster's own ranges are
known and do not contain it.

In: a snapshot. Out: `Places.place("203.0.113.7:80")` is `Placed("203.0.113.7", 80, Place.OUTSIDE)`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from egressaudit.addresses import ip_of, is_own, port_of
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.pods import gateway_of, ip, proxy_log
from egressaudit.mesh.ranges import ClusterRanges, cluster_ranges
from egressaudit.mesh.services.backends import Backing, backing
from egressaudit.mesh.services.services import service_addresses
from egressaudit.mesh.steering.gateways import service_endpoints
from egressaudit.mesh.untyped import rows, text, words
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Place(StrEnum):
    """What an upstream address is, by the snapshot. Only `OUTSIDE` proves that a flow left the cluster."""

    NONE = ""
    """No address was logged."""
    PROXY = "proxy"
    """A gateway's or waypoint's pod, whose role is proven."""
    INSIDE = "inside"
    """Another pod, a Service that provably leads to pods, or the proxy's own pod (loopback)."""
    SERVICE = "service"
    """A Service's address or range, but it is not proven that only pods are behind it."""
    NODE = "node"
    """A node: a NodePort leads to any pod, and a pod on the host's network may forward it."""
    VACANT = "vacant"
    """In the pods' range, but no pod of the snapshot has it: perhaps a pod that is gone."""
    VACANT_TUNNEL = "vacant-tunnel"
    """As VACANT, but reached through the proxy's own HBONE listener."""
    PRIVATE = "private"
    """A private address, while the cluster's own ranges are not known."""
    VIRTUAL = "virtual"
    """One of the mesh's own virtual addresses: no packet goes there."""
    SPECIAL = "special"
    """Link-local, metadata, multicast, loopback beyond the pod's own, 0.0.0.0/8."""
    API_SERVER = "api-server"
    OUTSIDE = "outside"
    """Public, or declared as outside, or private and provably in no range of the cluster."""
    ODD = "odd"
    """Not an address that a packet can go to: an internal listener, a unix socket."""


_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
"""RFC 5737 and RFC 3849: they stand for public addresses in examples and test meshes."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An address from a log, taken apart. `ip` is canonical; None if it is not an IP with a port."""

    ip: str | None
    port: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class Places:
    """What a snapshot proves about addresses and about the hosts that clusters name."""

    proxies: Mapping[str, tuple[Reporter, ObjectRef]]
    """The address of each gateway and waypoint pod, with its role and the gateway it belongs to."""
    inside: frozenset[str]
    """The addresses of pods, and of the Services that provably lead to them."""
    services: frozenset[str]
    """The addresses of all Services."""
    virtual: frozenset[str]
    backing: Backing
    endpoints: Mapping[str, str]
    """What is behind each Service, by `name.namespace.svc`: `gateway`, `pods` or `other` (no selector)."""
    ranges: ClusterRanges
    entries: frozenset[str] = frozenset()
    """The hosts of ServiceEntries, without those of the cluster's own domain."""
    outside: tuple[Network, ...] = ()
    """What the user declared to be outside."""

    def place(self, address: str | None) -> Placed:
        """Where an upstream address leads."""
        if address is None:
            return Placed(None, None, Place.NONE)
        # For a tunnel, Envoy logs its internal listener and then the far end: envoy://connect_originate/10.0.0.1:8080.
        socket = address.rpartition("/")[2] if address.startswith("envoy://") else address
        ip, port = ip_of(socket), port_of(socket)
        if ip is None:
            return Placed(None, None, Place.ODD)
        found = self._of_ip(ip, port, socket)
        # The far end of a tunnel is inside the mesh or it is not known at all: a tunnel never proves "outside".
        if socket != address and found not in (Place.PROXY, Place.INSIDE):
            found = Place.VACANT_TUNNEL if found is Place.VACANT else Place.ODD
        return Placed(ip, port, found)

    def _of_ip(self, ip: str, port: int | None, socket: str) -> Place:
        # What the snapshot proves comes before what the user declares, so nobody can declare a pod to be outside. What
        # it only suggests (a range, an address that no pod has) comes after.
        if ip in self.proxies:
            return Place.PROXY
        if ip in self.inside or is_own(socket) or (port is not None and (ip, port) in self.backing.on_nodes):
            return Place.INSIDE
        known = ipaddress.ip_address(ip)
        if any(known in network for network in self.outside):
            return Place.OUTSIDE
        if port is not None and (ip, port) in self.backing.api_server:
            return Place.API_SERVER
        return self._of_clusters(ip) or _of_networks(known, ranges_known=self.ranges.known)

    def _of_clusters(self, ip: str) -> Place | None:
        """The place of an address of the cluster or its mesh that no pod has; None for any other address."""
        owner = self.ranges.kind_of(ip)
        if ip in self.services:
            return Place.SERVICE
        if ip in self.virtual:
            return Place.VIRTUAL
        if owner is not None:
            return _OWNERS[owner]
        return Place.VACANT if self.backing.vacant(ip) else None

    def service_of(self, host: str | None) -> str:
        """What is behind a host that a cluster names; '' if it is not a Kubernetes Service.

        `gateway`, `pods`, `other` (no selector), `gone` (the snapshot does not have it), `pods-only` (it provably has
        no endpoint but pods), `api-server`.
        """
        whole = (host or "").lower().rstrip(".")
        parts = whole.split(".")
        # Not every name with `svc` in it is a Service's: a ServiceEntry may have such a host in another domain.
        if len(parts) < 3 or parts[2] != "svc" or whole in self.entries:
            return ""
        if whole in self.backing.pods_only:
            return "pods-only"
        if whole == self.backing.api_host:
            return "api-server"
        return self.endpoints.get(".".join(parts[:3]), "gone")

    def is_outside_host(self, host: str) -> bool:
        """Whether a host may be outside: it is no Service, and no address of a pod, a node, a Service or the mesh.

        Of names that no Service has this is not known, and so they may be.
        """
        bare = host.lower().rstrip(".")
        if self.service_of(host) or bare.endswith(".svc.cluster.local"):
            return False
        return self.place(f"[{host}]:1" if ":" in host else f"{host}:1").place in (Place.OUTSIDE, Place.ODD)


_OWNERS = {"node": Place.NODE, "pods": Place.VACANT, "services": Place.SERVICE, "virtual": Place.VIRTUAL}
"""The place of each range that `ClusterRanges.kind_of` knows."""


def _of_networks(known: ipaddress.IPv4Address | ipaddress.IPv6Address, *, ranges_known: bool) -> Place:
    if _is_special(known):
        return Place.SPECIAL
    return Place.OUTSIDE if ranges_known or _is_public(known) else Place.PRIVATE


def _is_public(known: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return known.is_global or any(known in network for network in _DOCUMENTATION)


def _is_special(known: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address can never be a host on the internet: these are never outside."""
    if known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified:
        return True
    # 0.0.0.0/8 is "this host" (RFC 1122), 240.0.0.0/4 is reserved, fd00:ec2::254 is AWS's metadata service.
    return known.is_reserved or (known.version == 4 and int(known) >> 24 == 0) or str(known) == "fd00:ec2::254"


def places(world: World, read: frozenset[str], outside: tuple[Network, ...] = ()) -> Places:
    """What a snapshot proves about addresses.

    A tenant can write `externalIPs`, WorkloadEntries and Services without a selector: these never make an address
    "inside", or a tenant could declare any address to be harmless.
    """
    proxies = {
        address: (reporter, gateway_of(pod))
        for pod in world.pods
        if (reporter := pod.role) is not None and reporter.path is not None and proxy_log(pod) is not None
        for address in pod.addresses
    }
    entries = world.objects.all(ISTIO, "ServiceEntry")
    assigned = (ip(text(each.get("value"))) for entry in entries for each in rows(entry.status.get("addresses")))
    proven = backing(world, read)
    return Places(
        proxies=proxies,
        # Without pods on their node's network: they have the node's address, and a NodePort there leads anywhere.
        inside=proven.balanced | {each for pod in world.pods if not pod.host_network for each in pod.addresses},
        services=service_addresses(world.objects),
        # A ServiceEntry cannot make a public address virtual: packets to it really go there.
        virtual=frozenset(each for each in assigned if each is not None and not _is_public(ipaddress.ip_address(each))),
        backing=proven,
        endpoints=service_endpoints(world),
        ranges=cluster_ranges(world, read),
        entries=frozenset(
            host
            for entry in entries
            for each in words(entry.spec.get("hosts"))
            if not (host := each.lower().rstrip(".")).endswith(".svc.cluster.local")
        ),
        outside=outside,
    )


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks among these texts; anything else is left out."""
    found = []
    for each in texts:
        try:
            found.append(ipaddress.ip_network(each, strict=False))
        except ValueError:
            continue
    return tuple(found)


def owners(pods: Iterable[Pod]) -> dict[str, Pod]:
    """For each address that only one pod has, that pod. Pods on a node's network share its address."""
    found: dict[str, Pod] = {}
    shared: set[str] = set()
    for pod in pods:
        for address in pod.addresses:
            if pod.host_network or found.setdefault(address, pod) is not pod:
                shared.add(address)
    return {address: pod for address, pod in found.items() if address not in shared}
