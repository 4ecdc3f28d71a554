"""The way of a call: from its source, proxy by proxy, to where it leaves the mesh or ends.

In: a world, a pod, a `model.Call`. Out: a `model.Way`. Example: of a call for docs.example.com the sidecar's step sends
to the Service of the gateway egress/gw, whose own step sends to `outbound|80||docs.example.com`: a way with one end,
which has passed egress/gw.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.routes import gateway, sidecar_proxy
from egressaudit.mesh.routes.gateway_leg import Arrival, arrivals
from egressaudit.mesh.world import World
from egressaudit.model import Call, Choice, DataplaneMode, ObjectRef, Pod, RouteDestination, Step, Way, WayLeg

_LONGEST = 8
"""Proxies on one way, at most: Envoy has no limit of its own, and a circle is found earlier."""


def way(world: World, source: Pod, call: Call) -> Way:
    """Everything that may become of a call of a pod; without a first leg where nothing captures the pod."""
    if source.mode is not DataplaneMode.SIDECAR:
        return Way(None)
    following = _Following(world)
    first = following.leg(source, sidecar_proxy.step(world, source, call), ())
    return Way(first, following.complete)


@dataclass(slots=True)
class _Following:
    world: World
    complete: bool = True
    known: dict[tuple[ObjectRef, Call], WayLeg] = field(default_factory=dict)

    def leg(self, sender: Pod, step: Step, passed: tuple[tuple[ObjectRef, Call], ...]) -> WayLeg:
        """A step, and what follows each of its destinations."""
        onward = [
            (choice, to, found)
            for choice in step.choices
            for to in choice.to
            if (found := self._onward(sender, step, choice, to, passed)) is not None
        ]
        return WayLeg(step, tuple(onward))

    def _onward(
        self, sender: Pod, step: Step, choice: Choice, to: RouteDestination, passed: tuple[tuple[ObjectRef, Call], ...]
    ) -> WayLeg | None:
        there = arrivals(self.world, sender, to, step.call, choice.authority)
        if not there:
            return None
        legs = {arrival.pod.ref: self._at(arrival, passed) for arrival in there}
        first = legs[there[0].pod.ref]
        # Replicas of one gateway do the same. Where pods behind one Service do not, what becomes of the call is open.
        if any(each is None or first is None or _said(each) != _said(first) for each in legs.values()):
            self.complete = False
        return first

    def _at(self, arrival: Arrival, passed: tuple[tuple[ObjectRef, Call], ...]) -> WayLeg | None:
        """What the gateway does; None if the call was there before, or went through too many."""
        here = gateway_of(arrival.pod), arrival.call
        if here in passed or len(passed) == _LONGEST:
            self.complete = False
            return None
        if here not in self.known:
            step = gateway.step(self.world, arrival.pod, arrival.call)
            self.known[here] = self.leg(arrival.pod, replace(step, proxy=here[0]), (*passed, here))
        return self.known[here]


def _said(leg: WayLeg) -> object:
    return leg.step.proxy, leg.step.choices, tuple((to, _said(each)) for _, to, each in leg.onward)
