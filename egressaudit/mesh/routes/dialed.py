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
from egressaudit.mesh.routes.registered import NO_ADDRESS, PASSTHROUGH, Registered
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
    found: dict[str, Dialed] = {}
    for service in _called(scope, viewer.client.namespace, call.host):
        addresses = [each for each in viewer.addresses(service) if is_ip(each) and each != NO_ADDRESS]
        if service.kubernetes and service.resolution == PASSTHROUGH and service.ports:
            ends = known_endpoints(world, service, service.ports[0].number)
            addresses = [each.address for each in ends if each.is_ip]
        if addresses and (service.kubernetes or viewer.captures_dns):
            return (Dialed(addresses[0]),)
        for each in addresses:
            found.setdefault(each, Dialed(each, (f"address {each}",)))
    return (*found.values(), Dialed())


def _called(scope: SidecarScope, namespace: str, host: str) -> Iterator[Registered]:
    """The services that a name may mean, the surest first."""
    table: HostTable[Registered] = scope.once("services by host", lambda: _by_host(scope))
    name = host.lower().rstrip(".")
    full = (name, f"{name}.{namespace}.{DOMAIN}", f"{name}.{DOMAIN}", f"{name}.cluster.local")
    for each in full:
        yield from table.exact.get(each, ())
    yield from table.best(name) if name not in table.exact else ()


def _by_host(scope: SidecarScope) -> HostTable[Registered]:
    pairs = ((host, each) for one in scope.listeners for each in one.services for host in (each.host, *each.aliases))
    return HostTable.of((host.lower(), each) for host, each in pairs)
