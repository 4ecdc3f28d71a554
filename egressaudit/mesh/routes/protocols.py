"""The protocols of ports, as istiod tells them: by appProtocol, by the name of a port, by what a ServiceEntry says.

In: a port of a Service, of a ServiceEntry or of a Sidecar. Out: its protocol. Example: the port
`{name: https-docs, port: 443}` of a Service is HTTPS, `{name: web, port: 8080}` is AUTO.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.untyped import number, text

HTTP, HTTP2, HTTPS, TLS, TCP, UDP = "HTTP", "HTTP2", "HTTPS", "TLS", "TCP", "UDP"
HTTP_PROXY, GRPC, GRPC_WEB, MONGO, REDIS, MYSQL = "HTTP_PROXY", "GRPC", "GRPC-Web", "Mongo", "Redis", "MySQL"
AUTO = "auto"
"""Not told: the proxy looks at the first bytes of each connection."""

_NAMED = {
    each.lower(): each for each in (HTTP, HTTPS, TLS, TCP, UDP, HTTP_PROXY, HTTP2, GRPC, GRPC_WEB, MONGO, REDIS, MYSQL)
}
_STANDARD = {"kubernetes.io/h2c": HTTP2, "kubernetes.io/ws": HTTP, "kubernetes.io/wss": HTTPS}
_NEVER_SNIFFED = frozenset({25, 53, 3306, 27017})
_HTTP = frozenset({HTTP, HTTP2, HTTP_PROXY, GRPC, GRPC_WEB})
_TCP = frozenset({TCP, HTTPS, TLS, MONGO, REDIS, MYSQL})


def parsed(protocol: str) -> str:
    """A protocol by its name, in any case; AUTO if istiod knows none of that name (istio/istio pkg/config/protocol)."""
    return _NAMED.get(protocol.lower(), AUTO)


def of_service_port(row: Mapping[str, Any]) -> str:
    """The protocol of a port of a Service (istio/istio pkg/config/kube/conversion.go ConvertProtocol)."""
    if row.get("protocol") == UDP:
        return UDP
    said = row.get("appProtocol")
    if isinstance(said, str):
        name = said
        if said in _STANDARD:
            return _STANDARD[said]
    else:
        name = text(row.get("name"))
    if name.lower().startswith("grpc-web"):
        return GRPC_WEB
    found = parsed(name.partition("-")[0])
    return TCP if found == AUTO and number(row.get("port")) in _NEVER_SNIFFED else found


def is_http(protocol: str) -> bool:
    """Whether a port speaks HTTP that a proxy reads."""
    return protocol in _HTTP


def is_tcp(protocol: str) -> bool:
    """Whether a proxy takes a port for bytes, also where they are TLS."""
    return protocol in _TCP


def is_tls(protocol: str) -> bool:
    """Whether a proxy routes a port by SNI."""
    return protocol in (HTTPS, TLS)


def may_be_http(protocol: str) -> bool:
    """Whether a port has virtual hosts."""
    return protocol in _HTTP or protocol == AUTO
