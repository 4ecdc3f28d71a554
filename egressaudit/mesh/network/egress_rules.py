"""The one form that rules of all network policies have here: an action, for destinations outside the cluster.

In: networks, ports and names, read from a policy of any API. Out: whether a rule is about a destination.
Example: `EgressRule(RuleAct.ALLOW, blocks=(NetworkBlock(10.0.0.0/8),), ports=(Ports("TCP", 443, 443),))` covers TCP
10.1.2.3:443, and no destination on port 80.

Pods, namespaces and nodes as destinations are left out: none of them is outside the cluster.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from egressaudit.mesh.untyped import number, text
from egressaudit.model import ObjectRef

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PROTOCOLS = ("TCP", "UDP", "SCTP")
"""The protocols that policies name."""
LAST_PORT = 65535
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class RuleAct(StrEnum):
    """What a rule does with a destination that it covers."""

    ALLOW = "allow"
    DENY = "deny"
    PASS = "pass"  # noqa: S105  an action, not a password
    """Leave it to the next tier."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A destination outside the cluster. `host` is what a sender calls it, '' where that is not known."""

    ip: Ip
    port: int
    protocol: str = "TCP"
    host: str = ""


@dataclass(frozen=True, slots=True)
class NetworkBlock:
    """A network without some of its parts."""

    network: Network
    without: tuple[Network, ...] = ()

    def __contains__(self, ip: Ip) -> bool:
        return ip in self.network and not any(ip in each for each in self.without)

    def __str__(self) -> str:
        return f"{self.network}{f' except {len(self.without)} parts' if self.without else ''}"


@dataclass(frozen=True, slots=True)
class Ports:
    """A range of ports of one protocol."""

    protocol: str
    first: int = 0
    last: int = LAST_PORT

    def __str__(self) -> str:
        if (self.first, self.last) == (0, LAST_PORT):
            return self.protocol
        return f"{self.protocol} {self.first}{f'-{self.last}' if self.last > self.first else ''}"


@dataclass(frozen=True, slots=True)
class EgressRule:
    """One rule: `blocks` None is any destination, `ports` None any port, and `names` are DNS names."""

    action: RuleAct
    blocks: tuple[NetworkBlock, ...] | None = None
    ports: tuple[Ports, ...] | None = None
    names: tuple[str, ...] = ()
    odd: bool = False
    """Whether it has a destination that cannot be read here: it may cover anything."""

    def covers(self, to: Outside) -> bool | None:
        """Whether the rule is about a destination; None where it may be.

        Which addresses a name stands for is known to the network alone.
        """
        if self.ports is not None and not any(
            each.protocol == to.protocol and each.first <= to.port <= each.last for each in self.ports
        ):
            return False
        if self.blocks is None or any(to.ip in each for each in self.blocks):
            return True
        return None if self.names or self.odd else False

    def __str__(self) -> str:
        where = "any address" if self.blocks is None else ", ".join(map(str, (*self.blocks, *self.names)))
        ports = "" if self.ports is None else f" ({', '.join(map(str, self.ports))})"
        return f"{where or 'nothing'}{ports}"


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The rules of one object, in its order. A lower priority comes first; only tiers of administrators have one."""

    kind: str
    ref: ObjectRef
    rules: tuple[EgressRule, ...]
    priority: int = 0

    def __str__(self) -> str:
        space = f"{self.ref.namespace}/" if self.ref.namespace else ""
        return f"{self.kind} {space}{self.ref.name}"


# ---------------------------------------------------------------- parts of objects


def block_of(cidr: object, without: Iterable[object] = ()) -> NetworkBlock | None:
    """A block as an object has it; None for what cannot be read.

    API servers accept more than one spelling: `000.0.0.0/0` (k8s.io/utils net ParseCIDRSloppy), and IPv4 within IPv6,
    which Go takes for IPv4 (net ParseCIDR). What a plugin makes of those is not known.
    """
    try:
        network = ipaddress.ip_network(text(cidr), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return None
    # An exception that cannot be read is left out, so the block is taken as larger than it is.
    return NetworkBlock(network, tuple(each.network for part in without if (each := block_of(part)) is not None))


def ports_of(protocol: object, first: object, last: object = None) -> Ports | None:
    """A range of ports as an object has it, by default of TCP; None for a port's name, which only pods have."""
    named = text(protocol).upper() or "TCP"
    if first is None:
        return Ports(named)
    begin, end = number(first), number(last)
    return None if begin is None else Ports(named, begin, begin if end is None else end)


def known(items: Iterable[Any]) -> Iterator[Any]:
    """Those that are not None."""
    return (each for each in items if each is not None)


def has(entry: Mapping[str, Any], *keys: str) -> bool:
    """Whether an entry has one of these keys."""
    return any(entry.get(key) is not None for key in keys)
