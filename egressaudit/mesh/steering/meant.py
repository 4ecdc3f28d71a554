"""Which gateway or waypoint is meant to carry a host, also where mistakes keep it from doing so.

In: `Ways` of all APIs. Out: `Claim(Path.VIA_GATEWAY, via=egress/gw, because=(...), faults=(...))`.
What istiod makes of the same objects is `mesh.routes`; `claim` holds the one against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE
from egressaudit.mesh.logging.attachment import authorization_faults
from egressaudit.mesh.logging.telemetry import logging_faults
from egressaudit.mesh.pods import template_labels
from egressaudit.mesh.services.services import arriving_on, selected
from egressaudit.mesh.steering import STEERING
from egressaudit.mesh.steering.gateways import identity, run_by, stands_at, template_gateway, templates
from egressaudit.mesh.steering.registry import entries, registry_faults
from egressaudit.mesh.steering.waypoint import route_namespaces, waypoint_pods
from egressaudit.mesh.steering.ways import Steer, Ways, on_ports
from egressaudit.mesh.world import World
from egressaudit.model import Claim, DataplaneMode, Fault, ObjectRef, Path, Pod, Reporter, Target

_Item = TypeVar("_Item", str, Fault)


def meant(world: World, source: Pod, target: Target) -> Claim:
    """What the objects say about one host and port, as seen from a pod.

    A configuration with faults still means a way, and the claim lists the faults. If a waypoint should forward the
    host to a gateway, the two are one chain, and the claim is the gateway, where it leaves.
    """
    ways = every_way(world, source, target)
    gateway, waypoint = _gateway_claim(world, source, target, ways), _asked(ways)
    ambient = source.mode is DataplaneMode.AMBIENT
    behind = _behind(world, waypoint, target) if ambient else Claim(None)
    if behind.path is not None:
        gateway = behind
    both = (waypoint, gateway) if ambient and behind.path is None else (gateway, waypoint)
    chosen = next((each for each in both if each.path is not None), None)
    if chosen is None:
        registry = registry_faults(world.objects, target, source, ambient=ambient)
        return Claim(None, faults=_once((*gateway.faults, *waypoint.faults, *registry)))
    passing = tuple(each.via for each in both if each.via is not None and each is not chosen)
    return Claim(chosen.path, chosen.via, chosen.pods, chosen.because, _once(chosen.faults), passing)


def of_proxies(world: World, source: Pod, claim: Claim) -> tuple[Fault, ...]:
    """What may keep the proxies of a claim from carrying it, or them and the source's from logging it."""
    return () if claim.path is None else _once((*of_proxy(world, claim), *_of_source(world, source)))


def _of_source(world: World, source: Pod) -> tuple[Fault, ...]:
    """What may keep the proxy of the source from logging."""
    if source.mode is not DataplaneMode.SIDECAR:
        return ()
    known = world.once(_source_faults)
    if source.ref not in known:
        known[source.ref] = tuple(logging_faults(world.objects, source.ref, source.labels, Reporter.SIDECAR))
    return known[source.ref]


def _source_faults(_world: World) -> dict[ObjectRef, tuple[Fault, ...]]:
    """What was worked out for each source, kept for the next host."""
    return {}


def _proxy_faults(_world: World) -> dict[tuple[Path, ObjectRef, tuple[ObjectRef, ...]], tuple[Fault, ...]]:
    """The same for each gateway and waypoint."""
    return {}


def _behind(world: World, waypoint: Claim, target: Target) -> Claim:
    """The gateway that a claimed waypoint should forward the host to; path None if no route that it follows says so.

    A waypoint follows the routes that its own namespace sees, as a sidecar would, but only those beside the
    ServiceEntry or beside itself.
    """
    if waypoint.via is None:
        return Claim(None)
    pods = waypoint_pods(world, waypoint.via)
    seen_from = pods[0] if pods else Pod(waypoint.via.namespace, waypoint.via.name, (), DataplaneMode.NONE)
    ways = every_way(world, seen_from, target)
    beside = route_namespaces(world, target.host)
    steers = tuple(
        each
        for each in ways.steers
        if target.port in each.ports
        and each.rule.namespace in beside
        and world.objects.exported(each.rule, seen_from.namespace)
    )
    if not steers:
        return Claim(None)
    steer = min(steers, key=lambda each: each.order)
    found = _by_steer(world, seen_from, target, replace(ways, steers=steers), steer)
    faults = (*waypoint.faults, *of_proxy(world, waypoint), *found.faults)
    return replace(found, because=_once((*waypoint.because, *found.because)), faults=faults)


def every_way(world: World, source: Pod, target: Target) -> Ways:
    """What all APIs together say about a host and port, as seen from a pod."""
    return sum((each.ways(world, source, target) for each in STEERING), Ways())


def _asked(ways: Ways) -> Claim:
    """What is asked for without a rule; path None if that is nothing."""
    asked = (each for each in ways.asked if each.path is not None)
    return next(asked, Claim(None, faults=tuple(fault for each in ways.asked for fault in each.faults)))


def _gateway_claim(world: World, source: Pod, target: Target, ways: Ways) -> Claim:
    """What the rules of the mesh and of its gateways say about an egress gateway for this host."""
    if not ways.steers and not ways.forwards:
        return Claim(None, faults=_once(ways.strays))
    claimed = _claimed_ports(ways)
    if target.port not in claimed:
        return Claim(None, faults=(fault.port_not_claimed(target.host, on_ports(claimed)),) if claimed else ways.strays)
    steer = min((each for each in ways.steers if target.port in each.ports), key=lambda each: each.order, default=None)
    if steer is None:
        return _by_forward(world, source, target, ways)
    return _by_steer(world, source, target, ways, steer)


