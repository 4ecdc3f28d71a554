"""The two halves of a way through a gateway, whichever API configures them."""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh.objects import Obj
from egressaudit.mesh.values import names
from egressaudit.model import Scheme

RULE_KINDS = {Scheme.HTTP: ("http", "tcp"), Scheme.HTTPS: ("tls", "tcp"), Scheme.TCP: ("tcp", "tls")}
"""The kinds of rule that can see each scheme: an http rule never sees TLS."""


@dataclass(frozen=True, slots=True)
class Steer:
    """A rule that sends the host from the mesh to a gateway's Service.

    `ports` are those of the host that the rule takes; `mistaken` where it names ports that the host does not have.
    `service_port` is the Service's port that it sends to, None where it leaves that open.
    """

    rule: Obj
    service: Obj
    ports: frozenset[int]
    service_port: int | None = None
    because: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    mistaken: str = ""

    @property
    def order(self) -> tuple[int, str, str, int]:
        """Fewest gaps first, then by name."""
        return len(self.gaps), str(self.rule), str(self.service), self.service_port or 0


@dataclass(frozen=True, slots=True)
class Forward:
    """A rule on a gateway that forwards to the external host; `ports` are the gateway's own."""

    rule: Obj
    gateway: Obj
    ports: frozenset[int]
    gaps: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, str, str]:
        """Fewest gaps first, then by name."""
        return len(self.gaps), str(self.gateway), str(self.rule)


@dataclass(frozen=True, slots=True)
class Ways:
    """All that one API says about a host; `strays` are its faults that belong to no rule above."""

    steers: tuple[Steer, ...] = ()
    forwards: tuple[Forward, ...] = ()
    strays: tuple[str, ...] = ()

    def __add__(self, other: Ways) -> Ways:
        return Ways(self.steers + other.steers, self.forwards + other.forwards, self.strays + other.strays)


def on_ports(ports: frozenset[int]) -> str:
    """`port 80`, `ports 80, 443`."""
    ordered = sorted(ports)
    return f"port {ordered[0]}" if len(ordered) == 1 else f"ports {', '.join(map(str, ordered))}" if ordered else "any"


def missing_port(service: Obj, port: int | None, having: tuple[int, ...]) -> str:
    """Why a Service cannot take traffic on this port; '' where it can, or where the port is left open."""
    if port is None or port in having:
        return ""
    return f"{service} has no port {port}, only {names(having) or 'none'}"
