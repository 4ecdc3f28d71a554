"""The waypoints that istiod knows, and the one that it binds a Service or ServiceEntry to.

In: the objects of a snapshot. Out: a `Binding`; e.g. of a ServiceEntry with `istio.io/use-waypoint: wp`, whose waypoint
has no address yet, one without a waypoint and with `error="WaypointIsNotReady"`.

Without a waypoint here, istiod tells ztunnel of none: what is sent to the service goes straight out (fail-open). With
one, ztunnel sends to it or fails, whatever the waypoint's state (fail-closed, `ztunnel_step`).

All is as in istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go and pilot/pkg/model/service.go GetConditions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from egressaudit.addresses import canonical_ip
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.marks import (
    CANARY_WEIGHT,
    CONNECT_STRATEGY,
    EAST_WEST_CONTROLLER,
    GATEWAY_NAME,
    INBOUND_BINDING,
    MANAGED,
    MESH_CONTROLLER,
    USE_CANARY,
    USE_WAYPOINT,
    WAYPOINT_FOR,
)
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import NEWEST, created
from egressaudit.mesh.routes.gateway_classes import WAYPOINT_CONTROLLER, controller, gateway_services
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import number, rows, table, text
from egressaudit.model import ObjectRef

RESOURCES = (
    Resource(
        GATEWAY_API,
        ("v1", "v1beta1"),
        "gateways",
        "Gateway",
        keep=Shape({"status": {"addresses": {"type": KEEP, "value": KEEP}}}),
    ),
    # Of two that have one host, the older counts.
    Resource(ISTIO, ISTIO_VERSIONS, "serviceentries", "ServiceEntry", keep=Shape(created=True)),
)

SERVICE, WORKLOAD, ALL = "service", "workload", "all"
"""What a waypoint is for."""

BOUND, MISSING = "istio.io/WaypointBound", "istio.io/WaypointMissing"
"""The conditions that istiod writes about a service."""

NOT_READY = "WaypointIsNotReady"
DENIED = "AttachmentDenied"
UNSUPPORTED = "UnsupportedTrafficType"
FORBIDDEN = "CrossNamespaceWaypointForbidden"
BAD_WEIGHT = "CanaryInvalidWeight"
SAME_CANARY = "CanarySameAsPrimary"

_HBONE = 15008
_BINDING = re.compile(r"(?P<protocol>NONE|PROXY)(/(?P<port>[^/]*))?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A Gateway as a waypoint. istiod takes any for one that has an address, of whatever class."""

    ref: ObjectRef
    host: str
    """The host that ztunnel finds it by; '' if it is found by its address."""
    address: str
    """The IP that ztunnel finds it by; '' if by its host, or by nothing."""
    serves: str
    """What it is for: `service`, `workload`, `all`, or another word, which is for nothing."""
    allowed: str
    """Which namespaces it admits: `Same`, `All` or `Selector`; any other word is as `Same`."""
    selector: Mapping[str, Any] | None
    """None picks nothing."""

    @property
    def reachable(self) -> bool:
        """Whether istiod has something by which ztunnel finds it; without, ztunnel is told of no waypoint."""
        return bool(self.host or self.address)

    def admits(self, objects: Objects, namespace: str) -> bool:
        """Whether services and workloads of a namespace may use it."""
        if self.allowed == "All":
            return True
        if self.allowed == "Selector":
            return self.selector is not None and selects(self.selector, objects.namespace_labels(namespace))
        return namespace == self.ref.namespace

    def is_for(self, what: str) -> bool:
        """Whether it takes traffic to services, or to workloads."""
        return self.serves in (what, ALL)


@dataclass(frozen=True, slots=True)
class Binding:
    """What istiod made of the labels of a Service, ServiceEntry or workload."""

    waypoint: Waypoint | None = None
    """The one that it is bound to."""
    canary: Waypoint | None = None
    weight: int = 0
    """The canary's share, in percent."""
    error: str = ""
    """Why it is bound to none, or has no canary: the reason of istiod's condition; '' if nothing is wrong."""
    about: ObjectRef | None = None
    """The waypoint that the error is about."""

    @property
    def shares(self) -> tuple[tuple[Waypoint, int], ...]:
        """The waypoints that ztunnel chooses among for each connection, with their shares in percent."""
        if self.waypoint is None or not self.waypoint.reachable:
            return ()
        if self.canary is None:
            return ((self.waypoint, 100),)
        both = ((self.waypoint, 100 - self.weight), (self.canary, self.weight))
        return tuple((each, share) for each, share in both if share)


