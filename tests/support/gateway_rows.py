"""Rows of what an egress gateway does with a call: the objects, the call as it arrives, and istiod's own answer.

A row is the objects beside a small mesh, a call, and the answer: the listener, then each choice as
`act route clusters [when] reason`. egress/gw-1 is the gateway; its Service takes 80 to 8080 and 443 to 8443.
"""

from __future__ import annotations

from typing import Any

from egressaudit.model import Call, Scheme, Tls
from support.mesh import GATEWAY_API, HOST, Manifest, deployed, entry, obj, service

HTTP, HTTPS, TCP = Scheme.HTTP, Scheme.HTTPS, Scheme.TCP
OTHER, WILD = "edition.news.example", "*.wild.example"
BOTH = [{"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "tls", "protocol": "TLS"}]
DOCS, NEWS = entry("egress/docs", ports=BOTH), entry("egress/news", OTHER, ports=BOTH)
PORTS = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tls", "port": 443, "targetPort": 8443}]
BASE = [
    *deployed("egress/gw", "10.0.0.9", labels={"istio": "gw"}, annotations={"inject.istio.io/templates": "gateway"}),
    service("egress/gw", "10.96.0.9", {"istio": "gw"}, ports=PORTS),
    *(obj("Namespace", name, "v1", labels={"kubernetes.io/metadata.name": name}) for name in ("egress", "shop")),
    obj("GatewayClass", "istio", GATEWAY_API, spec={"controllerName": "istio.io/gateway-controller"}),
    DOCS,
]
MUTUAL, PASS = {"mode": "ISTIO_MUTUAL"}, {"mode": "PASSTHROUGH"}
OWN_CERTIFICATE = {"mode": "SIMPLE", "credentialName": "cert"}


def server(port: int, protocol: str, *hosts: str, tls: Manifest | None = None) -> Manifest:
    """A server of a Gateway."""
    name = f"{protocol}-{port}-{len(hosts[0]) if hosts else 0}".lower()
    made: Manifest = {"port": {"number": port, "name": name, "protocol": protocol}, "hosts": list(hosts or "*")}
    return made if tls is None else {**made, "tls": tls}


def gateway(*servers: Manifest, where: str = "egress/gw", created: str = "", selector: str = "gw") -> Manifest:
    """A Gateway of Istio's API."""
    return at(created, obj("Gateway", where, spec={"selector": {"istio": selector}, "servers": list(servers)}))


def at(created: str, manifest: Manifest) -> Manifest:
    """The same, made at a time of a day."""
    if created:
        manifest["metadata"]["creationTimestamp"] = f"2026-01-0{created}T00:00:00Z"
    return manifest


def to(host: str = HOST, port: int = 0, **more: Any) -> Manifest:
    """A destination with its weight."""
    weight = {"weight": more.pop("weight")} if "weight" in more else {}
    number = {"port": {"number": port}} if port else {}
    return {"destination": {"host": host, **number, **more}, **weight}


def rules(where: str = "shop/vs", *, hosts: tuple[str, ...] = (HOST,), created: str = "", **spec: Any) -> Manifest:
    """A VirtualService bound to the Gateway egress/gw."""
    said = {"hosts": list(hosts), "gateways": ["egress/gw"], **spec}
    return at(created, obj("VirtualService", where, spec=said))


def route(kind: str, where: str, *rules: Manifest, created: str = "", **spec: Any) -> Manifest:
    """A route of the Gateway API, by default of the Gateway egress/api."""
    parents = [{"name": "api", "namespace": "egress"}]
    return at(created, obj(kind, where, GATEWAY_API, spec={"parentRefs": parents, "rules": list(rules), **spec}))


def api(*listeners: Manifest, **spec: Any) -> Manifest:
    """The Gateway egress/api of the Gateway API, which the proxies of the Service egress/gw serve."""
    address = {"type": "Hostname", "value": "gw.egress.svc.cluster.local"}
    said = {"gatewayClassName": "istio", "addresses": [address], "listeners": list(listeners), **spec}
    return obj("Gateway", "egress/api", GATEWAY_API, spec=said)


def listener(port: int, protocol: str, hostname: str = "", *, name: str = "", **more: Any) -> Manifest:
    """A listener that takes routes of all namespaces."""
    host = {"hostname": hostname} if hostname else {}
    usual = {"allowedRoutes": {"namespaces": {"from": "All"}}}
    return {"name": name or f"p{port}", "port": port, "protocol": protocol, **host, **usual, **more}


def outside(host: str = HOST, port: int = 80, **more: Any) -> Manifest:
    """A backend that is a registered host."""
    return {"group": "networking.istio.io", "kind": "Hostname", "name": host, "port": port, **more}


def path(kind: str, value: str, **more: Any) -> Manifest:
    """A match of an HTTPRoute."""
    return {"path": {"type": kind, "value": value}, **more}


def grant(namespace: str, kind: str, source: str) -> Manifest:
    """Routes of a kind and namespace may name the Services of another."""
    spec = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": source}],
        "to": [{"group": "", "kind": "Service"}],
    }
    return obj("ReferenceGrant", f"{namespace}/grant", "gateway.networking.k8s.io/v1beta1", spec=spec)


def plain(host: str = HOST, path: str = "/", port: int = 8080) -> Call:
    """A request in plaintext."""
    return Call(host, port, HTTP, path=path, method="GET")


def mutual(host: str = HOST, scheme: Scheme = HTTP, port: int = 8443, sni: str = "") -> Call:
    """A call in mTLS of the mesh."""
    return Call(host, port, scheme, Tls.MUTUAL, sni or host, path="/", method="GET")


def passed(host: str = HOST, port: int = 8443) -> Call:
    """TLS of the client itself."""
    return Call(host, port, HTTPS, sni=host)


HTTP_SERVER, MUTUAL_HTTPS = server(80, "HTTP"), server(443, "HTTPS", tls=MUTUAL)
MUTUAL_TLS, PASSED_TLS = server(443, "TLS", tls=MUTUAL), server(443, "TLS", tls=PASS)
SNI = {"match": [{"port": 443, "sniHosts": [HOST]}], "route": [to(port=443)]}
BYTES = {"match": [{"port": 443}], "route": [to(port=443)]}
REQUESTS = {"match": [{"port": 443}], "route": [to(port=443)]}
Rows = dict[str, tuple[list[Manifest], Call, tuple[str, ...]]]
