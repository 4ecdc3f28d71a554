"""Socket addresses as the proxies write them: `10.0.0.1:80`, `[::1]:80`."""

from __future__ import annotations

import ipaddress


def ip_of(address: str | None) -> str | None:
    """The IP of `ip:port` without its port and brackets; None where it is not an IP with a port.

    Envoy also writes `envoy://listener/endpoint` for its internal listeners, and unix paths: those are no IPs.
    """
    if not isinstance(address, str):
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return None
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def port_of(address: str | None) -> int | None:
    """The port of `ip:port`; None where it is not an IP with a port."""
    if address is None or ip_of(address) is None:
        return None
    return int(address.rpartition(":")[2])


_OWN = (ipaddress.ip_network("127.0.0.0/16"), ipaddress.ip_network("::1/128"))
"""Where a proxy reaches its own pod: 127.0.0.1, and Istio's 127.0.0.6. The lab's network is elsewhere in 127/8."""


def is_own(address: str | None) -> bool:
    """Whether `ip:port` is of the proxy's own pod (loopback), or no address that a packet can go to (0.0.0.0)."""
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
