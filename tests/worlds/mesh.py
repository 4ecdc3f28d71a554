"""The mesh of a world: nodes, control plane, workloads, gateways, waypoints and ztunnels, with their objects."""

from __future__ import annotations

import random
from ipaddress import ip_address

from worlds import objects as k8s
from worlds.model import PROXY, Pod, Proxy, World

SIDECAR_STATUS = '{"initContainers":null,"containers":["istio-proxy"],"revision":"default"}'


class Builder:
    """Adds parts of a mesh to a world; addresses are given in order, so that a seed always makes the same."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        self._hosts: dict[int, int] = {}
        self._vips = 0
        self._auto = 0

    # ------------------------------------------------------------ addresses

    def ips(self, node: int) -> tuple[str, ...]:
        """The next addresses of a node's range."""
        self._hosts[node] = number = self._hosts.get(node, 3) + 1
        six = (str(ip_address(f"fd00:10:244:{node}::{number:x}")),) if self.world.dual else ()
        return (f"10.244.{node}.{number}", *six)

    def vips(self) -> tuple[str, ...]:
        """The next addresses of a Service."""
        self._vips += 1
        six = (str(ip_address(f"fd00:10:96::{self._vips + 16:x}")),) if self.world.dual else ()
        return (f"10.96.{self._vips >> 8}.{self._vips + 16 & 255}", *six)

    def auto(self) -> str:
        """The next address that istiod gives a ServiceEntry."""
        self._auto += 1
        return f"240.240.0.{self._auto}"

    # ------------------------------------------------------------ what every mesh has

    def base(self) -> None:
        """Nodes, namespaces of the control plane, the mesh's configuration, the API server's Service."""
        world = self.world
        policy = "REGISTRY_ONLY" if world.registry_only else "ALLOW_ANY"
        mesh = f"accessLogFile: /dev/stdout\naccessLogEncoding: TEXT\noutboundTrafficPolicy:\n  mode: {policy}\nrootNamespace: istio-system\n"
        if "json" in world.tags:
            mesh = mesh.replace("TEXT", "JSON")
        world.objects += [
            k8s.made("v1", "ConfigMap", "istio-system", "istio", data={"mesh": mesh}),
            *(k8s.namespace(each) for each in ("default", "istio-system", "kube-system")),
            *(k8s.node(each, world.dual) for each in range(world.nodes)),
            k8s.service_range(world.dual),
            k8s.service("default", "kubernetes", ("10.96.0.1",), {443: 6443}, None),
            k8s.made(
                "discovery.k8s.io/v1", "EndpointSlice", "default", "kubernetes",
                labels={"kubernetes.io/service-name": "kubernetes"}, addressType="IPv4",
                endpoints=[{"addresses": ["192.168.1.10"]}], ports=[{"name": "https", "port": 6443}],
            ),
        ]  # fmt: skip
        istiod = self._pod("istio-system", "istiod", "Deployment", 0, "control")
        self._add(
            istiod, {"app": "istiod", "istio": "pilot", "sidecar.istio.io/inject": "false"}, {}, [{"name": "discovery"}]
        )

    def namespace(self, name: str, mode: str = "") -> None:
        """A namespace whose pods are captured by sidecars, by ambient mode, or not at all."""
        labels = {"sidecar": {"istio_injection": "enabled"}, "ambient": {"istio.io__dataplane_mode": "ambient"}}
        self.world.objects.append(k8s.namespace(name, **labels.get(mode, {})))

    def _pod(self, ns: str, name: str, kind: str, number: int, role: str, **more: str) -> Pod:
        node = number % self.world.nodes if kind == "DaemonSet" else self.rng.randrange(self.world.nodes)
        suffix = f"{self.rng.getrandbits(20):05x}"
        full = {
            "Deployment": f"{name}-{k8s.HASH}-{suffix}",
            "DaemonSet": f"{name}-{suffix}",
            "Pod": name,
        }.get(kind, f"{name}-{number}")
        it = Pod(ns, full, self.ips(node), node, role, f"{kind}/{name}", **more)
        self.world.pods.append(it)
        return it

    def _add(
        self, it: Pod, labels: dict[str, str], annotations: dict[str, str], containers: list[k8s.Object], **spec: object
    ) -> None:
        told = {"labels": labels, "annotations": annotations, "containers": containers}
        self.world.objects.append(k8s.pod(it, **told, **spec))
        kind, name = it.owner.split("/")
        known = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in self.world.objects}
        if kind != "Pod" and (kind, it.namespace, name) not in known:
            self.world.objects += k8s.controllers(kind, it.namespace, name, **told, account=it.account)

    # ------------------------------------------------------------ workloads

    def workload(
        self, ns: str, name: str, mode: str, kind: str = "Deployment", replicas: int = 1,
        labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None,
    ) -> list[Pod]:  # fmt: skip
        """An application and its pods."""
        pods = []
        for number in range(replicas):
            it = self._pod(ns, name, kind, number, "app", mode=mode, account=name)
            said = {"app": name, **(labels or {})}
            notes = dict(annotations or {})
            if mode == "sidecar":
                notes["sidecar.istio.io/status"] = SIDECAR_STATUS
                said |= {"security.istio.io/tlsMode": "istio", "service.istio.io/canonical-name": name}
            elif mode == "ambient":
                notes["ambient.istio.io/redirection"] = "enabled"
            self._add(it, said, notes, k8s.app_containers(mode == "sidecar"))
            pods.append(it)
        return pods

    def service_of(self, ns: str, name: str, pods: list[Pod], ports: dict[int, int]) -> tuple[str, ...]:
        """A Service with a selector before an application's pods, and its slices."""
        vips = self.vips()
        self.world.objects.append(k8s.service(ns, name, vips, ports, {"app": name}))
        self.world.objects.append(k8s.slice_of(ns, name, pods, ports))
        if self.world.dual:
            self.world.objects.append(k8s.slice_of(ns, name, pods, ports, six=True))
        return vips

    def ztunnels(self) -> None:
        """The DaemonSet of ztunnel."""
        self.namespace("ztunnel")
        for number in range(self.world.nodes):
            it = self._pod("ztunnel", "ztunnel", "DaemonSet", number, "ztunnel", account="ztunnel")
            self._add(
                it,
                {"app": "ztunnel", "istio.io/dataplane-mode": "none"},
                {},
                [{"name": PROXY, "image": k8s.ZTUNNEL_IMAGE}],
            )

    # ------------------------------------------------------------ gateways and waypoints

    def gateway(self, ns: str, name: str, api: str, replicas: int) -> Proxy:
        """An egress gateway: injected (`istio`), or made by istiod of a Gateway (`gateway-api`)."""
        service = name if api == "istio" else f"{name}-istio"
        ports = {80: 8080, 443: 8443, 5432: 15432} if api == "istio" else {80: 80, 443: 443, 5432: 5432}
        pods = [
            self._pod(ns, service, "Deployment", n, "gateway", ref=f"{ns}/{name}", account=service)
            for n in range(replicas)
        ]
        if api == "istio":
            labels = {"istio": name, "app": name, "sidecar.istio.io/inject": "true"}
            notes = {"inject.istio.io/templates": "gateway", "sidecar.istio.io/status": SIDECAR_STATUS}
            selector = {"istio": name}
        else:
            labels = _managed(name, "istio", "istio.io-gateway-controller")
            notes, selector = {}, {"gateway.networking.k8s.io/gateway-name": name}
        return self._proxy("gateway", ns, name, pods, api, service, ports, labels, notes, selector)

    def waypoint(self, ns: str, name: str, replicas: int) -> Proxy:
        """A waypoint."""
        pods = [
            self._pod(ns, name, "Deployment", n, "waypoint", ref=f"{ns}/{name}", account=name) for n in range(replicas)
        ]
        labels = _managed(name, "istio-waypoint", "istio.io-mesh-controller")
        selector = {"gateway.networking.k8s.io/gateway-name": name}
        listeners = [
            {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "All"}}}
        ]
        self.world.objects.append(
            k8s.made(
                k8s.GATEWAY_API, "Gateway", ns, name, labels={"istio.io/waypoint-for": "service"},
                spec={"gatewayClassName": "istio-waypoint", "listeners": listeners}, status=PROGRAMMED,
            )
        )  # fmt: skip
        return self._proxy("waypoint", ns, name, pods, "gateway-api", name, {15008: 15008}, labels, {}, selector)

    def _proxy(
        self, kind: str, ns: str, name: str, pods: list[Pod], api: str, service: str, ports: dict[int, int],
        labels: dict[str, str], notes: dict[str, str], selector: dict[str, str],
    ) -> Proxy:  # fmt: skip
        owners = [{"kind": "Gateway", "name": name, "controller": True}] if api == "gateway-api" else []
        containers = [{"name": PROXY, "image": k8s.IMAGE}]
        for it in pods:
            self._add(it, labels, notes, containers)
        for each in self.world.objects:
            if (
                each["kind"] == "Deployment"
                and each["metadata"]["name"] == service
                and each["metadata"]["namespace"] == ns
                and owners
            ):
                each["metadata"]["ownerReferences"] = owners
        vips = self.vips()
        self.world.objects.append(k8s.service(ns, service, vips, ports, selector))
        self.world.objects.append(k8s.slice_of(ns, service, pods, ports))
        if self.world.dual:
            self.world.objects.append(k8s.slice_of(ns, service, pods, ports, six=True))
        made = Proxy(kind, ns, name, pods, api, service, vips[0], ports)
        self.world.proxies.append(made)
        return made


PROGRAMMED = {
    "conditions": [
        {"type": "Accepted", "status": "True", "reason": "Accepted"},
        {"type": "Programmed", "status": "True", "reason": "Programmed"},
    ]
}


def _managed(name: str, of: str, by: str) -> dict[str, str]:
    return {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.networking.k8s.io/gateway-class-name": of,
        "gateway.istio.io/managed": by,
        "istio.io/dataplane-mode": "none",
        "sidecar.istio.io/inject": "false",
        "service.istio.io/canonical-name": name,
    }
