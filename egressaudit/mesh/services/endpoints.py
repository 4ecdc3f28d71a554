"""EndpointSlices: which of them Kubernetes made from pods, and where the API server says it is.

In: the slices of a snapshot. Out: e.g. `Endpoint("cart-1", ("10.0.0.5",), (8080,))`; slices that others wrote apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import CORE, DISCOVERY, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.pods import ip
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import number, rows, table, words
from egressaudit.model import ObjectRef

_SLICE = {
    "addressType": KEEP,
    "endpoints": {"addresses": KEEP, "targetRef": {"kind": KEEP, "namespace": KEEP, "name": KEEP}},
    "ports": {"name": KEEP, "port": KEEP},
}
RESOURCES = (
    Resource(
        DISCOVERY,
        ("v1",),
        "endpointslices",
        "EndpointSlice",
        keep=Shape(_SLICE),
        without="a Service may lead to endpoints that are no pods",
    ),
)

KUBERNETES = ObjectRef("default", "kubernetes")
"""The Service of the API server."""

_OF_SERVICE = "kubernetes.io/service-name"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"
"""k8s.io/api discovery/v1 well_known_labels.go, k8s.io/endpointslice utils.go: its slices belong to their Service."""
_OF_API_SERVER = frozenset({"kubernetes", "kubernetes-v4", "kubernetes-v6"})
"""The API server writes these, resets them, and deletes all others of its Service (kubernetes/kubernetes
pkg/controlplane/reconcilers/endpointsadapter.go)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that Kubernetes made of a pod: the pod's name, and its addresses and ports as the slice has them."""

    pod: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Slices:
    """EndpointSlices by their Service's `namespace/name`."""

    pods: Mapping[ObjectRef, tuple[Endpoint, ...]]
    """The endpoints of slices that the controller made."""
    foreign: Mapping[ObjectRef, tuple[Obj, ...]]
    """All other slices: hand-made, mirrored, or forged."""

    @classmethod
    def of(cls, objects: Objects) -> Slices:
        """The slices of a snapshot."""
        pods: dict[ObjectRef, list[Endpoint]] = defaultdict(list)
        foreign: dict[ObjectRef, list[Obj]] = defaultdict(list)
        for each in objects.all(DISCOVERY, "EndpointSlice"):
            service = ObjectRef(each.namespace, each.labels.get(_OF_SERVICE, ""))
            endpoints = _of_pods(each, service.name)
            if endpoints is None:
                foreign[service].append(each)
            else:
                pods[service] += endpoints
        return cls(
            {key: tuple(value) for key, value in pods.items()}, {key: tuple(value) for key, value in foreign.items()}
        )

    def foreign_addresses(self) -> frozenset[str]:
        """The IPs in all slices that are not the controller's."""
        return frozenset(address for part in self.foreign.values() for each in part for address in _addresses(each))

    def api_server(self, objects: Objects) -> frozenset[tuple[str, int]]:
        """IP and port of each API server, as its own slice says; empty if its Service has any other."""
        service = objects.one(CORE, "Service", KUBERNETES.namespace, KUBERNETES.name)
        written = self.foreign.get(KUBERNETES, ())
        known = all(each.name in _OF_API_SERVER and _MANAGED_BY not in each.labels for each in written)
        if service is None or service.spec.get("selector") or self.pods.get(KUBERNETES) or not known:
            return frozenset()
        return frozenset(
            (address, n)
            for each in written
            for address in _addresses(each)
            for port in rows(each.raw.get("ports"))
            if (n := number(port.get("port"))) is not None
        )


def _of_pods(each: Obj, service: str) -> tuple[Endpoint, ...] | None:
    """The endpoints if Kubernetes' controller made the slice from pods, else None: anybody can copy its label."""
    owners = rows(table(each.raw.get("metadata")).get("ownerReferences"))
    owned = any(owner.get("kind") == "Service" and owner.get("name") == service for owner in owners)
    if not service or not owned or each.labels.get(_MANAGED_BY) != _CONTROLLER:
        return None
    found = []
    ports = tuple(n for row in rows(each.raw.get("ports")) if (n := number(row.get("port"))) is not None)
    for endpoint in rows(each.raw.get("endpoints")):
        target = table(endpoint.get("targetRef"))
        name, namespace = target.get("name"), target.get("namespace", each.namespace)
        if target.get("kind") != "Pod" or namespace != each.namespace or not isinstance(name, str):
            return None
        found.append(Endpoint(name, tuple(ip(said) or said for said in words(endpoint.get("addresses"))), ports))
    return tuple(found)


def _addresses(each: Obj) -> Iterable[str]:
    for endpoint in rows(each.raw.get("endpoints")):
        for said in words(endpoint.get("addresses")):
            if (address := ip(said)) is not None:
                yield address
