"""Routes: what a proxy does with a call by its configuration, and the whole way of a call through the mesh.

Example: of `Call("docs.example.com", 80, Scheme.HTTP)` a sidecar makes a `Step` whose one `Choice` sends it to
`outbound|80||egress.istio-egress.svc.cluster.local` by `VirtualService egress/docs spec.http[0]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from egressaudit.model.faults import Fault
from egressaudit.model.probes import Scheme
from egressaudit.model.proxies import ObjectRef, Reporter


class Tls(StrEnum):
    """How the bytes of a call are wrapped on one leg of its way."""

    NONE = "plaintext"
    TLS = "tls"
    """By the client, or by a proxy that originates TLS to an external host."""
    MUTUAL = "mtls"
    """By the mesh, with the identity of the proxy that sent it (ISTIO_MUTUAL, HBONE)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one proxy is asked for: host and port as they were called, and what is known of the request."""

    host: str
    port: int
    scheme: Scheme
    """What the client speaks: plain HTTP, TLS that the proxy does not open, or bytes."""
    tls: Tls = Tls.NONE
    """What the leg to this proxy is wrapped in, beside the client's own TLS."""
    sni: str = ""
    """The server name of the outermost TLS; '' without one."""
    address: str = ""
    """The IP that was dialed; '' if it is not known."""
    path: str | None = None
    """The path with its query, None if it is not known."""
    method: str | None = None
    authority: str = ""
    """The Host of the request, where another proxy got it first; '' if it is what `host` and `port` make."""


class Act(StrEnum):
    """What a proxy does with a call."""

    SEND = "send"
    """To an endpoint of a cluster."""
    PASSTHROUGH = "passthrough"
    """To the address that was dialed (PassthroughCluster)."""
    REFUSE = "refuse"
    """BlackHoleCluster, `block_all`, no listener, no filter chain, no route, or a cluster that is not there."""
    ANSWER = "answer"
    """By itself: a redirect, a direct response, a fault that aborts."""


@dataclass(frozen=True, slots=True, order=True)
class RuleRef:
    """The place in the configuration that decides: an object and a field of it."""

    object: str
    """As `Kind namespace/name`."""
    field: str
    """E.g. `spec.http[0]`."""

    def __str__(self) -> str:
        return f"{self.object} {self.field}"


@dataclass(frozen=True, slots=True)
class RouteDestination:
    """A cluster that a rule sends to, and the share of calls that it gets."""

    cluster: str
    """As a proxy logs it: `outbound|80||docs.example.com`."""
    host: str
    port: int
    subset: str = ""
    weight: int = 100
    """In percent."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a proxy may do with a call."""

    act: Act
    route: str = ""
    """The name of the route as a proxy logs it (`%ROUTE_NAME%`): `default`, `allow_any`, or the rule's; '' for TCP."""
    rule: RuleRef | None = None
    """What says so; None where no rule does: the host's default route, or the mesh's policy for unknown hosts."""
    to: tuple[RouteDestination, ...] = ()
    """Where it may send, by weight; empty unless it sends."""
    when: tuple[str, ...] = ()
    """What must hold for it that the call does not tell, e.g. `headers x-canary`; empty if it always holds."""
    authority: str = ""
    """The host that the request is rewritten to; '' if it stays."""
    tunnel: str = ""
    """Where the clusters are proxies: the `host:port` that they are asked to connect to (CONNECT); '' else."""
    reason: str = ""
    """Why it refuses: `no-listener`, `no-filter-chain`, `no-route`, `no-cluster`, `block-all`; `tls-error` where TLS
    does not fit, `protocol-error` where HTTP was awaited and none came. Or how it answers: `redirect` and others."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one proxy does with a call: the first choice whose conditions hold; the last one has none."""

    proxy: ObjectRef
    """The source's pod, or the gateway or waypoint, named as in `Claim.via`."""
    reporter: Reporter
    call: Call
    listener: str = ""
    """The name of the listener: `0.0.0.0_80`, `240.240.0.1_443`, `virtualOutbound`; '' for a ztunnel."""
    choices: tuple[Choice, ...] = ()
    faults: tuple[Fault, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class WayLeg:
    """What one proxy does with a call, and what the proxies do that it sends to."""

    step: Step
    onward: tuple[Onward, ...] = ()
    """Of each choice, the legs from those of its destinations that are gateways or waypoints."""

    def after(self, choice: Choice, to: RouteDestination) -> tuple[Onward, ...]:
        """The legs from a destination on; empty if no proxy of the mesh follows."""
        return tuple(each for each in self.onward if each.to == to and each.choice is choice)


@dataclass(frozen=True, slots=True)
class Onward:
    """The leg from a destination of a choice on."""

    choice: Choice
    to: RouteDestination
    leg: WayLeg
    when: tuple[str, ...] = ()
    """What must hold for it that is not known, e.g. how the bytes are wrapped."""


@dataclass(frozen=True, slots=True)
class WayEnd:
    """One end of a way: the choice that no further proxy of the mesh follows."""

    passed: tuple[Step, ...]
    """The steps up to it, the one that decides last."""
    choice: Choice
    to: RouteDestination | None
    """Where that choice sends to; None unless it sends."""
    when: tuple[str, ...]
    """What must hold for it, at all proxies together; empty where it always comes to this, or by weight alone."""
    rules: tuple[RuleRef, ...]
    """The rules that led to it."""
    by_gateways: tuple[RuleRef, ...] = ()
    """Those of them that gateways and waypoints followed."""

    @property
    def proxies(self) -> tuple[ObjectRef, ...]:
        """The gateways and waypoints on the way, in order."""
        return tuple(each.proxy for each in self.passed if not each.reporter.at_source)


@dataclass(frozen=True, slots=True)
class Way:
    """Everything that may become of a call, from its source on."""

    first: WayLeg | None
    """None where nothing captures the source."""
    complete: bool = True
    """Whether each choice was followed to an end. No if it goes in a circle, or to a proxy that is not known."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, each proxy's after those that lead to it."""
        return () if self.first is None else tuple(_steps(self.first))

    @property
    def ends(self) -> tuple[WayEnd, ...]:
        """Every end that it may come to."""
        return () if self.first is None else tuple(_ends(self.first, _BEGIN))


_BEGIN = WayEnd((), Choice(Act.SEND), None, (), ())


def _steps(leg: WayLeg) -> Iterator[Step]:
    yield leg.step
    for onward in leg.onward:
        yield from _steps(onward.leg)


def _ends(leg: WayLeg, before: WayEnd) -> Iterator[WayEnd]:
    """The ends of a leg; `before` is what led to it."""
    for choice in leg.step.choices:
        own = () if choice.rule is None else (choice.rule,)
        there = WayEnd(
            passed=(*before.passed, leg.step),
            choice=choice,
            to=None,
            when=(*before.when, *choice.when),
            rules=(*before.rules, *own),
            by_gateways=before.by_gateways if leg.step.reporter.at_source else (*before.by_gateways, *own),
        )
        if not choice.to:
            yield there
        for to in choice.to:
            following = leg.after(choice, to)
            if not following:
                yield WayEnd(there.passed, choice, to, there.when, there.rules, there.by_gateways)
            for each in following:
                yield from _ends(each.leg, replace(there, when=(*there.when, *each.when)))