def waypoints(objects: Objects) -> dict[ObjectRef, Waypoint]:
    """All waypoints by the names of their Gateways."""
    gateways = objects.all(GATEWAY_API, "Gateway")
    return {each.ref: found for each in gateways if (found := _waypoint(objects, each)) is not None}


def service_binding(
    objects: Objects, known: Mapping[ObjectRef, Waypoint], obj: Obj, *, namespace_only: bool = False
) -> Binding:
    """What a Service or ServiceEntry is bound to.

    `namespace_only` if the mesh shows a ServiceEntry to its own namespace alone: others' waypoints are not for it.
    """
    if obj.labels.get(MANAGED) in (MESH_CONTROLLER, EAST_WEST_CONTROLLER):
        return Binding()
    binding = _asked(objects, known, obj)
    waypoint = binding.waypoint
    if waypoint is None:
        return binding
    if not waypoint.is_for(SERVICE):
        return Binding(error=UNSUPPORTED, about=waypoint.ref)
    if namespace_only and waypoint.ref.namespace != obj.namespace:
        return Binding(error=FORBIDDEN, about=waypoint.ref)
    return _with_canary(objects, known, obj, binding)


def workload_binding(
    objects: Objects, known: Mapping[ObjectRef, Waypoint], namespace: str, labels: Mapping[str, str]
) -> Binding:
    """What a pod, WorkloadEntry or endpoint of a ServiceEntry is bound to by its labels or its namespace's.

    An instance of a waypoint is bound to none.
    """
    if ObjectRef(namespace, labels.get(GATEWAY_NAME, "")) in known:
        return Binding()
    found = _asked(objects, known, _labelled(namespace, labels))
    if found.waypoint is None or found.waypoint.is_for(WORKLOAD):
        return found
    error = UNSUPPORTED if USE_WAYPOINT in labels else ""
    return Binding(error=error, about=found.waypoint.ref if error else None)


def conditions(binding: Binding, obj: Obj, host: str) -> dict[str, tuple[bool, str]]:
    """The conditions that istiod writes about a service's host: the status and the reason, by type.

    A canary's error leaves the service bound.
    """
    if binding.waypoint is not None:
        return {BOUND: (True, "WaypointAccepted")}
    found = {BOUND: (False, binding.error)} if binding.error else {}
    if obj.kind == "ServiceEntry" and host.startswith("*"):
        found[MISSING] = (True, "NoWaypointForWildcardService")
    if obj.kind == "ServiceEntry" and obj.annotations.get(CONNECT_STRATEGY, "").upper() == "RACE_FIRST_TCP_CONNECT":
        found[MISSING] = (True, "NoWaypointForRacingConnectStrategy")
    return found


# ---------------------------------------------------------------- which waypoint is asked for


def _asked(objects: Objects, known: Mapping[ObjectRef, Waypoint], obj: Obj) -> Binding:
    """By the object's own labels, else by its namespace's; `none` in its own asks for none."""
    if obj.labels.get(USE_WAYPOINT) == "none":
        return Binding()
    wanted = used(obj.labels, obj.namespace) or used(objects.namespace_labels(obj.namespace), obj.namespace)
    return Binding() if wanted is None else _found(objects, known, obj.namespace, wanted)


def used(labels: Mapping[str, str], namespace: str) -> ObjectRef | None:
    """The waypoint that labels name; None if they name none. A label without a value names one that cannot be."""
    name = labels.get(USE_WAYPOINT)
    if name is None or name == "none":
        return None
    return ObjectRef(labels.get(f"{USE_WAYPOINT}-namespace", namespace), name)


def _found(objects: Objects, known: Mapping[ObjectRef, Waypoint], namespace: str, wanted: ObjectRef) -> Binding:
    waypoint = known.get(wanted)
    if waypoint is None:
        return Binding(error=NOT_READY, about=wanted)
    if not waypoint.admits(objects, namespace):
        return Binding(error=DENIED, about=wanted)
    return Binding(waypoint)


def _with_canary(objects: Objects, known: Mapping[ObjectRef, Waypoint], obj: Obj, binding: Binding) -> Binding:
    """The binding with the canary that is asked for where the waypoint is: at the object, or at its namespace too."""
    own = used(obj.labels, obj.namespace)
    above = None if own is not None else objects.one(CORE, "Namespace", "", obj.namespace)
    wanted = _canary(obj, above)
    if wanted is None or binding.waypoint is None:
        return binding
    if wanted == binding.waypoint.ref:
        return replace(binding, error=SAME_CANARY, about=wanted)
    weight = _weight(obj, above)
    if weight is None:
        return replace(binding, error=BAD_WEIGHT, about=wanted)
    canary = _found(objects, known, obj.namespace, wanted)
    if canary.waypoint is None:
        return replace(binding, error=canary.error, about=wanted)
    if not canary.waypoint.is_for(SERVICE):
        return replace(binding, error=UNSUPPORTED, about=wanted)
    return replace(binding, canary=canary.waypoint, weight=weight)


