"""Ambient mode: which waypoint a ServiceEntry, or its namespace, asks for.

In: the label `istio.io/use-waypoint: egress`. Out: `Ways` that ask for egress/waypoint, or what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import GATEWAY_API, ISTIO, Resource
from egressaudit.mesh.marks import USE_WAYPOINT, WAYPOINT_CLASS, WAYPOINT_FOR
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.steering.registry import entries, ports, registry_faults
from egressaudit.mesh.steering.ways import Ways, on_ports
from egressaudit.mesh.untyped import names, rows, table, text
from egressaudit.mesh.world import World
from egressaudit.model import Claim, DataplaneMode, Fault, ObjectRef, Path, Pod, Reporter, Target

RESOURCES: tuple[Resource, ...] = ()
"""None of its own: it reads labels of ServiceEntries, Namespaces and Gateways."""


def ways(world: World, source: Pod, target: Target) -> Ways:
    """What the labels say about a waypoint for this host."""
    return Ways(asked=(_claim(world, source, target),))


def _claim(world: World, source: Pod, target: Target) -> Claim:
    """What the labels say about a waypoint for this host; path None if they ask for none on this port."""
    asking = [(entry, ref) for entry in entries(world.objects, target.host) if (ref := wanted(world, entry))]
    if not asking:
        return Claim(None)
    serving = [(entry, ref) for entry, ref in asking if target.port in {n for n, _ in ports(entry)}]
    if not serving:
        claimed = frozenset(n for entry, _ in asking for n, _ in ports(entry))
        return Claim(None, faults=(fault.port_not_claimed(target.host, on_ports(claimed)),))
    entry, ref = serving[0]
    pods = waypoint_pods(world, ref)
    faults = [*_of_source(source), *registry_faults(world.objects, target, source, ambient=True)]
    if len({each for _, each in serving}) > 1:
        faults.append(
            fault.waypoints_differ(target.host, names([r for _, r in serving]), [each for each, _ in serving])
        )
    faults += _of_waypoint(world, entry, ref)
    return Claim(
        path=Path.VIA_WAYPOINT,
        via=ref,
        pods=tuple(pod for pod in pods if pod.ready),
        because=(str(entry), f"Gateway {ref}"),
        faults=tuple(faults),
    )


def wanted(world: World, entry: Obj) -> ObjectRef | None:
    """The waypoint that a ServiceEntry asks for by its own label, else by its namespace's; `none` asks for none."""
    for labels in (entry.labels, world.objects.namespace_labels(entry.namespace)):
        if name := labels.get(USE_WAYPOINT):
            return None if name == "none" else ObjectRef(labels.get(f"{USE_WAYPOINT}-namespace", entry.namespace), name)
    return None


_UNBINDING = ("waypoint-missing", "waypoint-class-differs", "waypoint-for-others", "namespace-not-allowed")


def unbound(world: World) -> Iterator[tuple[Obj, Fault]]:
    """The ServiceEntries that ask for a waypoint which istiod does not bind, each with the first reason.

    istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go fetchWaypointForTarget: without a waypoint that is there,
    programmed and allows the namespace, ztunnel gets none, and sends the traffic straight out.
    """
    for entry in world.objects.all(ISTIO, "ServiceEntry"):
        ref = wanted(world, entry)
        faults = _of_waypoint(world, entry, ref) if ref is not None else ()
        of_gateway = (each for each in faults if each.slug in (*_UNBINDING, "waypoint-not-bound", "condition-false"))
        if found := next(of_gateway, None):
            yield entry, found


def route_namespaces(world: World, host: str) -> frozenset[str]:
    """The namespaces whose routes for a host its waypoint follows: of the ServiceEntry that asks for it, and its own.

    Others it passes over (istio/istio pilot/pkg/networking/core/listener_waypoint.go, getVirtualServiceForWaypoint).
    """
    asking = ((entry, wanted(world, entry)) for entry in entries(world.objects, host))
    return frozenset(each for entry, ref in asking if ref for each in (entry.namespace, ref.namespace))


def waypoint_pods(world: World, ref: ObjectRef) -> tuple[Pod, ...]:
    """The proven pods of a waypoint, ready or not."""
    return tuple(pod for pod in world.proxies.get(Reporter.WAYPOINT, ()) if gateway_of(pod) == ref)


def _of_source(source: Pod) -> tuple[Fault, ...]:
    if source.mode is DataplaneMode.SIDECAR:
        return (fault.sidecar_skips_waypoint(source.ref),)
    return ()


def _of_waypoint(world: World, entry: Obj, ref: ObjectRef) -> tuple[Fault, ...]:
    """Why a waypoint would not serve a ServiceEntry."""
    gateway = world.objects.one(GATEWAY_API, "Gateway", ref.namespace, ref.name)
    if gateway is None:
        return (fault.waypoint_missing(entry, ref),)
    faults = [*gateway.faults()]
    if text(gateway.spec.get("gatewayClassName")) != WAYPOINT_CLASS:
        faults.append(fault.waypoint_class_differs(gateway, text(gateway.spec.get("gatewayClassName")), WAYPOINT_CLASS))
    if (serves := gateway.labels.get(WAYPOINT_FOR, "service")) not in ("service", "all"):
        faults.append(fault.waypoint_for_others(gateway, WAYPOINT_FOR, serves))
    if entry.namespace != gateway.namespace and not _allows_others(gateway):
        faults.append(fault.namespace_not_allowed(gateway, entry.namespace))
    unbound = (
        fault.waypoint_not_bound(entry, text(each.get("message")))
        for each in rows(entry.status.get("conditions"))
        if each.get("type") == "istio.io/WaypointBound" and each.get("status") == "False"
    )
    return (*faults, *unbound)


def _allows_others(gateway: Obj) -> bool:
    allowed = (
        table(table(each.get("allowedRoutes")).get("namespaces")) for each in rows(gateway.spec.get("listeners"))
    )
    return any(text(each.get("from")) in ("All", "Selector") for each in allowed)
