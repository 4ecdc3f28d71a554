"""The meshes of the closed loop: a source and a gateway or waypoint, and what istiod is asked about them.

In: a mode, and the objects that somebody applied. Out: the case for the oracle (`tools/istiod_oracle`), and the same
objects with the addresses that the pods really have, for a snapshot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from support.istiod_envoys import Proxy
from support.mesh import (
    CONFIG,
    GATEWAY_API,
    WAYPOINT,
    ZTUNNEL,
    Manifest,
    but,
    deployed,
    obj,
    service,
    sidecar,
)

PORTS = ({"name": "http2", "port": 80}, {"name": "https", "port": 443}, {"name": "tcp-db", "port": 5432})
_OF_GATEWAY = "gateway.networking.k8s.io/gateway-name"
_CLASS = "gateway.networking.k8s.io/gateway-class-name"
_MADE = "gateway.istio.io/managed"


@dataclass(frozen=True)
class Loop:
    """One mode of the mesh, without anything that speaks of an external host."""

    mode: str
    base: tuple[Manifest, ...]
    source: Proxy
    gateway: Proxy
    kind: str
    """What the oracle calls the gateway: `router` or `waypoint`."""
    labels: Mapping[str, str]
    """Of the gateway's pods."""

    @property
    def ambient(self) -> bool:
        return self.mode == "ambient"


def _namespaces(*names: str, **labels: Mapping[str, str]) -> list[Manifest]:
    own = "kubernetes.io/metadata.name"
    return [obj("Namespace", each, "v1", labels={own: each, **labels.get(each, {})}) for each in names]


def _slice(service: Manifest, pods: Iterable[Manifest]) -> Manifest:
    """What Kubernetes' own controller writes for a Service with a selector."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    labels = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": name,
    }
    endpoints = [
        {
            "addresses": [pod["status"]["podIPs"][0]["ip"]],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"]},
        }
        for pod in pods
        if pod["metadata"]["namespace"] == namespace
        and service["spec"]["selector"].items() <= pod["metadata"].get("labels", {}).items()
    ]
    ports = [{"name": each["name"], "port": each["targetPort"], "protocol": "TCP"} for each in service["spec"]["ports"]]
    return obj(
        "EndpointSlice", f"{namespace}/{name}-q8z4d", "discovery.k8s.io/v1", labels=labels, owner=f"Service/{name}",
        addressType="IPv4", endpoints=endpoints, ports=ports,
    )  # fmt: skip


def istio_apis() -> Loop:
    """Service egress/gw in front of an injected gateway, as Istio's chart makes it."""
    labels = {"istio": "gw"}
    ports = [{**each, "targetPort": each["port"] + 8000} for each in PORTS]
    workload = deployed("egress/gw", "10.0.0.9", labels=labels, annotations={"inject.istio.io/templates": "gateway"})
    return Loop(
        "istio-apis",
        (
            *_namespaces("curl", "egress", "shop", "istio-system", curl={"istio-injection": "enabled"}),
            CONFIG,
            sidecar("curl/curl-1", "10.0.0.1", labels={"app": "curl"}),
            *but(tuple(workload), "EndpointSlice egress/gw-x7k2p"),
            service("egress/gw", "10.96.0.1", labels, ports=ports),
        ),
        Proxy("curl-1", "10.0.0.1", "curl/default"),
        Proxy("gw-1", "10.0.0.9", "egress/default"),
        "router",
        labels,
    )


def gateway_api() -> Loop:
    """What istiod makes of the Gateway egress/gw: Deployment and Service gw-istio."""
    labels = {_OF_GATEWAY: "gw", _CLASS: "istio", _MADE: "istio.io-gateway-controller"}
    ports = [{**each, "targetPort": each["port"]} for each in PORTS]
    workload = deployed("egress/gw-istio", "10.0.0.9", labels=labels, owner="Gateway/gw")
    return Loop(
        "gateway-api",
        (
            *_namespaces("curl", "egress", "shop", "istio-system", curl={"istio-injection": "enabled"}),
            CONFIG,
            obj("GatewayClass", "istio", GATEWAY_API, spec={"controllerName": "istio.io/gateway-controller"}),
            sidecar("curl/curl-1", "10.0.0.1", labels={"app": "curl"}),
            *but(tuple(workload), "EndpointSlice egress/gw-istio-x7k2p"),
            {**service("egress/gw-istio", "10.96.0.1", {_OF_GATEWAY: "gw"}, ports=ports)}
            | {"metadata": {"name": "gw-istio", "namespace": "egress", "labels": labels}},
        ),
        Proxy("curl-1", "10.0.0.1", "curl/default"),
        Proxy("gw-istio-1", "10.0.0.9", "egress/default"),
        "router",
        labels,
    )


