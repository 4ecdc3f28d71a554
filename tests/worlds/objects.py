"""Kubernetes and Istio objects as a cluster has them, without what no audit reads."""

from __future__ import annotations

from worlds.lines import stamp
from worlds.model import PROXY, START, Object, Pod

READ = (
    "ConfigMap", "Namespace", "Node", "Pod", "Service", "apps/DaemonSet", "apps/Deployment", "apps/ReplicaSet",
    "apps/StatefulSet", "batch/Job", "discovery.k8s.io/EndpointSlice", "gateway.networking.k8s.io/GRPCRoute",
    "gateway.networking.k8s.io/Gateway", "gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/TCPRoute",
    "gateway.networking.k8s.io/TLSRoute", "networking.istio.io/DestinationRule", "networking.istio.io/EnvoyFilter",
    "networking.istio.io/Gateway", "networking.istio.io/ProxyConfig", "networking.istio.io/ServiceEntry",
    "networking.istio.io/Sidecar", "networking.istio.io/VirtualService", "networking.istio.io/WorkloadEntry",
    "networking.istio.io/WorkloadGroup", "networking.k8s.io/ServiceCIDR", "security.istio.io/AuthorizationPolicy",
    "telemetry.istio.io/Telemetry",
)  # fmt: skip
"""Kinds that were read whole: all that a tool may ask for, those that this mesh does not have included."""

IMAGE = "docker.io/istio/proxyv2:1.27.3"
ZTUNNEL_IMAGE = "docker.io/istio/ztunnel:1.27.3"
HASH = "5d8f9c7b64"
ISTIO = "networking.istio.io/v1"
GATEWAY_API = "gateway.networking.k8s.io/v1"


def made(api: str, kind: str, namespace: str, name: str, **more: object) -> Object:
    """An object; `labels`, `annotations` and `owners` are its metadata's, all else stands beside it."""
    metadata: Object = {"name": name, **({"namespace": namespace} if namespace else {})}
    for key, said in (("labels", "labels"), ("annotations", "annotations"), ("owners", "ownerReferences")):
        if key in more:
            metadata[said] = more.pop(key)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def namespace(name: str, **labels: str) -> Object:
    """A namespace; `__` in a label's key is `/`, `_` is `-`."""
    told = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return made("v1", "Namespace", "", name, labels={"kubernetes.io/metadata.name": name, **told})


def node(number: int, dual: bool) -> Object:
    """A node with the range of its pods."""
    ranges = [f"10.244.{number}.0/24", *([f"fd00:10:244:{number}::/64"] if dual else [])]
    address = {"type": "InternalIP", "address": f"192.168.1.{10 + number}"}
    return made(
        "v1", "Node", "", f"node-{number}",
        spec={"podCIDR": ranges[0], "podCIDRs": ranges}, status={"addresses": [address]},
    )  # fmt: skip


def service_range(dual: bool) -> Object:
    """The range of Services' addresses."""
    ranges = ["10.96.0.0/16", *(["fd00:10:96::/112"] if dual else [])]
    return made("networking.k8s.io/v1", "ServiceCIDR", "", "kubernetes", spec={"cidrs": ranges})


def pod(
    it: Pod, *, labels: dict[str, str], annotations: dict[str, str], containers: list[Object], **spec: object
) -> Object:
    """A running pod, by what a kubelet says of it."""
    kind, name = it.owner.split("/")
    if kind == "Deployment":
        owners = [{"kind": "ReplicaSet", "name": f"{name}-{HASH}", "controller": True}]
        labels = {**labels, "pod-template-hash": HASH}
    elif kind == "Pod":
        owners = []
    else:
        owners = [{"kind": kind, "name": name, "controller": True}]
    started = stamp(START - 86_400_000)[:19] + "Z"
    statuses = [
        {
            "name": each["name"],
            "restartCount": 0,
            "lastState": {},
            "state": {"running": {"startedAt": started}},
            **({"image": each["image"]} if "image" in each else {}),
        }
        for each in containers
    ]
    status: Object = {
        "phase": "Running",
        "hostIP": f"192.168.1.{10 + it.node}",
        "podIP": it.ip,
        "podIPs": [{"ip": each} for each in it.ips],
        "startTime": started,
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": statuses,
    }
    told = {"nodeName": f"node-{it.node}", "serviceAccountName": it.account, "containers": containers, **spec}
    return made(
        "v1", "Pod", it.namespace, it.name,
        labels=labels, annotations=annotations, owners=owners, spec=told, status=status,
    )  # fmt: skip


def controllers(
    kind: str, ns: str, name: str, *, labels: dict[str, str], annotations: dict[str, str], containers: list[Object],
    owners: list[Object] | None = None, replicas: int = 1, account: str = "default",
) -> list[Object]:  # fmt: skip
    """A Deployment with its ReplicaSet, or a DaemonSet or StatefulSet."""
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": containers, "serviceAccountName": account},
    }
    selector = {"matchLabels": {key: value for key, value in labels.items() if key in ("app", "istio")} or labels}
    spec: Object = {"selector": selector, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    top = made("apps/v1", kind, ns, name, labels=labels, owners=owners or [], spec=spec)
    if kind != "Deployment":
        return [top]
    above = [{"kind": "Deployment", "name": name, "controller": True}]
    return [
        top,
        made("apps/v1", "ReplicaSet", ns, f"{name}-{HASH}", labels={**labels, "pod-template-hash": HASH}, owners=above),
    ]


def service(
    ns: str, name: str, vips: tuple[str, ...], ports: dict[int, int], selector: dict[str, str] | None, **more: object
) -> Object:
    """A Service: port -> target port."""
    said = [
        {"name": f"p{port}", "port": port, "targetPort": target, "protocol": "TCP"} for port, target in ports.items()
    ]
    spec: Object = {"type": "ClusterIP", "clusterIP": vips[0], "clusterIPs": list(vips), "ports": said, **more}
    if selector is not None:
        spec["selector"] = selector
    return made("v1", "Service", ns, name, spec=spec)


def slice_of(ns: str, name: str, pods: list[Pod], ports: dict[int, int], six: bool = False) -> Object:
    """The EndpointSlice that Kubernetes' own controller makes for a Service."""
    endpoints = [
        {
            "addresses": [each.address(six)],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "namespace": each.namespace, "name": each.name},
        }
        for each in pods
    ]
    labels = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": name,
    }
    return made(
        "discovery.k8s.io/v1", "EndpointSlice", ns, f"{name}-{'v6x2p' if six else 'x7k2p'}",
        labels=labels, owners=[{"kind": "Service", "name": name, "controller": True}],
        addressType="IPv6" if six else "IPv4", endpoints=endpoints,
        ports=[{"name": f"p{port}", "port": target, "protocol": "TCP"} for port, target in ports.items()],
    )  # fmt: skip


def app_containers(sidecar: bool) -> list[Object]:
    """The containers of an application's pod."""
    proxy = [{"name": PROXY, "image": IMAGE, "securityContext": {"runAsUser": 1337, "runAsGroup": 1337}}]
    return [{"name": "app"}, *(proxy if sidecar else [])]
