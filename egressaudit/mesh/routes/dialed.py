"""Which address a client dials for a host, as far as the configuration tells.

In: a call. Out: `Dialed`s, the last without a condition. Example: of a Service it is its ClusterIP; of a host outside
with `addresses: [203.0.113.7]` it may be that, if the client knows the host by it, or one that is not known.

Where the sidecar captures DNS, istio/istio pkg/dns/server/name_table.go says what it answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egressaudit.mesh.routes.host_table import HostTable
from egressaudit.mesh.routes.known_endpoints import known_endpoints
from egressaudit.mesh.routes.names import DOMAIN, is_ip
from egressaudit.mesh.routes.registered import NO_ADDRESS, PASSTHROUGH, Registered, ServiceRegistry
from egressaudit.mesh.routes.sidecar_scope import SidecarScope
from egressaudit.mesh.routes.virtual_hosts import Viewer
from egressaudit.mesh.world import World
from egressaudit.model import Call


@dataclass(frozen=True, slots=True)
class Dialed:
    """An address that a client may dial, and under which conditions."""

    address: str | None = None
    """None if it is not known."""
    when: tuple[str, ...] = ()


def dialed(world: World, scope: SidecarScope, viewer: Viewer, call: Call) -> tuple[Dialed, ...]:
    """What a client may dial for a call."""
    known = call.address or (call.host if is_ip(call.host) else "")
    if known and is_ip(known):
        return (Dialed(known),)
    names = _full_names(call.host, viewer.client.namespace)
    own = _of_cluster(world, viewer, names)
    if own is not None:
        return (own,)
    found: dict[str, Dialed] = {}
    for service in _called(scope, names):
        for each in viewer.addresses(service):
            if is_ip(each) and each != NO_ADDRESS:
                found.setdefault(each, Dialed(each, (f"address {each}",)))
    if found and viewer.captures_dns:
        *some, last = found
        return (*(found[each] for each in some), Dialed(last))
    return (*found.values(), Dialed())


def _full_names(host: str, namespace: str) -> tuple[str, ...]:
    """The names that a pod of a namespace may mean by a host, in the order of its search domains."""
    name = host.lower().rstrip(".")
    return name, f"{name}.{namespace}.{DOMAIN}", f"{name}.{DOMAIN}", f"{name}.cluster.local"


def _of_cluster(world: World, viewer: Viewer, names: tuple[str, ...]) -> Dialed | None:
    """The address of a Service, which the cluster's DNS knows, whoever sees it in the mesh; None if it has none."""
    by_host = world.once(ServiceRegistry.of).by_host
    services = (each for name in names for each in by_host.get(name, {}).values() if each.kubernetes)
    for service in services:
        addresses = [each for each in viewer.addresses(service) if is_ip(each) and each != NO_ADDRESS]
        if service.resolution == PASSTHROUGH and service.ports:
            ends = known_endpoints(world, service, service.ports[0].number)
            addresses = [each.address for each in ends if each.is_ip]
        if addresses:
            return Dialed(addresses[0])
    return None


def _called(scope: SidecarScope, names: tuple[str, ...]) -> Iterator[Registered]:
    """The services that a name may mean, the surest first."""
    table: HostTable[Registered] = scope.once("services by host", lambda: _by_host(scope))
    for each in names:
        yield from table.exact.get(each, ())
    yield from table.best(names[0]) if names[0] not in table.exact else ()


def _by_host(scope: SidecarScope) -> HostTable[Registered]:
    pairs = ((host, each) for one in scope.listeners for each in one.services for host in (each.host, *each.aliases))
    return HostTable.of((host.lower(), each) for host, each in pairs)
