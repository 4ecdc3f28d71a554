"""A mesh while it is drawn: its objects, its proxies, and which hosts, ports and schemes are worth a call.

In: dice. Out: `Mesh`; `Mesh.case` is what the program reads. Example: `Mesh(dice).add(obj("Gateway", "egress/gw"))`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from istiod.dice import Dice
from istiod.objects import NAMESPACES, Manifest, named, obj, pod, service

AGES = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")
GATEWAY_PORTS = (("http2", 80, 8080), ("https", 443, 8443), ("tls", 15443, 15443), ("tcp", 9000, 9000))


@dataclass(slots=True)
class Proxy:
    """A proxy of the mesh, and the pod that it is."""

    kind: str
    where: str
    ip: str
    labels: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)

    def pod(self) -> Manifest:
        """Its pod."""
        if self.kind == "sidecar":
            made = pod(self.where, self.ip, self.labels, "app", "istio-proxy", sidecar_istio_io_status="{}")
            made["metadata"]["annotations"] = {"sidecar.istio.io/status": "{}"}
            if self.metadata:
                env = [{"name": f"ISTIO_META_{key}", "value": value} for key, value in self.metadata.items()]
                made["spec"]["containers"][1]["env"] = env
            return made
        return pod(self.where, self.ip, self.labels, "istio-proxy")

    def asked(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """What the program is asked about it."""
        namespace, _, name = self.where.partition("/")
        said = {"kind": self.kind, "namespace": namespace, "name": name, "ip": self.ip, "labels": self.labels}
        return {**said, **({"metadata": self.metadata} if self.metadata else {}), "calls": calls}


@dataclass(slots=True)
class Mesh:
    """What was drawn so far."""

    dice: Dice
    objects: list[Manifest] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    ambient: bool = False
    wanted: list[tuple[str, int, str]] = field(default_factory=list)
    """Host, port and scheme of calls from sources."""
    arriving: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Calls at gateways and waypoints, by the proxy."""

    def add(self, *objects: Manifest) -> None:
        """Objects, each of one of three ages; but of two ServiceEntries of one age istiod takes now one, now the other."""
        for each in objects:
            age = self.dice.one(*AGES)
            if each["kind"] == "ServiceEntry":
                age = age.replace("00:00:00", f"00:{self.dice.rng.randrange(60):02}:{len(self.objects) % 60:02}")
            each["metadata"].setdefault("creationTimestamp", age)
            if named(each) not in {named(other) for other in self.objects}:
                self.objects.append(each)

    def proxy(self, *proxies: Proxy) -> None:
        """Proxies and their pods."""
        for each in proxies:
            if each.where not in {other.where for other in self.proxies}:
                self.proxies.append(each)
                self.add(each.pod())

    def ground(self) -> None:
        """Namespaces, one source or two, and MeshConfig."""
        for name in NAMESPACES:
            labels = {"kubernetes.io/metadata.name": name}
            if self.dice.chance(20):
                labels["team"] = self.dice.one("a", "b")
            self.add(obj("Namespace", name, labels=labels))
        dns = {"DNS_CAPTURE": "true"} if self.dice.chance(25) else {}
        self.proxy(Proxy("sidecar", "app/curl-1", "10.0.0.1", {"app": "curl"}, dns))
        if self.dice.chance(40):
            self.proxy(Proxy("sidecar", "other/shop-1", "10.0.0.2", {"app": "shop", "version": "v1"}))
        self._settings()

    def _settings(self) -> None:
        dice = self.dice
        if dice.chance(40):
            self.config["outboundTrafficPolicy"] = {"mode": dice.one("REGISTRY_ONLY", "ALLOW_ANY")}
        for kind in ("Service", "VirtualService", "DestinationRule"):
            if dice.chance(5):
                self.config[f"default{kind}ExportTo"] = [dice.one(".", "*", "egress", "~")]

    def arrives(self, where: str, *calls: dict[str, Any]) -> None:
        """Calls that come to a proxy."""
        self.arriving.setdefault(where, []).extend(calls)

    def gateway(self) -> None:
        """The gateway of the Istio APIs, with its Service."""
        labels = {"istio": "egressgateway", "app": "egressgateway"}
        self.proxy(Proxy("router", "egress/gw-1", "10.0.0.9", labels))
        ports = GATEWAY_PORTS if self.dice.chance(50) else GATEWAY_PORTS[:2]
        self.add(service("egress/egressgateway", "10.1.1.9", dict(labels), *ports))

    def case(self, name: str, calls: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        """The case that the program reads."""
        proxies = [each.asked(calls[each.where]) for each in self.proxies]
        made = {"id": name, "objects": self.objects, "proxies": proxies}
        if self.config:
            made["mesh"] = self.config
        return {**made, **({"ambient": True, "services": True} if self.ambient else {})}
