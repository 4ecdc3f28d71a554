"""Meshes in which two objects lead one host, as a real mesh had them (Kubernetes 1.34, Istio about 1.30).

egress/beside is a gateway of the Gateway API beside those of `support.mesh`; an HTTPRoute leads docs.redhat.com to it.
"""

from __future__ import annotations

from support.mesh import BARE, GATEWAY_API, HOST, MESH, Manifest, but, deployed, entry, obj, route, service

_NAME = {"gateway.networking.k8s.io/gateway-name": "beside"}
_LABELS = {
    **_NAME,
    "gateway.networking.k8s.io/gateway-class-name": "istio",
    "gateway.istio.io/managed": "istio.io-gateway-controller",
}
_LISTENER = {"name": "http", "port": 80, "protocol": "HTTP", "hostname": HOST}
_ENTRY = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs"}
_OUTSIDE = {"group": "networking.istio.io", "kind": "Hostname", "name": HOST, "port": 80}
_BESIDE: tuple[Manifest, ...] = (
    obj("Gateway", "egress/beside", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": [_LISTENER]}),
    *deployed("egress/beside-istio", "10.0.0.20", labels=_LABELS, owner="Gateway/beside"),
    service("egress/beside-istio", "10.96.0.40", _NAME, ports=[{"name": "http", "port": 80, "targetPort": 80}]),
    obj("HTTPRoute", "egress/docs", GATEWAY_API, spec={
        "parentRefs": [_ENTRY], "rules": [{"backendRefs": [{"name": "beside-istio", "port": 80}]}],
    }),
    obj("HTTPRoute", "egress/onward", GATEWAY_API, spec={
        "parentRefs": [{"name": "beside"}], "hostnames": [HOST], "rules": [{"backendRefs": [_OUTSIDE]}],
    }),
)  # fmt: skip
RIVALS = (*but(MESH, "VirtualService egress/docs"), route(out=443), *_BESIDE)
"""A VirtualService has the host too, which Istio follows; it leads on to port 443, which no ServiceEntry has."""
TWO_ENTRIES = (*BARE, entry("egress/docs"), entry("amb/docs"), *_BESIDE)
"""A second ServiceEntry has the host, without a route: a sidecar of a third namespace takes that one."""
