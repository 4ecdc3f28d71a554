"""The cluster of a generated mesh: its objects, who sends, which proxies carry it, and what no proxy sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import LogSource

NODES = 6
GATEWAY, PARTNER, WAYPOINT = (
    "istio-egress/istio-egressgateway",
    "partner-egress/partner-gateway",
    "egress-waypoint/waypoint",
)
GATEWAY_HOST = "istio-egressgateway.istio-egress.svc.cluster.local"
PARTNER_HOST = "partner-gateway.partner-egress.svc.cluster.local"
SHOP_HOST = "shop.shop.svc.cluster.local"

Object = dict[str, Any]

POLICY = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: generated}
spec:
  gateways: [{namespace: istio-egress, name: istio-egressgateway}, {namespace: partner-egress, name: partner-gateway}]
  waypoints: [{namespace: egress-waypoint, name: waypoint}]
  rules:
  - name: api
    to: {hosts: ["*.api.example.com"]}
    via: gateway
    gateways: [{namespace: istio-egress, name: istio-egressgateway}]
  - name: partner
    to: {hosts: ["*.partner.example.net"]}
    via: gateway
    gateways: [{namespace: partner-egress, name: partner-gateway}]
  - {name: ambient, to: {hosts: ["*.amb.example.org"]}, via: waypoint}
  - name: chain
    to: {hosts: ["*.chain.example.org"]}
    via: gateway
    gateways: [{namespace: istio-egress, name: istio-egressgateway}]
  - {name: straight, to: {hosts: ["*.direct.example.io"]}, via: direct}
  - {name: forbidden, to: {hosts: ["*.blocked.example.io"]}, via: blocked}
  - {name: network, to: {hosts: ["198.18.0.0/15"]}, via: gateway}
  default: deny
  trust: {outside: ["198.18.0.0/15"]}
"""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; `log` is that of its proxy, or for ambient pods the one it would have."""

    log: LogSource
    ip: str
    node: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Who sends: `name` is `Kind/name`."""

    namespace: str
    name: str
    ambient: bool
    pods: tuple[Pod, ...]