def _claimed_ports(ways: Ways) -> frozenset[int]:
    """The ports on which a gateway is meant to carry the host.

    The mesh's rules name them. If they name only ports that the host lacks, that is a mistake, and the ports of the
    gateway's servers count.
    """
    steered = frozenset(port for each in ways.steers for port in each.ports)
    return steered or frozenset(port for each in ways.forwards for port in each.ports)


@dataclass(frozen=True, slots=True)
class _Entrance:
    """What is behind the Service of a gateway."""

    pods: tuple[Pod, ...]
    via: ObjectRef


def _entrances(world: World) -> Callable[[ObjectRef], _Entrance]:
    """The entrance of each Service that a rule sends to, worked out once."""

    @cache
    def of(ref: ObjectRef) -> _Entrance:
        service = world.objects.one(CORE, "Service", ref.namespace, ref.name)
        assert service is not None, "a steer has a Service that is there"
        pods = tuple(pod for pod in selected(world, service) if pod.role is Reporter.EGRESS_GATEWAY)
        return _Entrance(pods, identity(world, service))

    return of


def _by_steer(world: World, source: Pod, target: Target, ways: Ways, steer: Steer) -> Claim:
    entrance = world.once(_entrances)(steer.service.ref)
    there = [each for each in ways.forwards if stands_at(world, each.gateway, steer.service, entrance.pods)]
    taken = arriving_on(steer.service, steer.service_port)
    on_port = [each for each in there if not taken or taken & each.ports]
    forward = min(on_port or there, key=lambda each: each.order, default=None)
    faults = [*steer.faults]
    if forward is None:
        faults.append(fault.not_forwarded(target.host, steer.service, steer.rule))
        faults += [fault.gateway_selects_others(each.gateway, steer.service) for each in ways.forwards]
    else:
        faults += forward.faults
        if not on_port:
            ports = on_ports(forward.ports)
            faults.append(
                fault.forwarded_on_other_port(forward.gateway, target.host, ports, steer.rule, steer.service_port)
            )
    faults += [*ways.strays, *_surroundings(world, source, target)]
    because = [str(steer.rule), *steer.because, str(steer.service)]
    because += [str(forward.gateway), str(forward.rule)] if forward else []
    return _claim(world, target, entrance.via, entrance.pods, because, faults)


def _by_forward(world: World, source: Pod, target: Target, ways: Ways) -> Claim:
    forward = min(
        (each for each in ways.forwards if target.port in each.ports) if ways.forwards else (),
        key=lambda each: each.order,
        default=min(ways.forwards, key=lambda each: each.order, default=None),
    )
    assert forward is not None, "ports are claimed by a steer or by a forward"
    via, pods = run_by(world, forward.gateway)
    slips = [each.mistaken for each in ways.steers if each.mistaken]
    faults = slips or [fault.not_sent_to_gateway(forward.gateway, target.host, target.port)]
    faults += [every for each in ways.steers for every in each.faults]
    faults += [*forward.faults, *ways.strays, *_surroundings(world, source, target)]
    return _claim(world, target, via, pods, [str(forward.gateway), str(forward.rule)], faults)


def _claim(
    world: World, target: Target, via: ObjectRef, pods: Iterable[Pod], because: list[str], faults: list[Fault]
) -> Claim:
    known = [str(each) for each in entries(world.objects, target.host)]
    return Claim(
        path=Path.VIA_GATEWAY,
        via=via,
        pods=tuple(pod for pod in pods if pod.ready),
        because=_once((*known, *because)),
        faults=tuple(faults),
    )


def _surroundings(world: World, source: Pod, target: Target) -> tuple[Fault, ...]:
    faults = registry_faults(world.objects, target, source)
    if source.mode is DataplaneMode.AMBIENT:
        return (*faults, fault.ambient_skips_routes(source.ref))
    return faults


# ---------------------------------------------------------------- the gateway or waypoint itself


def of_proxy(world: World, chosen: Claim) -> tuple[Fault, ...]:
    """What may keep the gateway or waypoint itself from doing its part."""
    assert chosen.path is not None
    assert chosen.via is not None
    known, key = world.once(_proxy_faults), (chosen.path, chosen.via, tuple(pod.ref for pod in chosen.pods))
    if key not in known:
        known[key] = tuple(_of_proxy(world, chosen, chosen.path, chosen.via))
    return known[key]


def _of_proxy(world: World, chosen: Claim, path: Path, via: ObjectRef) -> Iterator[Fault]:
    reporter = Reporter.on(path)
    assert reporter is not None, "a claim that names a proxy has its path"
    objects = world.objects
    labels = chosen.pods[0].labels if chosen.pods else _template(world, via, reporter)
    if not chosen.pods:
        yield fault.no_ready_pod(via)
    yield from authorization_faults(objects, via, labels, reporter)
    yield from logging_faults(objects, via, labels, reporter)


def _template(world: World, via: ObjectRef, reporter: Reporter) -> dict[str, str]:
    for each in templates(world, reporter):
        if template_gateway(world, each) == via:
            return dict(template_labels(each))
    return {}


def _once(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
