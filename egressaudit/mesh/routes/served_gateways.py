"""Gateways as istiod reads them, whichever API they were written in: what they are for, and their servers.

In: Gateways of Istio's API. Out: `ServedGateway`s; those of the Gateway API come from `listeners`.
Example: a server `{port: {number: 443, protocol: TLS}, hosts: [./docs.example.com], tls: {mode: PASSTHROUGH}}` of the
Gateway egress/out is a `GatewayServer` with the host `egress/docs.example.com`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import Age, created
from egressaudit.mesh.untyped import number, rows, table, text, texts, words
from egressaudit.model import RuleRef

PASSTHROUGH, AUTO_PASSTHROUGH, ISTIO_MUTUAL = "PASSTHROUGH", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL"
_MODES = (PASSTHROUGH, "SIMPLE", "MUTUAL", AUTO_PASSTHROUGH, ISTIO_MUTUAL, "OPTIONAL_MUTUAL")
"""By their numbers too (istio/api networking/v1alpha3 ServerTLSSettings.TLSmode)."""
_HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "http_proxy"})


@dataclass(frozen=True, slots=True)
class GatewayServer:
    """A server of a Gateway."""

    ref: RuleRef
    port: int
    protocol: str
    """As it was written; istiod compares it so where two servers have one port."""
    port_name: str
    hosts: tuple[str, ...]
    """`host` for all, or `namespace/host` for objects of that namespace."""
    mode: str | None = None
    """How it takes TLS; None if the server has no `tls`."""
    https_redirect: bool = False
    bind: str = ""

    @property
    def is_http(self) -> bool:
        """Whether it speaks HTTP without TLS (istio/istio pkg/config/protocol IsHTTP)."""
        return speaks_http(self.protocol)

    @property
    def passes_through(self) -> bool:
        """Whether it leaves TLS closed (istio/istio pkg/config/gateway IsPassThroughServer)."""
        return self.mode in (PASSTHROUGH, AUTO_PASSTHROUGH)

    @property
    def opens_https(self) -> bool:
        """Whether it opens TLS and reads HTTP in it (IsHTTPSServerWithTLSTermination)."""
        return self.mode is not None and self.protocol.lower() == "https" and not self.passes_through

    @property
    def routes_http(self) -> bool:
        """Whether `http` rules are for it (IsHTTPServer)."""
        return self.is_http or (self.protocol.lower() == "https" and not self.passes_through)

    @property
    def sni(self) -> tuple[str, ...]:
        """The hosts that a client's SNI is compared with, sorted (model/gateway.go GetSNIHostsForServer)."""
        return tuple(sorted({each.rpartition("/")[2] for each in self.hosts})) if self.mode is not None else ()


@dataclass(frozen=True, slots=True)
class ServedGateway:
    """A Gateway: whose proxies it is for, and what they serve."""

    origin: Obj
    name: str
    """`namespace/name` as istiod calls it; VirtualServices bind to it by that."""
    servers: tuple[GatewayServer, ...]
    selector: Mapping[str, str] | None = None
    """The labels of the proxies; None where it is for every gateway proxy."""
    services: tuple[str, ...] | None = None
    """The hosts of the Services whose proxies it is for, in the Gateway's own namespace; None if labels say so."""
    managed: bool = False
    """Whether istiod itself deploys its proxies."""


def speaks_http(protocol: str) -> bool:
    """Whether a protocol of a server is HTTP without TLS."""
    return protocol.lower() in _HTTP


def istio_gateways(objects: Objects) -> tuple[ServedGateway, ...]:
    """The Gateways of Istio's API."""
    return tuple(_gateway(each) for each in objects.all(ISTIO, "Gateway"))


def age(gateway: ServedGateway) -> Age:
    """The key by which istiod sorts Gateways before it merges them (configCompareByCreationTime)."""
    namespace, _, name = gateway.name.partition("/")
    return None, created(gateway.origin), name, namespace


def _gateway(obj: Obj) -> ServedGateway:
    said = obj.spec.get("selector")
    servers = enumerate(rows(obj.spec.get("servers")))
    return ServedGateway(
        origin=obj,
        name=f"{obj.namespace}/{obj.name}",
        servers=tuple(found for n, each in servers if (found := _server(obj, n, each)) is not None),
        selector=texts(said) if isinstance(said, Mapping) and said else None,
    )


def _server(obj: Obj, index: int, said: Mapping[str, Any]) -> GatewayServer | None:
    port, tls = table(said.get("port")), said.get("tls")
    if (at := number(port.get("number"))) is None:
        return None
    return GatewayServer(
        ref=RuleRef(str(obj), f"spec.servers[{index}]"),
        port=at,
        protocol=text(port.get("protocol")),
        port_name=text(port.get("name")),
        hosts=sanitized(words(said.get("hosts")), obj.namespace),
        mode=_mode(tls) if isinstance(tls, Mapping) else None,
        https_redirect=table(tls).get("httpsRedirect") is True,
        bind=text(said.get("bind")),
    )


def _mode(tls: Mapping[str, Any]) -> str:
    said = tls.get("mode")
    if (at := number(said)) is not None and 0 <= at < len(_MODES):
        return _MODES[at]
    return text(said) or PASSTHROUGH


def sanitized(hosts: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """`./host` with its namespace, `*/host` without one (istio/istio model/gateway.go sanitizeServerHostNamespace)."""
    found = []
    for each in hosts:
        before, slash, host = each.partition("/")
        if before == "*" and slash:
            if host == "*":
                return ("*",)
            found.append(host)
        else:
            found.append(f"{namespace}/{host}" if before == "." and slash else each)
    return tuple(found)
