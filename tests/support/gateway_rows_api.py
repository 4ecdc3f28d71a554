"""Rows of the Gateway API: listeners, parents, rules, backends; see `gateway_rows`."""

from __future__ import annotations

from typing import Any

from egressaudit.model import Call
from support.gateway_rows import (
    HTTP_SERVER,
    HTTPS,
    NEWS,
    OTHER,
    TCP,
    Rows,
    api,
    gateway,
    grant,
    listener,
    mutual,
    outside,
    passed,
    path,
    plain,
    route,
    rules,
    to,
)
from support.mesh import HOST, Manifest, service

WEB = listener(80, "HTTP")
OUT = {"backendRefs": [outside()]}
OUT_443 = {"backendRefs": [outside(port=443)]}
CART = service("shop/cart", "10.96.0.3", {"app": "cart"})
TO_CART = {"backendRefs": [{"name": "cart", "namespace": "shop", "port": 80}]}
OPENED = {"mode": "Terminate", "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}}
SAME = {"namespaces": {"from": "Same"}}
BY_LABEL = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}}
SECTION = {"name": "api", "namespace": "egress", "sectionName": "other"}


def docs(*made: Manifest, where: str = "shop/docs", **more: Any) -> Manifest:
    """The HTTPRoute of docs.redhat.com."""
    return route("HTTPRoute", where, *(made or (OUT,)), **{"hostnames": [HOST], **more})


# ---------------------------------------------------------------- which listener takes which route

