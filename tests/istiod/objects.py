"""Kubernetes objects in short, and the places of the drawn meshes.

Example: `obj("Gateway", "egress/gw", {"servers": []})`. Namespaces: `app` and `other` call, `egress` has the proxies
on the way, `istio-system` is the root.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]

ISTIO, GATEWAY_API = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
API = {
    "AuthorizationPolicy": "security.istio.io/v1", "DestinationRule": ISTIO, "Gateway": ISTIO, "Namespace": "v1",
    "Pod": "v1", "Service": "v1", "ServiceEntry": ISTIO, "Sidecar": ISTIO, "VirtualService": ISTIO,
    "WorkloadEntry": ISTIO, "GatewayClass": GATEWAY_API, "GRPCRoute": GATEWAY_API, "HTTPRoute": GATEWAY_API,
    "ReferenceGrant": "gateway.networking.k8s.io/v1beta1", "TCPRoute": "gateway.networking.k8s.io/v1alpha2",
    "TLSRoute": GATEWAY_API, "EndpointSlice": "discovery.k8s.io/v1", "PeerAuthentication": "security.istio.io/v1",
}  # fmt: skip

NAMESPACES = ("app", "other", "egress", "istio-system")
HOSTS = ("docs.example.com", "api.example.com", "www.example.org", "one.test")
WILDCARDS = ("*.example.com", "*.org", "*.example.org")
GATEWAY_HOST = "egressgateway.egress.svc.cluster.local"
OUTSIDE = "203.0.113.7"
GATEWAY_NAME, MANAGED = "gateway.networking.k8s.io/gateway-name", "gateway.istio.io/managed"
SE_GROUP = "networking.istio.io"


def obj(kind: str, where: str, spec: Any = None, *, api: str = "", **more: Any) -> Manifest:
    """An object; `where` is `namespace/name`, `labels`, `annotations` and `created` are its metadata's."""
    namespace, _, name = where.rpartition("/")
    metadata: Manifest = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    for key in ("labels", "annotations"):
        if said := more.pop(key, None):
            metadata[key] = said
    return {"apiVersion": api or API[kind], "kind": kind, "metadata": metadata, "spec": spec or {}, **more}


def named(one: Manifest) -> str:
    """An object as `Kind namespace/name`."""
    metadata = one["metadata"]
    return f"{one['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def pod(where: str, ip: str, labels: dict[str, str], *containers: str, **annotations: str) -> Manifest:
    """A pod that runs."""
    images = {"istio-proxy": "istio/proxyv2:1.31.0"}
    listed = [{"name": each, "image": images.get(each, "app:1")} for each in containers]
    status = {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    notes = {key.replace("_", "."): value for key, value in annotations.items()}
    return obj("Pod", where, {"nodeName": "n1", "containers": listed}, status=status, labels=labels, annotations=notes)


def service(where: str, ip: str, selector: dict[str, str], *ports: tuple[str, int, int], **more: Any) -> Manifest:
    """A Service; its ports are name, port and target port."""
    listed = [{"name": name, "port": port, "targetPort": target, "protocol": "TCP"} for name, port, target in ports]
    return obj("Service", where, {"clusterIP": ip, "selector": selector, "ports": listed}, **more)


def managed(one: Manifest) -> bool:
    """Whether a controller made it for a Gateway, and would make it again."""
    return one["kind"] == "Service" and GATEWAY_NAME in one["metadata"].get("labels", {})
