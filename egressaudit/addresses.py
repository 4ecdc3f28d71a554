"""Socket addresses as the proxies write them: `10.0.0.1:80`, `[::1]:80`; and IPs in their canonical form.

In: an address as a proxy wrote it. Out: its IP in one spelling, or its port; None if it has none.
Example: `ip_of("[::ffff:10.0.0.2]:80")` is `10.0.0.2`.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the well-known prefix. The last 32 bits are the IPv4 address that a packet really goes to."""


@lru_cache(maxsize=1 << 16)
def canonical_ip(text: str) -> str | None:
    """One spelling for each place that a packet can go to; None if the text is not an IP.

    `::ffff:10.0.0.2` and `64:ff9b::10.0.0.2` are `10.0.0.2`; a zone (`fe80::1%eth0`) is dropped, because it names an
    interface of the sender and not another place.
    """
    try:
        known = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        if known in _NAT64:
            return str(ipaddress.IPv4Address(int(known) & 0xFFFFFFFF))
    return str(known)


def is_ip(text: str) -> bool:
    """Whether a host is written as an IP, in brackets or not: `[2001:db8::1]` is one, `10.0.0.1:80` is none."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def ip_of(address: str | None) -> str | None:
    """The canonical IP of `ip:port`, without its port and brackets; None if it is not an IP with a port.

    Envoy also writes `envoy://listener/endpoint` for its internal listeners, and unix paths: those are not IPs.
    """
    if not isinstance(address, str):
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()):
        return None
    return canonical_ip(host.removeprefix("[").removesuffix("]"))


def port_of(address: str | None) -> int | None:
    """The port of `ip:port`; None if it is not an IP with a port."""
    if address is None or ip_of(address) is None:
        return None
    return int(address.rpartition(":")[2])


_OWN = (ipaddress.ip_network("127.0.0.0/16"), ipaddress.ip_network("::1/128"))
"""Where a proxy reaches its own pod: 127.0.0.1, and Istio's 127.0.0.6. The lab's network is elsewhere in 127/8."""


def is_own(address: str | None) -> bool:
    """Whether `ip:port` is in the proxy's own pod (loopback), or is no address that a packet can go to (0.0.0.0)."""
    bare = ip_of(address)
    if bare is None:
        return False
    known = ipaddress.ip_address(bare)
    return known.is_unspecified or any(known in network for network in _OWN)


def host_matches(pattern: str | None, host: str) -> bool:
    """Whether a host of the configuration covers this one: equal, or `*.suffix`; letter case and a last dot aside."""
    if not pattern:
        return False
    pattern, host = pattern.rstrip(".").lower(), host.rstrip(".").lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern == host
