"""The small mesh that tests share, as Kubernetes objects, and what makes more of them.

curl/curl-1 (10.0.0.1) and shop/shop-1 (10.0.0.2) have sidecars. egress/gw-1 (10.0.0.9) and egress/spare-1 (10.0.0.10)
are egress gateways. amb/app-1 (10.0.0.3) is ambient, carried by ztunnel/ztunnel-1 (10.0.0.7); egress/waypoint-1
(10.0.0.8) is its waypoint. docs.redhat.com is outside, at 203.0.113.7.

What does not build on it, and why: `support.scenarios` has the lab's own meshes. `worlds/` and `planted/` know the
truth of what they draw; if they shared code with other tests, they would share its mistakes. `support.probes` needs no
objects.
"""

from __future__ import annotations

from typing import Any

from egressaudit.mesh import RESOURCES

Manifest = dict[str, Any]

READ = frozenset(each.name for each in RESOURCES)
HOST = "docs.redhat.com"
GW_HOST = "gw.egress.svc.cluster.local"
ISTIO, GATEWAY_API, APPS = "networking.istio.io/v1", "gateway.networking.k8s.io/v1", "apps/v1"


def obj(kind: str, where: str, api: str = ISTIO, **fields: Any) -> Manifest:
    """An object; `where` is `namespace/name`, and `labels`, `annotations` and `owner` are its metadata's."""
    namespace, _, name = where.rpartition("/")
    metadata: Manifest = {"name": name, **({"namespace": namespace} if namespace else {})}
    for key in ("labels", "annotations"):
        if said := fields.pop(key, None):
            metadata[key] = said
    if owner := fields.pop("owner", ""):
        metadata["ownerReferences"] = [dict(zip(("kind", "name"), owner.split("/"), strict=True))]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def pod(where: str, address: str, *containers: str, image: str = "istio/proxyv2:1.27.1", **fields: Any) -> Manifest:
    """A pod that runs; its containers but for `istio-proxy` have no image that matters."""
    named = [{"name": each, **({"image": image} if each == "istio-proxy" else {})} for each in containers]
    status = {"phase": "Running", "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]}
    status |= fields.pop("status", {})
    return obj("Pod", where, "v1", spec={"nodeName": "n1", "containers": named}, status=status, **fields)


def plugin(where: str, *, node: str = "n1", ready: bool = True, host_network: bool = True) -> Manifest:
    """A pod of a network plugin's DaemonSet, `where` is that one's name."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    spec = {"nodeName": node, "hostNetwork": host_network, "containers": [{"name": "agent"}]}
    owner = f"DaemonSet/{where.rpartition('/')[2]}"
    return obj("Pod", f"{where}-x7k2p", "v1", owner=owner, spec=spec, status=status)


def sidecar(where: str, address: str, **fields: Any) -> Manifest:
    """A pod with an application and an injected sidecar."""
    name = where.rpartition("/")[2].rpartition("-")[0]
    usual = {"owner": f"StatefulSet/{name}", "annotations": {"sidecar.istio.io/status": "{}"}}
    return pod(where, address, name, "istio-proxy", **{**usual, **fields})


def service(where: str, address: str, selector: Manifest | None = None, **spec: Any) -> Manifest:
    usual = {"clusterIP": address, "ports": [{"name": "http", "port": 80, "targetPort": 8080}], "type": "ClusterIP"}
    return obj("Service", where, "v1", spec={**usual, **({"selector": selector} if selector else {}), **spec})


def endpoint_slice(where: str, of_pod: str, address: str) -> Manifest:
    """The slice that Kubernetes' own controller writes for a Service with one pod."""
    name = where.rpartition("/")[2]
    namespace = where.partition("/")[0]
    return obj(
        "EndpointSlice", f"{where}-x7k2p", "discovery.k8s.io/v1",
        labels={
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "kubernetes.io/service-name": name,
        },
        owner=f"Service/{name}",
        addressType="IPv4",
        endpoints=[{"addresses": [address], "targetRef": {"kind": "Pod", "namespace": namespace, "name": of_pod}}],
        ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
    )  # fmt: skip


def deployed(
    where: str, address: str, *, labels: Manifest, annotations: Manifest | None = None, **more: Any
) -> list[Manifest]:
    """A proxy's Deployment with its ReplicaSet, its one pod, `NAME-1`, its Service and the slice of that."""
    name = where.rpartition("/")[2]
    marks = {"labels": labels, "annotations": annotations or {}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": marks, "spec": {"containers": [{"name": "istio-proxy"}]}}
    return [
        obj("Deployment", where, APPS, spec=spec, **more),
        obj("ReplicaSet", f"{where}-5d8f", APPS, owner=f"Deployment/{name}"),
        pod(f"{where}-1", address, "istio-proxy", owner=f"ReplicaSet/{name}-5d8f", **marks),
        endpoint_slice(where, f"{name}-1", address),
    ]


GATEWAY_PORTS = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "https", "port": 443, "targetPort": 8443},
]
"""The numbers that Istio's chart has, without the port for health checks."""


