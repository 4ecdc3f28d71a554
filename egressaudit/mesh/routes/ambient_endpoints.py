"""Which endpoints ztunnel has of a service's port: whether there are any, and at which port they are.

In: a world, an `AmbientService`, a port. Out: `AmbientEnds`. Example: of docs.example.com by a ServiceEntry with the
resolution DNS and the targetPort 443 it is the host itself, at 443; with STATIC and no endpoints there are none.

istio/istio pilot/pkg/serviceregistry/ambient/workloads.go; ztunnel src/state.rs load_balance. Endpoints of pods that
are not ready count here if no other is there: when a snapshot was taken they may just have started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import CORE, DISCOVERY, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.ambient_services import AmbientService
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts
from egressaudit.mesh.world import World

_BY_NAME = frozenset({"DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"})
"""The resolutions in which the host itself is the endpoint if there is no other."""


@dataclass(frozen=True, slots=True)
class AmbientEnds:
    """The endpoints of a port."""

    there: bool = False
    """Whether there are any."""
    port: int = 0
    """Theirs; of several that differ, the first one's."""
    unresolved: bool = False
    """Whether the only one is a wildcard, which no DNS resolves."""


NONE = AmbientEnds()


def endpoints(world: World, service: AmbientService, port: int) -> AmbientEnds:
    """The endpoints of a service's port; none if it has no such port."""
    target = service.ports.get(port)
    if target is None:
        return NONE
    if service.origin.group == CORE:
        return AmbientEnds(there=True, port=target or port) if any(_of_service(world, service.origin)) else NONE
    spec = service.origin.spec
    inline = rows(spec.get("endpoints"))
    selector = spec.get("workloadSelector")
    name = next((text(each.get("name")) for each in rows(spec.get("ports")) if each.get("number") == port), "")
    if inline:
        return AmbientEnds(there=True, port=_named_port(inline[0], name) or target)
    if isinstance(selector, Mapping):
        found = next(_selected(world, service.namespace, texts(selector.get("labels"))), None)
        return NONE if found is None else AmbientEnds(there=True, port=_named_port(found, name) or target)
    if text(spec.get("resolution")) not in _BY_NAME:
        return NONE
    return AmbientEnds(there=True, port=target, unresolved=service.host.startswith("*"))


def _named_port(endpoint: Mapping[str, object], name: str) -> int:
    return number(table(endpoint.get("ports")).get(name)) or 0


def _of_service(world: World, service: Obj) -> Iterator[bool]:
    selector = texts(service.spec.get("selector"))
    if selector:
        yield from (True for _ in _selected(world, service.namespace, selector))
    for piece in world.objects.all(DISCOVERY, "EndpointSlice"):
        if piece.namespace == service.namespace and piece.labels.get("kubernetes.io/service-name") == service.name:
            yield from (True for each in rows(piece.raw.get("endpoints")) if each.get("addresses"))


def _selected(world: World, namespace: str, selector: Mapping[str, str]) -> Iterator[Mapping[str, object]]:
    """The pods and WorkloadEntries of a namespace that a selector picks; an empty one picks none."""
    if not selector:
        return
    for entry in world.objects.all(ISTIO, "WorkloadEntry"):
        if entry.namespace == namespace and picks(selector, {**entry.labels, **texts(entry.spec.get("labels"))}):
            yield entry.spec
    for pod in world.pods:
        # Of a manifest that was never applied a pod is ready and has no address yet.
        is_there = pod.addresses or pod.ready
        if pod.namespace == namespace and is_there and picks(selector, pod.labels):
            yield {}
