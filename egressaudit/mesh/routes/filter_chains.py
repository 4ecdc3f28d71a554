"""Filter chains of a sidecar's listeners: how Envoy finds the one for a connection.

In: the chains of one listener, a call, and the address that was dialed. Out: the chain, or None where the listener's
default is for it. Example: of chains for the SNI `docs.example.com` and `*.example.com` the first takes its own host.

envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc: by address, then SNI, then transport, then
application protocol, never going back: a range that is nearer wins, also where nothing in it fits. A listener with two
chains for the same connection is refused by Envoy as a whole; here the first counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
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
    choices: tuple[Choice, ...] = ()
    """For bytes."""
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


def pick(chains: Iterable[FilterChain], call: Call, within: Network | None) -> FilterChain | None:
    """The chain of a connection to an address, `within` being its range; None where the default is for it."""
    listed = [each for each in chains if not each.takes_all]
    inspected = any(each.sni for each in listed)
    near = [each for each in listed if (within in each.networks if within is not None else not each.networks)]
    named = _by_sni(near, server_name(call) if inspected else "")
    # Without a TLS inspector Envoy does not know TLS from other bytes.
    plain = call.scheme is not Scheme.HTTPS or not inspected
    raw = [each for each in named if each.plain_http]
    if plain and raw:
        return raw[0] if call.scheme is Scheme.HTTP else None
    return next((each for each in named if not each.plain_http), None)


def ranges(chains: Iterable[FilterChain]) -> list[Network]:
    """All ranges of chains, the narrowest first."""
    found = dict.fromkeys(network for each in chains for network in each.networks)
    return sorted(found, key=lambda each: -each.prefixlen)


def range_of(address: str, known: Iterable[Network]) -> Network | None:
    """The narrowest range that has an address; None if none has."""
    ip = ipaddress.ip_address(address)
    return next((each for each in known if ip.version == each.version and ip in each), None)


@lru_cache(maxsize=8192)
def network_of(said: str) -> Network | None:
    """An IP or a range; None if it is neither."""
    try:
        return ipaddress.ip_network(said, strict=False)
    except ValueError:
        return None


def _by_sni(chains: list[FilterChain], name: str) -> list[FilterChain]:
    for wanted in _wanted(name):
        found = [each for each in chains if wanted in _names(each)]
        if found:
            return found
    return [each for each in chains if not _names(each)]


def _wanted(name: str) -> Iterator[str]:
    """What a chain may be called to take a name, in Envoy's order."""
    if name:
        yield name
        parts = name.split(".")
        yield from (f"*.{'.'.join(parts[start:])}" for start in range(1, len(parts)))


def _names(chain: FilterChain) -> frozenset[str]:
    return frozenset() if "*" in chain.sni else frozenset(each.lower() for each in chain.sni)
