"""What a mesh has already: the gateway's labels, Service and listeners, and the objects that would be rivals.

In: what is wanted, and a snapshot. Out: a `Site`, whose notes name the rivals.
Example: `VirtualService shop/docs has rules for docs.redhat.com too: Istio follows only one of two` is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from egressaudit.manifests.changes import Change
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.site import Site, usual_site
from egressaudit.manifests.wanted import Wanted
from egressaudit.mesh import Mesh
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.services import full_name, service_ports
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.mesh.steering.registry import not_imported
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.model import DataplaneMode, ObjectRef

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_EVERYWHERE = ((), ("*",))


def site_of(wanted: Wanted, mode: str, selector: Mapping[str, str] | None = None, mesh: Mesh | None = None) -> Site:
    """The site of what is wanted: as the snapshot has it, else as it usually is."""
    site = usual_site(wanted, mode, selector)
    if mesh is None:
        return site
    objects = mesh.world.objects
    by_mode = {"istio-apis": _istio_gateway, "gateway-api": _gateway, "ambient": _waypoint}
    site = by_mode[mode](objects, wanted, replace(site, notes=()), dict(selector or {}))
    entries = dict(_entries(objects, wanted)) if mode != "ambient" else {}
    rivals = {*_rivals(objects, wanted, entries, mode), *_hiding(objects, site, mode), *_unimported(mesh, wanted, site)}
    return replace(
        site,
        entries=entries,
        route_apis={each.kind: text(each.raw.get("apiVersion")) for each in objects.all(GATEWAY_API, *ROUTES)},
        notes=(*site.notes, *sorted(rivals)),
    )


def replaced(made: tuple[Manifest | Change, ...], mesh: Mesh) -> tuple[str, ...]:
    """The objects that exist under the name of a new one: applying it would change them."""
    new = (each for each in made if isinstance(each, Manifest))
    there = (each for each in new if mesh.world.objects.one(each.group, each.kind, each.ref.namespace, each.ref.name))
    return tuple(f"{each} exists already: look at what the manifest would change in it" for each in there)


# ---------------------------------------------------------------- the gateway


def _istio_gateway(objects: Objects, wanted: Wanted, site: Site, selector: dict[str, str]) -> Site:
    service = objects.one(CORE, "Service", wanted.gateway.namespace, wanted.gateway.name)
    if service is None:
        return replace(
            site, notes=(f"Service {wanted.gateway} is not in the snapshot: is it the name of the gateway's Service?",)
        )
    labels = selector or texts(service.spec.get("selector")) or dict(site.selector)
    notes = _ports_missing(service, wanted)
    plaintext = dict(_plaintext(objects, labels))
    taken = frozenset(each.number for each in wanted.of_family("http") if each.number in plaintext)
    notes += [
        f"{plaintext[each]} takes plaintext on port {each}, so the leg to the gateway has no mTLS there"
        for each in taken
    ]
    return replace(site, selector=labels, plaintext_ports=taken, notes=tuple(notes))


def _ports_missing(service: Obj, wanted: Wanted) -> list[str]:
    having = service_ports(service)
    missing = [each.number for each in wanted.ports if each.number not in having]
    listed = ", ".join(map(str, having)) or "none"
    return [f"{service} has no port {each}, only {listed}: add it, or nothing gets there" for each in missing]


def _plaintext(objects: Objects, labels: Mapping[str, str]) -> Iterator[tuple[int, Obj]]:
    """The ports of the gateway that take plaintext, with the Gateway that says so.

    Istio merges the servers of all Gateways that select a pod: on one port, the first protocol wins (istio/istio
    pilot/pkg/model/gateway.go mergeGateways).
    """
    for gateway in objects.all(ISTIO, "Gateway"):
        if not picks(texts(gateway.spec.get("selector")), labels):
            continue
        for server in rows(gateway.spec.get("servers")):
            port, mode = table(server.get("port")), text(table(server.get("tls")).get("mode"))
            at = number(port.get("number"))
            if at is not None and not mode and text(port.get("protocol")).upper() in ("HTTP", "HTTP2", "GRPC"):
                yield at, gateway


def _gateway(objects: Objects, wanted: Wanted, site: Site, _selector: dict[str, str]) -> Site:
    there = objects.one(GATEWAY_API, "Gateway", wanted.gateway.namespace, wanted.gateway.name)
    if there is None:
        return site
    gateway_class = text(there.spec.get("gatewayClassName")) or site.gateway_class
    services = [
        each.ref
        for each in objects.all(CORE, "Service")
        if each.namespace == there.namespace and each.labels.get(_GATEWAY_NAME) == there.name
    ]
    made = ObjectRef(there.namespace, f"{there.name}-{gateway_class}")
    service = services[0] if len(services) == 1 else made
    return replace(
        site,
        there=True,
        gateway_class=gateway_class,
        service=service,
        notes=(f"{there} exists: standard output has the command that adds listeners to it",),
    )


def _waypoint(objects: Objects, wanted: Wanted, site: Site, _selector: dict[str, str]) -> Site:
    there = objects.one(GATEWAY_API, "Gateway", wanted.gateway.namespace, wanted.gateway.name)
    if there is None:
        return site
    notes = [f"{there} exists and stays as it is"]
    if there.spec.get("gatewayClassName") != WAYPOINT_CLASS:
        notes.append(f"{there} is of another class than {WAYPOINT_CLASS}: it is no waypoint")
    if wanted.namespace != there.namespace:
        notes.append(f"{there} must allow namespace {wanted.namespace} (allowedRoutes of its listener)")
    return replace(site, there=True, notes=tuple(notes))


# ---------------------------------------------------------------- objects for the same hosts


def _entries(objects: Objects, wanted: Wanted) -> Iterator[tuple[str, ObjectRef]]:
    """ServiceEntries that do already what a new one would: one host, all ports, seen everywhere."""
    ports = {(each.number, each.protocol.istio) for each in wanted.ports}
    for entry in objects.all(ISTIO, "ServiceEntry"):
        having = {
            (number(each.get("number")), text(each.get("protocol")).upper()) for each in rows(entry.spec.get("ports"))
        }
        fits = ports <= having and entry.spec.get("resolution") == "DNS" and not entry.spec.get("endpoints")
        seen = words(entry.spec.get("exportTo")) in _EVERYWHERE and entry.namespace == wanted.namespace
        hosts = words(entry.spec.get("hosts"))
        if fits and seen and len(hosts) == 1 and hosts[0] in wanted.hosts:
            yield hosts[0], entry.ref


def _rivals(objects: Objects, wanted: Wanted, entries: Mapping[str, ObjectRef], mode: str) -> Iterator[str]:
    for entry, host in _with_hosts(objects, "ServiceEntry", wanted):
        if entries.get(host) == entry.ref:
            yield f"{entry} has {host} already, and stays as it is"
        else:
            yield f"{entry} has {host} too: of two ServiceEntries for one host, Istio may follow the other"
    if mode != "ambient":
        yield from _rival_rules(objects, wanted)


def _rival_rules(objects: Objects, wanted: Wanted) -> Iterator[str]:
    for service, host in _with_hosts(objects, "VirtualService", wanted):
        gateways = words(service.spec.get("gateways"))
        if (not gateways or "mesh" in gateways) and service.ref != ObjectRef(wanted.namespace, wanted.name_of(host)):
            yield f"{service} has rules for {host} in the mesh too: Istio follows only the oldest"
    entries = {entry.ref for entry, _ in _with_hosts(objects, "ServiceEntry", wanted)}
    for route in objects.all(GATEWAY_API, *ROUTES):
        for parent in rows(route.spec.get("parentRefs")):
            ref = ObjectRef(text(parent.get("namespace")) or route.namespace, text(parent.get("name")))
            if parent.get("kind") == "ServiceEntry" and ref in entries:
                yield f"{route} sends the hosts of ServiceEntry {ref} somewhere already"


def _with_hosts(objects: Objects, kind: str, wanted: Wanted) -> Iterator[tuple[Obj, str]]:
    """The objects of Istio that name a wanted host, with each such host."""
    for obj in objects.all(ISTIO, kind):
        for host in sorted({each.rstrip(".").lower() for each in words(obj.spec.get("hosts"))} & {*wanted.hosts}):
            yield obj, host


def _unimported(mesh: Mesh, wanted: Wanted, site: Site) -> Iterator[str]:
    """Sidecars that would not see what is new, or the gateway's Service: their pods would not follow the rules."""
    sources = {pod.namespace: pod for pod in mesh.pods if pod.mode is DataplaneMode.SIDECAR and pod.role is not None}
    for pod in sources.values():
        for host in wanted.hosts:
            new = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry"}
            where = {"name": wanted.name_of(host), "namespace": wanted.namespace}
            [entry] = Objects.of([new | {"metadata": where}]).all(ISTIO, "ServiceEntry")
            if fault := not_imported(mesh.world.objects, pod, entry, host):
                yield fault.message
        service = mesh.world.objects.one(CORE, "Service", site.service.namespace, site.service.name)
        if service is not None and (fault := not_imported(mesh.world.objects, pod, service, site.service_host)):
            yield fault.message


def _hiding(objects: Objects, site: Site, mode: str) -> Iterator[str]:
    """Rules that hide the new subset: a client's own DestinationRule comes before those of the Service's namespace.

    istio/istio pilot/pkg/model/push_context.go destinationRule.
    """
    if mode != "istio-apis":
        return
    for rule in objects.all(ISTIO, "DestinationRule"):
        named = full_name(text(rule.spec.get("host")), rule.namespace)
        if named == site.service_host and rule.namespace != site.service.namespace:
            yield (
                f"{rule} is for the gateway's Service too: sidecars of namespace {rule.namespace} follow it and don't "
                "see the subset of the new DestinationRule"
            )
