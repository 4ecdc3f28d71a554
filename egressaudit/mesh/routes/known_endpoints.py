"""The endpoints that istiod has for a host, of all objects that have it in one namespace.

In: a service and a port. Out: `KnownEndpoint`s. Example: two ServiceEntries of one host and namespace share what either
has for a port; a host that the proxy resolves is its own endpoint, by name.

istio/istio pilot/pkg/model/push_context.go (ServiceEndpointsByPort), pilot/pkg/serviceregistry/serviceentry/
conversion.go (convertServiceEntryToInstances).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.routes.exports import Export
from egressaudit.mesh.routes.names import is_ip
from egressaudit.mesh.routes.registered import ALIAS, DNS, Registered, ServiceRegistry
from egressaudit.mesh.services.cluster_endpoints import Registry
from egressaudit.mesh.untyped import picks, rows, text, texts
from egressaudit.mesh.world import World

Labels = Mapping[str, str]
Sharing = Mapping[tuple[str, str], tuple[Registered, ...]]


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """One endpoint."""

    address: str
    """An IP, or a name that the proxy resolves."""
    labels: Labels

    @property
    def is_ip(self) -> bool:
        """Whether the address is an IP."""
        return is_ip(self.address)


def known_endpoints(world: World, service: Registered, port: int) -> tuple[KnownEndpoint, ...]:
    """The endpoints of a service at a port."""
    sharing = world.once(sharing_endpoints).get((service.host, service.namespace), ())
    return tuple(
        found for each in sharing if any(one.number == port for one in each.ports) for found in _of(world, each, port)
    )


def sharing_endpoints(world: World) -> Sharing:
    """The services that share their endpoints, by host and namespace: one for each object."""
    found: dict[tuple[str, str], dict[int, Registered]] = {}
    for each in world.once(ServiceRegistry.of).services:
        found.setdefault((each.host, each.namespace), {}).setdefault(id(each.origin), each)
    return {key: tuple(values.values()) for key, values in found.items()}


def _of(world: World, service: Registered, port: int) -> Iterator[KnownEndpoint]:
    if service.kubernetes:
        known = world.once(Registry.of)
        # Of a Service that nobody sees, istiod has no endpoints.
        none = service.resolution == ALIAS or service.export == Export()
        given = None if none else known.given(service.origin, service.host, known.port(service.host, port))
        for each in () if given is None else given.endpoints:
            yield KnownEndpoint(each.address, each.labels[0] if each.labels else {})
        return
    if service.selector is not None:
        yield from _selected(world, service, service.selector)
        return
    inline = rows(service.origin.spec.get("endpoints"))
    for row in inline:
        yield KnownEndpoint(text(row.get("address")), texts(row.get("labels")))
    if not inline and service.resolution == DNS:
        yield KnownEndpoint(service.host, {})


def _selected(world: World, service: Registered, selector: Labels) -> Iterator[KnownEndpoint]:
    for each in world.objects.all(ISTIO, "WorkloadEntry"):
        labels = {**texts(each.spec.get("labels")), **each.labels}
        address = text(each.spec.get("address"))
        # A name is an endpoint only of what the proxy resolves.
        if each.namespace == service.namespace and picks(selector, labels) and (is_ip(address) or _resolves(service)):
            yield KnownEndpoint(address, labels)
    for pod in world.pods:
        if pod.namespace == service.namespace and picks(selector, pod.labels):
            yield from (KnownEndpoint(address, pod.labels) for address in pod.addresses[:1])


def _resolves(service: Registered) -> bool:
    return service.resolution == DNS