@dataclass(slots=True)
class Cluster:
    """What there is. `blind` holds (kind, subject) of each blind spot."""

    objects: list[Object] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    gateways: dict[str, tuple[Pod, ...]] = field(default_factory=dict)
    ztunnels: tuple[Pod, ...] = ()
    quiet: list[Pod] = field(default_factory=list)
    """Sidecars of blind spots: their logs are there, and say nothing about egress."""
    blind: set[tuple[str, str]] = field(default_factory=set)
    _ips: int = 0
    _workloads: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def mesh(self) -> Mesh:
        """The snapshot."""
        return Mesh.of(self.objects, (each.name for each in RESOURCES if each.only is None))

    def address(self) -> str:
        """An address that no pod has yet."""
        self._ips += 1
        return f"10.{self._ips >> 15 & 127}.{self._ips >> 8 & 127}.{self._ips & 255}"

    def add(self, namespace: str, kind: str, name: str, number: int, containers: tuple[str, ...], **more: Any) -> Pod:
        """One more pod of a workload; `labels`, `annotations` and `spec` are the pod's own.

        With its first pod come the workload's own objects. `above` is the owner of its Deployment.
        """
        replica_set = f"{name}-5d8f9c7b64"
        deployment = kind == "Deployment"
        pod = f"{replica_set}-{number:05d}" if deployment else f"{name}-{number}"
        owner = {"kind": "ReplicaSet", "name": replica_set} if deployment else {"kind": kind, "name": name}
        labels = {"app": name, **({"pod-template-hash": "5d8f9c7b64"} if deployment else {}), **more.get("labels", {})}
        self._own(namespace, kind, name, containers, labels, more)
        node, ip = (number if kind == "DaemonSet" else self._ips) % NODES, self.address()
        self.objects.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "namespace": namespace,
                    "name": pod,
                    "labels": labels,
                    "annotations": more.get("annotations", {}),
                    "ownerReferences": [owner],
                },
                "spec": {
                    "nodeName": f"node-{node}",
                    "containers": [{"name": each} for each in containers],
                    **more.get("spec", {}),
                },
                "status": {
                    "phase": "Running",
                    "podIPs": [{"ip": ip}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
        )
        return Pod(LogSource(namespace, pod, "istio-proxy"), ip, node)

    def _own(
        self, namespace: str, kind: str, name: str, containers: tuple[str, ...], labels: Object, more: Object
    ) -> None:
        """The Deployment with its ReplicaSet, or the DaemonSet, of a pod, if they are not there yet."""
        if kind == "StatefulSet" or (namespace, kind, name) in self._workloads:
            return
        self._workloads.add((namespace, kind, name))
        about = {"labels": labels, "annotations": more.get("annotations", {})}
        template = {"metadata": about, "spec": {"containers": [{"name": each} for each in containers]}}
        metadata = {"namespace": namespace, "name": name, "ownerReferences": more.get("above", [])}
        self.objects.append(
            {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}}
        )
        if kind == "Deployment":
            owner = {"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": True}
            owned = {"namespace": namespace, "name": f"{name}-5d8f9c7b64", "ownerReferences": [owner]}
            self.objects.append({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned})

    def service(self, namespace: str, name: str, selector: dict[str, str]) -> None:
        """One more Service."""
        spec = {"type": "ClusterIP", "clusterIP": f"10.255.{len(self.objects) >> 8}.{len(self.objects) & 255}"}
        ports = [{"name": "http2", "port": 80, "targetPort": 8080}]
        metadata = {"namespace": namespace, "name": name}
        self.objects.append(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": spec | {"selector": selector, "ports": ports},
            }
        )

    def namespace(self, name: str, **labels: str) -> None:
        """One more namespace."""
        labels = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
        self.objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def build(workloads: int, blind_spots: int) -> Cluster:
    """A mesh with sidecar, ambient and mixed namespaces, two egress gateways, a waypoint, and blind spots."""
    cluster = Cluster()
    config = {"mesh": "accessLogFile: /dev/stdout\noutboundTrafficPolicy: {mode: ALLOW_ANY}\n"}
    metadata = {"namespace": "istio-system", "name": "istio"}
    cluster.objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": config})
    for ref in (GATEWAY, PARTNER):
        cluster.gateways[ref] = _gateway(cluster, *ref.split("/"))
    cluster.gateways[WAYPOINT] = _waypoint(cluster, *WAYPOINT.split("/"))
    cluster.namespace("ztunnel")
    cluster.ztunnels = tuple(
        cluster.add("ztunnel", "DaemonSet", "ztunnel", n, ("istio-proxy",), labels={"app": "ztunnel"})
        for n in range(NODES)
    )
    cluster.namespace("shop", istio_injection="enabled")
    cluster.service("shop", "shop", {"app": "shop"})
    for number in range(workloads):
        cluster.workloads.append(_workload(cluster, number))
    for name in sorted({each.namespace for each in cluster.workloads} - {"shop"}):
        ambient = name.startswith("amb")
        cluster.namespace(
            name, **({"istio.io__dataplane_mode": "ambient"} if ambient else {"istio_injection": "enabled"})
        )
    _blind(cluster, blind_spots)
    return cluster


def _gateway(cluster: Cluster, namespace: str, name: str) -> tuple[Pod, ...]:
    labels = {"istio": name.removeprefix("istio-"), "sidecar.istio.io/inject": "true"}
    notes = {"inject.istio.io/templates": "gateway"}
    cluster.namespace(namespace)
    cluster.service(namespace, name, {"istio": labels["istio"]})
    return tuple(
        cluster.add(namespace, "Deployment", name, n, ("istio-proxy",), labels=labels, annotations=notes)
        for n in (0, 1)
    )