LISTENERS: Rows = {
    "an HTTPRoute": ([api(WEB), docs()], plain(), ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com")),
    "a route of another namespace that the listener does not take": (
        [api(listener(80, "HTTP", allowedRoutes=SAME)), docs()],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a route of the listener's own namespace": (
        [api(listener(80, "HTTP", allowedRoutes=SAME)), docs(where="egress/docs")],
        plain(),
        ("0.0.0.0_8080", "send egress.docs.0 outbound|80||docs.redhat.com"),
    ),
    "a route of a namespace that a selector takes": (
        [api(listener(80, "HTTP", allowedRoutes=BY_LABEL)), docs()],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com"),
    ),
    "a kind of route that the listener does not take": (
        [api(listener(80, "HTTP", allowedRoutes={**WEB["allowedRoutes"], "kinds": [{"kind": "GRPCRoute"}]})), docs()],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a section that is not there": (
        [api(WEB), docs(parentRefs=[SECTION])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a listener of another host": (
        [api(listener(80, "HTTP", OTHER)), docs()],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a route of all hosts at a listener of one": (
        [api(listener(80, "HTTP", HOST)), route("HTTPRoute", "shop/all", OUT)],
        plain(),
        ("0.0.0.0_8080", "send shop.all.0 outbound|80||docs.redhat.com"),
    ),
    "the listener that names the host more closely": (
        [
            api(listener(80, "HTTP", name="all"), listener(80, "HTTP", HOST, name="docs")),
            docs(parentRefs=[{"name": "api", "namespace": "egress", "sectionName": "all"}]),
        ],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "the second of two listeners of one host and port is none": (
        [
            api(listener(80, "HTTP", HOST, name="one"), listener(80, "HTTP", HOST, name="two")),
            docs(parentRefs=[{"name": "api", "namespace": "egress", "sectionName": "two"}]),
        ],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a class of others": ([{**api(WEB, gatewayClassName="kong")}, docs()], plain(), ("", "refuse - no-listener")),
    "the port of the proxy is no port of the listener": (
        [api(listener(8080, "HTTP")), docs()],
        plain(),
        ("", "refuse - no-listener"),
    ),
    "a TLSRoute where TLS is passed on": (
        [
            api(listener(443, "TLS", tls={"mode": "Passthrough"})),
            route("TLSRoute", "shop/tls", OUT_443, hostnames=[HOST]),
        ],
        passed(),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "a TLSRoute where mTLS is opened": (
        [api(listener(443, "TLS", tls=OPENED)), route("TLSRoute", "shop/tls", OUT_443, hostnames=[HOST])],
        mutual(scheme=HTTPS),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "a TLSRoute of another host": (
        [
            api(listener(443, "TLS", tls={"mode": "Passthrough"})),
            route("TLSRoute", "shop/tls", OUT_443, hostnames=[OTHER]),
        ],
        passed(),
        ("0.0.0.0_8443", "refuse - no-filter-chain"),
    ),
    "a TCPRoute": (
        [api(listener(80, "TCP")), route("TCPRoute", "shop/tcp", OUT_443)],
        Call(HOST, 8080, TCP),
        ("0.0.0.0_8080", "send - outbound|443||docs.redhat.com"),
    ),
    "HTTP in mTLS": (
        [api(listener(443, "HTTPS", tls=OPENED)), docs(OUT_443)],
        mutual(),
        ("0.0.0.0_8443", "send shop.docs.0 outbound|443||docs.redhat.com"),
    ),
    "a VirtualService beside a route": (
        [api(WEB), docs(), gateway(HTTP_SERVER, created="1"), rules(http=[{"name": "vs", "route": [to()]}])],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com"),
    ),
}

# ---------------------------------------------------------------- rules, in the order of the Gateway API

ORDER: Rows = {
    "an exact path before a prefix": (
        [
            api(WEB),
            docs(
                {"matches": [path("PathPrefix", "/a")], **OUT_443},
                {"matches": [path("Exact", "/a")], **OUT},
            ),
        ],
        plain(path="/a"),
        ("0.0.0.0_8080", "send shop.docs.1 outbound|80||docs.redhat.com"),
    ),
    "a long prefix before a short one, of an older route too": (
        [
            api(WEB),
            docs({"matches": [path("PathPrefix", "/")], **OUT_443}, created="1"),
            docs({"matches": [path("PathPrefix", "/a/b")], **OUT}, where="egress/new", created="2"),
        ],
        plain(path="/a/b"),
        ("0.0.0.0_8080", "send egress.new.0 outbound|80||docs.redhat.com"),
    ),
    "of two equal ones the older route": (
        [api(WEB), docs(created="2"), docs(OUT_443, where="egress/old", created="1")],
        plain(),
        ("0.0.0.0_8080", "send egress.old.0 outbound|443||docs.redhat.com"),
    ),
    "a prefix is of whole segments": (
        [api(WEB), docs({"matches": [path("PathPrefix", "/a")], **OUT})],
        plain(path="/ab"),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a method before none": (
        [
            api(WEB),
            docs(
                {"matches": [path("PathPrefix", "/")], **OUT_443},
                {"matches": [path("PathPrefix", "/", method="GET")], **OUT},
            ),
        ],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.1 outbound|80||docs.redhat.com"),
    ),
    "a header that is not known decides": (
        [api(WEB), docs({"matches": [path("PathPrefix", "/", headers=[{"name": "x-a", "value": "1"}])], **OUT})],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com [header x-a]", "refuse - no-route"),
    ),
    "a GRPCRoute is by the method's path": (
        [
            api(WEB),
            route("GRPCRoute", "shop/grpc", {"matches": [{"method": {"service": "s.S", "method": "M"}}], **OUT}),
        ],
        plain(path="/s.S/M"),
        ("0.0.0.0_8080", "send shop.grpc.0 outbound|80||docs.redhat.com"),
    ),
    "a rule with a name": (
        [api(WEB), docs({"name": "named", **OUT})],
        plain(),
        ("0.0.0.0_8080", "send named outbound|80||docs.redhat.com"),
    ),
}

# ---------------------------------------------------------------- backends and filters

BACKENDS: Rows = {
    "by weight": (
        [NEWS, api(WEB), docs({"backendRefs": [outside(weight=3), outside(OTHER, weight=1), outside(weight=0)]})],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com=75 outbound|80||edition.news.example=25"),
    ),
    "no backend": ([api(WEB), docs({})], plain(), ("0.0.0.0_8080", "answer shop.docs.0 direct-response")),
    "a Service that is not there": (
        [api(WEB), docs({"backendRefs": [{"name": "gone", "port": 80}]})],
        plain(),
        ("0.0.0.0_8080", "refuse shop.docs.0 no-cluster"),
    ),
    "a Service of another namespace without a grant": (
        [CART, api(WEB), docs(TO_CART, where="egress/docs")],
        plain(),
        ("0.0.0.0_8080", "refuse egress.docs.0 no-cluster"),
    ),
    "a Service of another namespace with a grant": (
        [CART, grant("shop", "HTTPRoute", "egress"), api(WEB), docs(TO_CART, where="egress/docs")],
        plain(),
        ("0.0.0.0_8080", "send egress.docs.0 outbound|80||cart.shop.svc.cluster.local"),
    ),
    "a grant for another kind of route": (
        [CART, grant("shop", "TLSRoute", "egress"), api(WEB), docs(TO_CART, where="egress/docs")],
        plain(),
        ("0.0.0.0_8080", "refuse egress.docs.0 no-cluster"),
    ),
    "a kind of backend that istiod does not know": (
        [api(WEB), docs({"backendRefs": [{"group": "x.example", "kind": "Bucket", "name": "b", "port": 80}]})],
        plain(),
        ("0.0.0.0_8080", "refuse shop.docs.0 no-cluster"),
    ),
    "a backend without a port takes the whole route away": (
        [
            api(WEB),
            docs(
                {"matches": [path("PathPrefix", "/")], **OUT},
                {"matches": [path("PathPrefix", "/a")], "backendRefs": [{"name": "cart"}]},
            ),
        ],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a filter that istiod does not know takes the whole route away": (
        [
            api(WEB),
            docs(
                {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "y", "name": "z"}}], **OUT}
            ),
        ],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a redirect": (
        [api(WEB), docs({"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": OTHER}}]})],
        plain(),
        ("0.0.0.0_8080", "answer shop.docs.0 redirect"),
    ),
    "another host in the request": (
        [api(WEB), docs({"filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "new.example"}}], **OUT})],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com as new.example"),
    ),
    "a mirror that is not there is left out": (
        [
            api(WEB),
            docs(
                {
                    "filters": [
                        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "gone", "port": 80}}}
                    ],
                    **OUT,
                }
            ),
        ],
        plain(),
        ("0.0.0.0_8080", "send shop.docs.0 outbound|80||docs.redhat.com"),
    ),
}
