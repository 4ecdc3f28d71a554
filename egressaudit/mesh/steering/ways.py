"""What each API says about a host, in words that all of them share.

A way through a gateway has two halves, and either may be missing:

  Steer    a rule of the mesh that sends the host to a gateway's Service (a VirtualService at `mesh`)
  Forward  a rule at the gateway that forwards it to the external host (the same VirtualService at the Gateway)

A rule may steer one part of the traffic and leave the rest alone; the rest goes `around` the gateway, and is a fault of
its Steers. Faults that belong to neither half, such as a rule for a Gateway that does not exist, are `strays`. A
waypoint that a label asks for, without any rule, is `asked`.

Example: a rule with port 80 and destination `egress.istio-egress.svc.cluster.local` is one
`Steer(rule, service, ports={80}, service_port=8080)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.untyped import names
from egressaudit.model import Claim, Fault, Scheme

RULE_KINDS = {Scheme.HTTP: ("http", "tcp"), Scheme.HTTPS: ("tls", "tcp"), Scheme.TCP: ("tcp", "tls")}
"""The kinds of rule that apply to each scheme: an http rule never sees TLS."""


@dataclass(frozen=True, slots=True)
class Steer:
    """A rule that sends the host from the mesh to a gateway's Service.

    `ports` are those of the host that the rule takes; `mistaken` where it names ports that the host does not have.
    `service_port` is the Service's port that it sends to, None if it leaves that open.
    """

    rule: Obj
    service: Obj
    ports: frozenset[int]
    service_port: int | None = None
    because: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    mistaken: Fault | None = None

    @property
    def order(self) -> tuple[int, str, str, int]:
        """Fewest faults first, then by name."""
        return len(self.faults), str(self.rule), str(self.service), self.service_port or 0


@dataclass(frozen=True, slots=True)
class Forward:
    """A rule on a gateway that forwards to the external host; `ports` are the gateway's own."""

    rule: Obj
    gateway: Obj
    ports: frozenset[int]
    faults: tuple[Fault, ...] = ()

    @property
    def order(self) -> tuple[int, str, str]:
        """Fewest faults first, then by name."""
        return len(self.faults), str(self.gateway), str(self.rule)


@dataclass(frozen=True, slots=True)
class Ways:
    """Everything that one API says about a host, or several APIs together."""

    steers: tuple[Steer, ...] = ()
    forwards: tuple[Forward, ...] = ()
    strays: tuple[Fault, ...] = ()
    """Faults that belong to no rule above."""
    asked: tuple[Claim, ...] = ()
    """What is asked for without a rule; without a path if it is for other ports."""

    def __add__(self, other: Ways) -> Ways:
        return Ways(
            steers=self.steers + other.steers,
            forwards=self.forwards + other.forwards,
            strays=self.strays + other.strays,
            asked=self.asked + other.asked,
        )


def on_ports(ports: frozenset[int]) -> str:
    """`port 80`, `ports 80, 443`."""
    ordered = sorted(ports)
    return f"port {ordered[0]}" if len(ordered) == 1 else f"ports {', '.join(map(str, ordered))}" if ordered else "any"


def missing_port(service: Obj, port: int | None, having: tuple[int, ...]) -> Fault | None:
    """Why a Service cannot accept traffic on this port; None if it can, or if the port is not known."""
    if port is None or port in having:
        return None
    return fault.service_port_missing(service, port, names(having) or "none")
