"""Short names in full, as istiod resolves them in the rules of a namespace.

In: a host or a gateway as a rule writes it. Out: `cart.shop.svc.cluster.local`, `egress/gw`.
Example: in the namespace shop `cart` is `cart.shop.svc.cluster.local`, and `cart.shop` stays as it is.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

DOMAIN = "svc.cluster.local"


def full_host(host: str, namespace: str) -> str:
    """A host in full; only a name without dots is a Service (istio/istio model/config.go ResolveShortnameToFQDN)."""
    if not host or host == "*" or "." in host or is_ip(host):
        return host
    return f"{host}.{namespace}.{DOMAIN}"


def full_gateway(name: str, namespace: str) -> str:
    """A gateway as `namespace/name`; `mesh` stays (istio/istio model/config.go resolveGatewayName)."""
    if name == "mesh":
        return name
    first, slash, rest = name.partition("/")
    if slash:
        return f"{namespace if first == '.' else first}/{rest}"
    short, dot, domain = name.partition(".")
    return f"{domain.split('.')[0]}/{short}" if dot else f"{namespace}/{name}"


@lru_cache(maxsize=65536)
def is_ip(host: str) -> bool:
    """Whether a host is an IP."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
