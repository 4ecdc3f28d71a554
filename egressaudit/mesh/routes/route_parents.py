"""The parents of a route of the Gateway API: which of them take it, for which hosts, and why others do not.

In: a route and the listeners of all Gateways. Out: a `RouteParent` for each parent that takes it.
Example: an HTTPRoute for docs.example.com with the parent `{kind: ServiceEntry, name: docs, port: 80}` has one
`RouteParent` with `gateway="mesh"` and the hosts of that ServiceEntry.

Source: istio/istio pilot/pkg/config/kube/gateway/conversion.go extractParentReferenceInfo, referenceAllowed,
hostnameAllowedByIsolation. A parent's `sectionName` counts for listeners alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.gateway_classes import DOMAIN, controller
from egressaudit.mesh.routes.hostnames import overlaps, within
from egressaudit.mesh.routes.listeners import RouteListener
from egressaudit.mesh.untyped import number, rows, text, words

MESH = "mesh"
ListenersOf = Mapping[tuple[str, str], tuple[RouteListener, ...]]
"""Listeners by namespace and name of their Gateway."""
_USE_WAYPOINT, _WAYPOINT_NAMESPACE = "istio.io/use-waypoint", "istio.io/use-waypoint-namespace"


@dataclass(frozen=True, slots=True)
class RouteParent:
    """A parent that takes a route."""

    gateway: str
    """`mesh`, or the Gateway that a listener became."""
    port: int | None = None
    """The port that the route names of a Service or ServiceEntry."""
    hosts: tuple[str, ...] = ()
    """The hosts of the Service or ServiceEntry; none for a listener, where the route's own count."""
    hostname: str = ""
    """The host of a listener; '' if it takes all."""
    closer: frozenset[str] = frozenset()
    """The hosts of the other listeners of that Gateway, port and protocol ('' for all)."""

    @property
    def is_mesh(self) -> bool:
        """Whether it is a Service or ServiceEntry, so that the proxies of clients get the route."""
        return self.gateway == MESH

    def serves(self, host: str) -> bool:
        """Whether requests for a route's host come to this listener and not to one that names them more closely."""
        if self.hostname and not self.hostname.startswith("*"):
            return True
        if self.hostname and not overlaps(host, self.hostname):
            return False
        return not any(len(self.hostname) <= len(each) and within(host, each) for each in self.closer)


def by_gateway(known: Iterable[RouteListener]) -> ListenersOf:
    """Listeners by the Gateway that they are of."""
    found: dict[tuple[str, str], list[RouteListener]] = {}
    for each in known:
        found.setdefault((each.gateway.namespace, each.gateway.name), []).append(each)
    return {key: tuple(values) for key, values in found.items()}


def parent_name(route: Obj, said: Mapping[str, Any]) -> str:
    """The `namespace/name` of a parent."""
    return f"{text(said.get('namespace')) or route.namespace}/{text(said.get('name'))}"


def parents(objects: Objects, listed: ListenersOf, route: Obj) -> list[RouteParent]:
    """The parents that take a route, sorted by the Gateway that they became."""
    found: list[tuple[str, RouteParent]] = []
    for said in rows(route.spec.get("parentRefs")):
        key = _as_text(said, route.namespace)
        found += ((key, each) for each in taken_by(objects, listed, route, said))
    found.sort(key=lambda each: each[0])
    return sorted((each for _, each in found), key=lambda each: each.gateway)


def _as_text(said: Mapping[str, Any], namespace: str) -> str:
    """parentRefString, by which istiod sorts."""
    group, kind = text(said.get("group") or GATEWAY_API), text(said.get("kind") or "Gateway")
    rest = f"{text(said.get('name'))}/{text(said.get('sectionName'))}/{number(said.get('port')) or 0}"
    return f"{group}/{kind}/{rest}.{text(said.get('namespace')) or namespace}"


def taken_by(objects: Objects, listed: ListenersOf, route: Obj, said: Mapping[str, Any]) -> Iterator[RouteParent]:
    """What takes a route of all that one `parentRef` names: several listeners, where it names no section."""
    group = said["group"] if isinstance(said.get("group"), str) else GATEWAY_API
    kind, name = text(said.get("kind") or "Gateway"), text(said.get("name"))
    namespace = text(said.get("namespace")) or route.namespace
    if (group, kind) == (GATEWAY_API, "Gateway"):
        yield from _of_gateway(listed.get((namespace, name), ()), route, said)
    elif (group, kind) in ((CORE, "Service"), (ISTIO, "ServiceEntry")):
        parent = objects.one(group, kind, namespace, name)
        if parent is not None and not _of_another_controller(objects, parent):
            hosts = (f"{name}.{namespace}.svc.{DOMAIN}",) if kind == "Service" else words(parent.spec.get("hosts"))
            yield RouteParent(MESH, number(said.get("port")), hosts)


def _of_gateway(known: tuple[RouteListener, ...], route: Obj, said: Mapping[str, Any]) -> Iterator[RouteParent]:
    section, port = text(said.get("sectionName")), number(said.get("port")) or 0
    for each in known:
        if port not in (0, each.port) or section not in ("", each.name) or not _takes(each, route):
            continue
        beside = (one for one in known if one is not each and (one.port, one.protocol) == (each.port, each.protocol))
        closer = frozenset(one.hostname for one in beside) - {each.hostname}
        yield RouteParent(each.served.name, hostname=each.hostname, closer=closer)


def _takes(listener: RouteListener, route: Obj) -> bool:
    """Whether a listener takes a route: its kind, its namespace, and one of its hosts."""
    if route.kind not in listener.kinds:
        return False
    hosts = words(route.spec.get("hostnames")) if route.kind != "TCPRoute" else ()
    for allowed in listener.served.servers[0].hosts:
        before, slash, host = allowed.rpartition("/")
        if (not slash or before in ("*", route.namespace)) and any(overlaps(host, each) for each in hosts or ("*",)):
            return True
    return False


def _of_another_controller(objects: Objects, parent: Obj) -> bool:
    """Whether a parent's waypoint is not istiod's, so that istiod leaves its routes alone."""
    labels = parent.labels
    if _USE_WAYPOINT not in labels:
        labels = objects.namespace_labels(parent.namespace)
    name = labels.get(_USE_WAYPOINT, "")
    if not name or name.lower() == "none":
        return False
    waypoint = objects.one(GATEWAY_API, "Gateway", labels.get(_WAYPOINT_NAMESPACE) or parent.namespace, name)
    if waypoint is None:
        return False
    listed = objects.one(GATEWAY_API, "GatewayClass", "", text(waypoint.spec.get("gatewayClassName")))
    return listed is not None and not controller(objects, waypoint)