def _canary(obj: Obj, above: Obj | None) -> ObjectRef | None:
    labels = obj.labels
    if USE_CANARY not in labels and above is not None:
        labels = above.labels
    name = labels.get(USE_CANARY)
    if not name or name == "none":
        return None
    return ObjectRef(labels.get(f"{USE_CANARY}-namespace", obj.namespace), name)


def _weight(obj: Obj, above: Obj | None) -> int | None:
    """The canary's weight, 0 if none is said; None if it is no whole number from 0 to 100."""
    said = obj.annotations.get(CANARY_WEIGHT)
    if said is None and above is not None:
        said = above.annotations.get(CANARY_WEIGHT)
    if said is None:
        return 0
    weight = int(said) if _INTEGER.fullmatch(said) else -1
    return weight if 0 <= weight <= 100 else None


def _labelled(namespace: str, labels: Mapping[str, str]) -> Obj:
    return Obj(CORE, "Pod", namespace, "", labels, {}, {}, {}, {})


# ---------------------------------------------------------------- what a Gateway is as a waypoint


def _waypoint(objects: Objects, gateway: Obj) -> Waypoint | None:
    """None for a Gateway without any address: it was never ready, or it is none of Istio's."""
    addresses = rows(gateway.status.get("addresses"))
    if not addresses and _not_said(objects, gateway):
        host = gateway_services(gateway, WAYPOINT_CONTROLLER)[0]
        addresses = ({"type": "Hostname", "value": host},)
    if not addresses:
        return None
    of_class = objects.one(GATEWAY_API, "GatewayClass", "", text(gateway.spec.get("gatewayClassName")))
    serves = SERVICE if of_class is None else of_class.labels.get(WAYPOINT_FOR, SERVICE)
    listener = _listener(gateway, of_class)
    namespaces = table(table(listener.get("allowedRoutes")).get("namespaces"))
    hosts = [text(each.get("value")) for each in addresses if each.get("type") == "Hostname"]
    ips = [canonical_ip(text(each.get("value"))) for each in addresses if each.get("type") == "IPAddress"]
    return Waypoint(
        ref=gateway.ref,
        host=hosts[0] if hosts else "",
        address="" if hosts else next((each for each in ips if each), ""),
        serves=gateway.labels.get(WAYPOINT_FOR, serves),
        allowed=text(namespaces.get("from")) or "Same",
        selector=table(namespaces["selector"]) if isinstance(namespaces.get("selector"), Mapping) else None,
    )


def _not_said(objects: Objects, gateway: Obj) -> bool:
    """Whether nothing tells if a waypoint has an address: a manifest, or a snapshot of an older egressaudit.

    Either has no time of creation. It is taken to be ready, unless its conditions say that it is not.
    """
    unready = any(each.get("type") == "Programmed" and each.get("status") == "False" for each in _conditions(gateway))
    known = "addresses" in gateway.status or created(gateway) != NEWEST or unready
    return not known and controller(objects, gateway) == WAYPOINT_CONTROLLER


def _conditions(gateway: Obj) -> tuple[Mapping[str, Any], ...]:
    return rows(gateway.status.get("conditions"))


def _listener(gateway: Obj, of_class: Obj | None) -> Mapping[str, Any]:
    """The listener whose `allowedRoutes` count: the one of its inbound binding, else HBONE's; empty without one."""
    listeners = rows(gateway.spec.get("listeners"))
    said = gateway.annotations.get(INBOUND_BINDING)
    if said is None and of_class is not None:
        said = of_class.annotations.get(INBOUND_BINDING)
    if found := _BINDING.fullmatch(said or ""):
        port = _unsigned(found["port"] or "")
        bound = [each for each in listeners if port and number(each.get("port")) == port]
        if not port and found["protocol"] == "PROXY":
            bound = [each for each in listeners if each.get("protocol") == "istio.io/PROXY"]
        if bound:
            return bound[0]
    hbone = (each for each in listeners if each.get("protocol") == "HBONE" and number(each.get("port")) == _HBONE)
    return next(hbone, {})


def _unsigned(said: str) -> int:
    """A port as Go's strconv.ParseUint reads it; 0 for anything else."""
    return int(said) if re.fullmatch(r"[0-9]{1,9}", said) else 0
