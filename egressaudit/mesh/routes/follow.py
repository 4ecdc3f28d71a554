"""The way of a call: from its source, proxy by proxy, to where it leaves the mesh or ends.

In: a world, a pod, a `model.Call`. Out: a `model.Way`. Example: of a call for docs.example.com the sidecar's step sends
to the Service of the gateway egress/gw, whose own step sends to `outbound|80||docs.example.com`: a way with one end,
which has passed egress/gw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.routes import gateway, sidecar_proxy
from egressaudit.mesh.routes.gateway_leg import arrivals
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.mesh.routes.waypoints import waypoints
from egressaudit.mesh.routes.ztunnel_step import HBONE, ztunnel_step
from egressaudit.mesh.world import World
from egressaudit.model import (
    Call,
    Choice,
    DataplaneMode,
    ObjectRef,
    Onward,
    Pod,
    Reporter,
    RouteDestination,
    Step,
    Way,
    WayLeg,
)

_LONGEST = 8
"""Proxies on one way, at most: Envoy has no limit of its own, and a circle is found earlier."""

_Passed = tuple[tuple[ObjectRef, Call], ...]


def way(world: World, source: Pod, call: Call) -> Way:
    """Everything that may become of a call of a pod; without a first leg where nothing captures the pod."""
    following = _Following(world)
    if source.mode is DataplaneMode.SIDECAR:
        first = following.leg(source, sidecar_proxy.step(world, source, call), ())
    elif source.mode is DataplaneMode.AMBIENT:
        first = following.leg(source, ztunnel_step(world, source, call), ())
    else:
        return Way(None)
    return Way(first, following.complete)


@dataclass(slots=True)
class _Following:
    world: World
    complete: bool = True
    known: dict[tuple[ObjectRef, Call], WayLeg] = field(default_factory=dict)

    def leg(self, sender: Pod, step: Step, passed: _Passed) -> WayLeg:
        """A step, and what follows each of its destinations."""
        to_waypoint = step.reporter is Reporter.ZTUNNEL
        found: list[Onward] = []
        for choice in step.choices:
            for to in choice.to:
                after = self._waypoint if to_waypoint else self._gateway
                found += after(sender, step, choice, to, passed)
        return WayLeg(step, tuple(found))

    def _waypoint(
        self, sender: Pod, step: Step, choice: Choice, to: RouteDestination, passed: _Passed
    ) -> Iterator[Onward]:
        if to.port != HBONE:
            return
        known = waypoints(self.world.seen_by(sender.ref).objects).values()
        ref = next((each.ref for each in known if to.host in (each.host, each.address)), None)
        if ref is None:
            self.complete = False
            return
        if leg := self._at(_waypoint_pod(self.world, ref), ref, step.call, passed):
            yield Onward(choice, to, leg)

    def _gateway(
        self, sender: Pod, step: Step, choice: Choice, to: RouteDestination, passed: _Passed
    ) -> Iterator[Onward]:
        """Replicas of one gateway do the same. Where pods behind one Service do not, what becomes of it is open."""
        made: dict[tuple[str, ...], WayLeg] = {}
        for each in arrivals(self.world, sender, to, step.call, choice.authority):
            leg = self._at(each.pod, gateway_of(each.pod), each.call, passed)
            if leg is None:
                continue
            if _said(made.setdefault(each.when, leg)) != _said(leg):
                self.complete = False
        for when, leg in made.items():
            yield Onward(choice, to, leg, when)

    def _at(self, proxy: Pod, ref: ObjectRef, call: Call, passed: _Passed) -> WayLeg | None:
        """What a gateway or waypoint does; None if the call was there before, or went through too many."""
        here = ref, call
        if here in passed or len(passed) == _LONGEST:
            self.complete = False
            return None
        if here not in self.known:
            if proxy.role is Reporter.WAYPOINT:
                step = waypoint_step(self.world, ref, call)
            else:
                step = replace(gateway.step(self.world, proxy, call), proxy=ref)
            self.known[here] = self.leg(proxy, step, (*passed, here))
        return self.known[here]


def _waypoint_pod(world: World, ref: ObjectRef) -> Pod:
    """A pod of a waypoint; where it has none now, one as its Gateway would have it."""
    running = (pod for pod in world.pods if pod.role is Reporter.WAYPOINT and gateway_of(pod) == ref)
    return next(running, Pod(ref.namespace, ref.name, (), role=Reporter.WAYPOINT, gateway=ref))


def _said(leg: WayLeg) -> object:
    onward = tuple((each.to, each.when, _said(each.leg)) for each in leg.onward)
    return leg.step.proxy, leg.step.choices, onward