def ambient() -> Loop:
    """Pod amb/app-1, its ztunnel, and what istiod makes of the waypoint egress/waypoint."""
    labels = {_OF_GATEWAY: "waypoint", _CLASS: "istio-waypoint", _MADE: "istio.io-mesh-controller"}
    enrolled = {"istio.io/dataplane-mode": "ambient"}
    mesh_port = [{"name": "mesh", "port": 15008, "targetPort": 15008}]
    found = but(WAYPOINT, "Gateway egress/waypoint", "EndpointSlice egress/waypoint-x7k2p", "Service egress/waypoint")
    return Loop(
        "ambient",
        (
            *_namespaces("amb", "egress", "shop", "ztunnel", "istio-system", amb=enrolled),
            CONFIG,
            obj("GatewayClass", "istio-waypoint", GATEWAY_API, spec={"controllerName": "istio.io/mesh-controller"}),
            *ZTUNNEL,
            *found,
            service("egress/waypoint", "10.96.0.30", {_OF_GATEWAY: "waypoint"}, ports=mesh_port)
            | {"metadata": {"name": "waypoint", "namespace": "egress", "labels": labels}},
        ),
        Proxy("app-1", "10.0.0.3", "amb/default"),
        Proxy("waypoint-1", "10.0.0.8", "egress/default"),
        "waypoint",
        labels,
    )


LOOPS = {"istio-apis": istio_apis, "gateway-api": gateway_api, "ambient": ambient}


def with_status(loop: Loop, objects: Iterable[Manifest]) -> list[Manifest]:
    """The objects as istiod sees them in a cluster: with versions, accounts, addresses of waypoints and of hosts."""
    found = []
    hosts = 0
    for each in objects:
        made = dict(each)
        if made["apiVersion"] == "gateway.networking.k8s.io/v1alpha2":
            # Istiod asks for v1, and the API server converts.
            made["apiVersion"] = GATEWAY_API
        if made["kind"] == "Pod":
            account = "ztunnel" if made["metadata"]["namespace"] == "ztunnel" else "default"
            made["spec"] = {"serviceAccountName": account, **made["spec"]}
        if made["kind"] == "Gateway" and made["spec"].get("gatewayClassName") == "istio-waypoint":
            where = made["metadata"]
            address = {"type": "Hostname", "value": f"{where['name']}.{where['namespace']}.svc.cluster.local"}
            made["status"] = {"addresses": [address], "conditions": [{"type": "Programmed", "status": "True"}]}
        if loop.ambient and made["kind"] == "ServiceEntry":
            hosts += 1
            vips = [{"host": host, "value": f"240.240.0.{hosts}"} for host in made["spec"]["hosts"]]
            made["status"] = {**made.get("status", {}), "addresses": vips}
        found.append(made)
    pods = [each for each in found if each["kind"] == "Pod"]
    services = [each for each in found if each["kind"] == "Service" and each["spec"].get("selector")]
    return [*found, *(_slice(each, pods) for each in services)]


def case(loop: Loop, objects: Iterable[Manifest], mesh_config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the oracle is asked: what do the source's proxy and the gateway get, and what is a ztunnel told?"""
    objects = with_status(loop, objects)
    proxies = [_proxy(loop, loop.gateway, loop.kind, loop.labels, "egress")]
    if not loop.ambient:
        proxies.insert(0, _proxy(loop, loop.source, "sidecar", {"app": "curl"}, "curl"))
    config = {"accessLogFile": "/dev/stdout", **(mesh_config or {})}
    asked = {"objects": objects, "mesh": config, "ambient": loop.ambient, "services": loop.ambient, "proxies": proxies}
    return {"id": digest(asked), **asked}


def _proxy(loop: Loop, proxy: Proxy, kind: str, labels: Mapping[str, str], namespace: str) -> dict[str, Any]:
    metadata = {"metadata": {"WORKLOAD_NAME": "waypoint"}} if loop.ambient else {}
    return {
        "kind": kind, "namespace": namespace, "name": proxy.name, "ip": proxy.ip, "labels": dict(labels),
        "calls": [], "dump": True, **metadata,
    }  # fmt: skip


def digest(asked: Mapping[str, Any]) -> str:
    """What names a case: another case has another name."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def relocated(value: Any, places: Mapping[str, str]) -> Any:
    """The same with every address of the mesh replaced by the one that it really has."""
    if isinstance(value, dict):
        return {key: relocated(each, places) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [relocated(each, places) for each in value]
    return places.get(value, value) if isinstance(value, str) else value
