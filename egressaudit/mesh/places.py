"""Where an address leads, and what is behind a host: one classifier for `verify` and `audit`.

"Outside" is proven, not assumed. Public addresses are outside, and so are those that the user declares. A private
address is outside only if the cluster's own ranges are known and do not have it.

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
    """What an upstream address is, by the snapshot. Only `OUTSIDE` proves that what went there left the cluster."""

    NONE = ""
    """No address was logged."""
    PROXY = "proxy"
    """A gateway's or waypoint's pod, whose role is proven."""
    INSIDE = "inside"
    """Another pod, a Service that provably leads to pods, or the proxy's own pod (loopback)."""
    SERVICE = "service"
    """A Service's address or range, but it is not proven that only pods are behind it."""
    NODE = "node"
    """A node: a NodePort leads to any pod, and a pod on the host's network may pass it on."""
    VACANT = "vacant"
    """Among the pods' addresses, and nobody's in the snapshot: perhaps a pod's that is gone."""
    VACANT_TUNNEL = "vacant-tunnel"
    """The same, reached through the proxy's own HBONE listener."""
    PRIVATE = "private"
    """A private address, and the cluster's ranges are not known."""
    VIRTUAL = "virtual"
    """One of the mesh's own virtual addresses: no packet goes there."""
    SPECIAL = "special"
    """Link-local, metadata, multicast, loopback beyond the pod's own, 0.0.0.0/8."""
    API_SERVER = "api-server"
    OUTSIDE = "outside"
    """Public, or declared to be outside."""
    ODD = "odd"
    """Not an address that a packet can go to: an internal listener, a unix socket."""


_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
"""RFC 5737, RFC 3849. They stand for public addresses, in examples and in the logs of test meshes."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An address as a log has it, taken apart: `ip` is canonical, None where it is not an IP with a port."""

    ip: str | None
    port: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class Places:
    """What a snapshot proves about addresses and about the hosts that clusters name."""

    proxies: Mapping[str, tuple[Reporter, ObjectRef]]
    """The address of each gateway and waypoint pod: its kind, and the gateway it belongs to."""
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
    """The hosts of ServiceEntries, less those of the cluster's own domain."""
    outside: tuple[Network, ...] = ()
    """What the user declared to be outside."""

    def place(self, address: str | None) -> Placed:
        """Where an upstream address leads."""
        if address is None:
            return Placed(None, None, Place.NONE)
        # Envoy names the far end of a tunnel behind its own listener: envoy://connect_originate/10.0.0.1:8080.
        socket = address.rpartition("/")[2] if address.startswith("envoy://") else address
        ip, port = ip_of(socket), port_of(socket)
        if ip is None:
            return Placed(None, None, Place.ODD)
        found = self._of_ip(ip, port, socket)
        if socket != address and found not in (Place.PROXY, Place.INSIDE):
            found = Place.VACANT_TUNNEL if found is Place.VACANT else Place.ODD
        return Placed(ip, port, found)

    def _of_ip(self, ip: str, port: int | None, socket: str) -> Place:
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
        """An address that belongs to the cluster, or to its mesh, and to no pod."""
        owner = self.ranges.kind_of(ip)
        if ip in self.services:
            return Place.SERVICE
        if ip in self.virtual:
            return Place.VIRTUAL
        if owner is not None:
            return _OWNERS[owner]
        return Place.VACANT if self.backing.vacant(ip) else None

    def service_of(self, host: str | None) -> str:
        """What is behind a host that a cluster names; '' where it is not a Kubernetes Service.

        `gateway`, `pods`, `other` (no selector), `gone` (the snapshot does not have it), `pods-only` (it provably has
        no endpoint but pods), `api-server`.
        """
        whole = (host or "").lower().rstrip(".")
        parts = whole.split(".")
        # A ServiceEntry may give any name of another domain that looks like a Service's.
        if len(parts) < 3 or parts[2] != "svc" or whole in self.entries:
            return ""
        if whole in self.backing.pods_only:
            return "pods-only"
        if whole == self.backing.api_host:
            return "api-server"
        return self.endpoints.get(".".join(parts[:3]), "gone")


_OWNERS = {"node": Place.NODE, "pods": Place.VACANT, "services": Place.SERVICE, "virtual": Place.VIRTUAL}
"""What the ranges of `ClusterRanges.kind_of` are."""


def _of_networks(known: ipaddress.IPv4Address | ipaddress.IPv6Address, *, ranges_known: bool) -> Place:
    if _is_special(known):
        return Place.SPECIAL
    return Place.OUTSIDE if ranges_known or _is_public(known) else Place.PRIVATE


def _is_public(known: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return known.is_global or any(known in network for network in _DOCUMENTATION)


def _is_special(known: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Addresses at which no host of the internet is: they are never outside."""
    if known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified:
        return True
    # 0.0.0.0/8 is this host (RFC 1122), 240.0.0.0/4 is reserved; fd00:ec2::254 is a cloud's metadata service.
    return known.is_reserved or (known.version == 4 and int(known) >> 24 == 0) or str(known) == "fd00:ec2::254"


def places(world: World, read: frozenset[str], outside: tuple[Network, ...] = ()) -> Places:
    """What a snapshot says about addresses.

    `externalIPs`, WorkloadEntries and Services without a selector, which a tenant may write, make nothing inside.
    """
    proxies = {
        address: (reporter, gateway_of(pod))
        for pod in world.pods
        if (reporter := pod.role) is not None and reporter.path is not None and proxy_log(pod) is not None
        for address in pod.addresses
    }
    entries = world.objects.all(ISTIO, "ServiceEntry")
    assigned = (ip(text(said.get("value"))) for entry in entries for said in rows(entry.status.get("addresses")))
    proven = backing(world, read)
    return Places(
        proxies=proxies,
        # A pod on its node's network has the node's address, and so has whatever a NodePort leads to.
        inside=proven.balanced | {each for pod in world.pods if not pod.host_network for each in pod.addresses},
        services=service_addresses(world.objects),
        # A public address is real, whatever a ServiceEntry says of it.
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
    """The networks among these texts; what is not one is left out."""
    found = []
    for each in texts:
        try:
            found.append(ipaddress.ip_network(each, strict=False))
        except ValueError:
            continue
    return tuple(found)


def owners(pods: Iterable[Pod]) -> dict[str, Pod]:
    """The pod of each address that belongs to one pod alone: pods on a node's network share its address."""
    found: dict[str, Pod] = {}
    shared: set[str] = set()
    for pod in pods:
        for address in pod.addresses:
            if pod.host_network or found.setdefault(address, pod) is not pod:
                shared.add(address)
    return {address: pod for address, pod in found.items() if address not in shared}