def egress_gateway(name: str, address: str, service_address: str) -> list[Manifest]:
    """An egress gateway of the namespace `egress`, as Istio's chart deploys it."""
    injected = {"inject.istio.io/templates": "gateway"}
    return [
        *deployed(f"egress/{name}", address, labels={"istio": name}, annotations=injected),
        service(f"egress/{name}", service_address, {"istio": name}, ports=GATEWAY_PORTS),
    ]


def entry(where: str, host: str = HOST, *, port: int = 80, protocol: str = "HTTP", **more: Any) -> Manifest:
    """A ServiceEntry of one host and port."""
    labels = more.pop("labels", {})
    usual = {"hosts": [host], "location": "MESH_EXTERNAL", "resolution": "DNS"}
    ports = [{"number": port, "name": protocol.lower(), "protocol": protocol}]
    return obj("ServiceEntry", where, labels=labels, spec={**usual, "ports": ports, **more})


def route(
    where: str = "egress/docs", host: str = HOST, *, port: int = 80, out: int = 0, kind: str = "http", **more: Any
) -> Manifest:
    """A VirtualService that leads a host from the mesh to the gateway, and from there out (to port `out`)."""
    sni = {"sniHosts": [host]} if kind == "tls" else {}

    def rule(gateway: str, to: str, to_port: int) -> Manifest:
        match = [{"gateways": [gateway], "port": port, **sni}]
        return {"match": match, "route": [{"destination": {"host": to, "port": {"number": to_port}}}]}

    rules = [{**rule("mesh", GW_HOST, port), **more}, rule("egress/gw", host, out or port)]
    return obj("VirtualService", where, spec={"hosts": [host], "gateways": ["mesh", "egress/gw"], kind: rules})


def listener(*hosts: str, port: int = 80, protocol: str = "HTTP", **more: Any) -> Manifest:
    """The Istio Gateway egress/gw with one server."""
    server = {"port": {"number": port, "name": "x", "protocol": protocol}, "hosts": list(hosts or (HOST,)), **more}
    return obj("Gateway", "egress/gw", spec={"selector": {"istio": "gw"}, "servers": [server]})


CONFIG = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "accessLogFile: /dev/stdout\n"})
SHOP = [service("shop/shop", "10.96.0.2", {"app": "shop"}), endpoint_slice("shop/shop", "shop-1", "10.0.0.2")]
BARE = (
    CONFIG,
    sidecar("curl/curl-1", "10.0.0.1"),
    sidecar("shop/shop-1", "10.0.0.2", labels={"app": "shop"}),
    *SHOP,
    *egress_gateway("gw", "10.0.0.9", "10.96.0.1"),
    *egress_gateway("spare", "10.0.0.10", "10.96.0.4"),
)
"""The mesh without anything that speaks of an external host."""
MESH = (*BARE, entry("egress/docs"), listener(), route())
"""The same with docs.redhat.com led through egress/gw."""

_WAYPOINT = {
    "gateway.networking.k8s.io/gateway-name": "waypoint",
    "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
    "gateway.istio.io/managed": "istio.io-mesh-controller",
    "istio.io/dataplane-mode": "none",
}
_ZTUNNEL = {"app": "ztunnel"}
_HBONE = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
USES_WAYPOINT = {"istio.io/use-waypoint": "waypoint"}
ZTUNNEL = (
    obj(
        "DaemonSet",
        "ztunnel/ztunnel",
        APPS,
        spec={"template": {"metadata": {"labels": _ZTUNNEL}, "spec": {"containers": [{"name": "istio-proxy"}]}}},
    ),
    pod(
        "ztunnel/ztunnel-1",
        "10.0.0.7",
        "istio-proxy",
        image="istio/ztunnel:1.27.1",
        labels=_ZTUNNEL,
        owner="DaemonSet/ztunnel",
    ),
    pod(
        "amb/app-1",
        "10.0.0.3",
        "app",
        owner="StatefulSet/app",
        labels={"istio.io/dataplane-mode": "ambient"},
        annotations={"ambient.istio.io/redirection": "enabled"},
    ),
)
WAYPOINT = (
    obj("Gateway", "egress/waypoint", GATEWAY_API, spec={"gatewayClassName": "istio-waypoint", "listeners": [_HBONE]}),
    *deployed("egress/waypoint", "10.0.0.8", labels=_WAYPOINT, owner="Gateway/waypoint"),
    service("egress/waypoint", "10.96.0.30", {"gateway.networking.k8s.io/gateway-name": "waypoint"}, ports=[_HBONE]),
)
AMBIENT = (*BARE, *ZTUNNEL, *WAYPOINT, entry("egress/docs", labels=USES_WAYPOINT))
"""The ambient mesh: docs.redhat.com leaves through egress/waypoint."""


def but(objects: tuple[Manifest, ...], *gone: str) -> tuple[Manifest, ...]:
    """The objects without some, each as `Kind namespace/name`."""

    def name(each: Manifest) -> str:
        return f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}"

    missing = set(gone) - {name(each) for each in objects}
    assert not missing, f"there is no {missing}"
    return tuple(each for each in objects if name(each) not in gone)
