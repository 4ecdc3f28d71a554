"""Services of pods that are gone, their slices, and what is proven of an address behind them."""

from __future__ import annotations

from typing import Any

from egressaudit.mesh import RESOURCES

SHOP = "shop.shop.svc.cluster.local"


READ = tuple(each.name for each in RESOURCES if each.only is None)


Object = dict[str, Any]


def obj(api: str, kind: str, namespace: str, name: str, **fields: Any) -> Object:
    metadata = {"namespace": namespace, "name": name, **fields.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def endpoint(address: str, pod: str | None = "shop-1", namespace: str = "shop") -> Object:
    target = {"targetRef": {"kind": "Pod", "namespace": namespace, "name": pod}} if pod else {}
    return {"addresses": [address], "conditions": {"ready": True}, **target}


def endpoint_slice(
    *endpoints: Object,
    service: str = "shop",
    name: str = "shop-x2x4z",
    manager: str = "endpointslice-controller.k8s.io",
    owner: str = "Service",
) -> Object:
    metadata = {
        "labels": {"kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": manager},
        "ownerReferences": [{"apiVersion": "v1", "kind": owner, "name": service, "controller": True}],
    }
    fields = {"addressType": "IPv4", "endpoints": list(endpoints), "ports": [{"name": "http", "port": 8080}]}
    return obj("discovery.k8s.io/v1", "EndpointSlice", "shop", name, metadata=metadata, **fields)


def service(name: str = "shop", namespace: str = "shop", **spec: Any) -> Object:
    given = {"clusterIP": "10.96.0.2", "type": "ClusterIP", "selector": {"app": "shop"}, "ports": [{"port": 80}]}
    return obj("v1", "Service", namespace, name, spec={**given, **spec})


def pod(name: str, address: str, namespace: str = "shop", host: str = "172.18.0.3", **fields: Any) -> Object:
    metadata = {"labels": fields.pop("labels", {"app": "shop"}), "annotations": fields.pop("annotations", {})}
    containers = [{"name": each} for each in fields.pop("containers", ("shop",))]
    spec = {"nodeName": "n1", "containers": containers, **fields}
    status = {"phase": "Running", "podIPs": [{"ip": address}], "hostIP": host, "hostIPs": [{"ip": host}]}
    return obj("v1", "Pod", namespace, name, metadata=metadata, spec=spec, status=status)


BY_HAND = endpoint_slice(endpoint("10.0.0.50", None), name="mine", manager="me")