def _waypoint(cluster: Cluster, namespace: str, name: str) -> tuple[Pod, ...]:
    labels = {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
        "istio.io/dataplane-mode": "none",
    }
    cluster.namespace(namespace)
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    metadata = {"namespace": namespace, "name": name}
    api = "gateway.networking.k8s.io/v1"
    cluster.objects.append({"apiVersion": api, "kind": "Gateway", "metadata": metadata, "spec": spec})
    above = [{"apiVersion": api, "kind": "Gateway", "name": name}]
    return tuple(
        cluster.add(namespace, "Deployment", name, n, ("istio-proxy",), labels=labels, above=above) for n in (0, 1)
    )


def _workload(cluster: Cluster, number: int) -> Workload:
    """Of ten workloads six have sidecars, three are ambient, and one is either, in a namespace with both."""
    turn = number % 10
    mixed = turn == 9
    ambient = turn in (6, 7, 8) or (mixed and number % 20 == 9)
    group = number // 10 % 7
    namespace = f"mixed-{group}" if mixed else f"{'amb' if ambient else 'team'}-{group}"
    name, kind = f"app-{number:03d}", "StatefulSet" if turn == 3 else "Deployment"
    labels = {"istio.io/dataplane-mode": "ambient"} if ambient and mixed else {}
    notes = {"ambient.istio.io/redirection": "enabled"} if ambient else {"sidecar.istio.io/status": "{}"}
    containers = ("app",) if ambient else ("app", "istio-proxy")
    if ambient and mixed:
        labels["sidecar.istio.io/inject"] = "false"
    pods = tuple(
        cluster.add(namespace, kind, name, n, containers, labels=labels, annotations=notes)
        for n in range(2 if number % 3 == 0 else 1)
    )
    return Workload(namespace, f"{kind}/{name}", ambient, pods)


_PREFIX = "traffic.sidecar.istio.io"
_AROUND: tuple[tuple[str, Object], ...] = (
    ("host-network", {"spec": {"hostNetwork": True}}),
    ("not-injected", {"labels": {"sidecar.istio.io/inject": "false"}}),
    ("excluded", {"annotations": {f"{_PREFIX}/excludeOutboundPorts": "443,5432"}}),
    ("proxy-user", {"spec": {"securityContext": {"runAsUser": 1337}}}),
    ("logging-off", {"labels": {"log": "off"}}),
    ("excluded", {"annotations": {f"{_PREFIX}/excludeOutboundIPRanges": "203.0.113.0/24"}}),
    ("init-container", {"spec": {"initContainers": [{"name": "istio-init"}, {"name": "fetch"}]}}),
    ("not-enrolled", {"labels": {"istio.io/dataplane-mode": "ambient"}}),
    ("logging-filtered", {"labels": {"log": "errors"}}),
    ("excluded", {"annotations": {f"{_PREFIX}/includeOutboundIPRanges": "10.0.0.0/8"}}),
    ("excluded", {"annotations": {"sidecar.istio.io/interceptionMode": "NONE"}}),
)
_UNSEEN = ("host-network", "not-injected", "not-enrolled")


def _blind(cluster: Cluster, count: int) -> None:
    cluster.namespace("blind", istio_injection="enabled")
    filtered: Object = {"filter": {"expression": "response.code >= 400"}}
    for name, value, setting in (("off", "off", {"disabled": True}), ("errors", "errors", filtered)):
        spec = {"selector": {"matchLabels": {"log": value}}, "accessLogging": [setting]}
        metadata = {"namespace": "blind", "name": name}
        api = "telemetry.istio.io/v1"
        cluster.objects.append({"apiVersion": api, "kind": "Telemetry", "metadata": metadata, "spec": spec})
    for number in range(count):
        kind, more = _AROUND[number % len(_AROUND)]
        unseen = kind in _UNSEEN
        notes = {} if unseen else {"sidecar.istio.io/status": "{}", **more.get("annotations", {})}
        containers = ("app",) if unseen else ("app", "istio-proxy")
        pod = cluster.add("blind", "Deployment", f"blind-{number:02d}", 0, containers, **{**more, "annotations": notes})
        logs = kind.startswith("logging")
        cluster.blind.add((kind, str(pod.log) if logs else f"{pod.log.namespace}/{pod.log.pod}"))
        if not unseen:
            cluster.quiet.append(pod)
