"""Filter chains of a sidecar's listeners: how Envoy finds the one for a connection.

In: the chains of one listener, a call, and the address that was dialed. Out: the chain, or None where the mesh's policy
for unknown hosts is for it. Example: of chains for the SNI `docs.example.com` and `*.example.com` the first takes its
own host.

envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc: by address, then SNI, then transport, then
application protocol, never going back: a range that is nearer wins, also where nothing in it fits. A listener with two
chains for the same connection is refused by Envoy as a whole; here the first counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from egressaudit.mesh.routes.names import is_ip
from egressaudit.model import Call, Choice, Scheme

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, eq=False)
class FilterChain:
    """One filter chain: what it takes, and what becomes of it."""

    sni: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    plain_http: bool = False
    """Whether it takes only what begins as HTTP, without TLS."""
    virtual_host: str | None = None
    """For HTTP: '' by the port's virtual hosts, else by that of this host alone. None for bytes."""
    choose: Callable[[], tuple[Choice, ...]] = tuple
    """What becomes of bytes. Of all chains of a listener a call takes one, so it is worked out when it is asked."""
    host: str = ""
    """Whose service it was made for."""

    @property
    def key(self) -> tuple[bool, frozenset[str], frozenset[str]]:
        """Two chains of one key are one (istio/istio listener.go conflictsWith): the first stays."""
        return self.plain_http, frozenset(self.sni) - {"*"}, frozenset(str(each) for each in self.networks)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The ranges that can be read; `0.0.0.0` is none."""
        found = (network_of(each) for each in self.ranges)
        return tuple(each for each in found if each is not None and not each.network_address.is_unspecified)

    @property
    def takes_all(self) -> bool:
        """Whether it is the default of its listener (isMatchAll)."""
        return (not self.sni or "*" in self.sni) and not self.plain_http and not self.ranges


def server_name(call: Call) -> str:
    """The SNI of what a client sends; '' without TLS, and for an IP."""
    if call.sni:
        return call.sni.lower()
    return call.host.lower() if call.scheme is Scheme.HTTPS and not is_ip(call.host) else ""


@dataclass(frozen=True, slots=True)
class ChainTable:
    """The chains of one listener, in the order in which Envoy looks."""

    default: FilterChain | None
    """The one for all that no other takes; None where the mesh's policy for unknown hosts is."""
    ranges: tuple[Network, ...]
    """All ranges of addresses, the narrowest first."""
    inspected: bool
    """Whether the listener looks for TLS: without, Envoy does not know TLS from other bytes."""
    cells: Mapping[Network | None, Mapping[str, tuple[FilterChain, ...]]]
    """The chains of a range (None: of any address) and an SNI ('': of any)."""

    @classmethod
    def of(cls, chains: Iterable[FilterChain]) -> ChainTable:
        """The table of chains."""
        listed = list(chains)
        some = [each for each in listed if not each.takes_all]
        cells: dict[Network | None, dict[str, list[FilterChain]]] = {}
        for each in some:
            for network in each.networks or (None,):
                for name in _names(each) or ("",):
                    cells.setdefault(network, {}).setdefault(name, []).append(each)
        return cls(
            next((each for each in listed if each.takes_all), None),
            tuple(sorted((each for each in cells if each is not None), key=lambda one: -one.prefixlen)),
            any(each.sni for each in some),
            {network: {name: tuple(found) for name, found in by.items()} for network, by in cells.items()},
        )

    def range_of(self, address: str | None) -> Network | None:
        """The narrowest range that has an address; None if none has, or it is not known."""
        if address is None or not self.ranges:
            return None
        ip = ipaddress.ip_address(address)
        return next((each for each in self.ranges if ip.version == each.version and ip in each), None)

    def pick(self, call: Call, within: Network | None) -> FilterChain | None:
        """The chain of a connection to an address, `within` being its range; None where the policy is for it."""
        by_name = self.cells.get(within, {})
        named = next((by_name[each] for each in self._wanted(call) if each in by_name), ())
        plain = call.scheme is not Scheme.HTTPS or not self.inspected
        raw = [each for each in named if each.plain_http]
        if plain and raw:
            return raw[0] if call.scheme is Scheme.HTTP else self.default
        return next((each for each in named if not each.plain_http), self.default)

    def _wanted(self, call: Call) -> Iterator[str]:
        """What a chain may be called to take a connection, in Envoy's order."""
        name = server_name(call) if self.inspected else ""
        if name:
            yield name
            parts = name.split(".")
            yield from (f"*.{'.'.join(parts[start:])}" for start in range(1, len(parts)))
        yield ""


@lru_cache(maxsize=8192)
def network_of(said: str) -> Network | None:
    """An IP or a range; None if it is neither."""
    try:
        return ipaddress.ip_network(said, strict=False)
    except ValueError:
        return None


def _names(chain: FilterChain) -> frozenset[str]:
    return frozenset() if "*" in chain.sni else frozenset(each.lower() for each in chain.sni)
