"""Who is in the mesh: pods, the proxies they run, and how their traffic is captured.

Example: `Reporter.WAYPOINT.path` is `Path.VIA_WAYPOINT`, and `Reporter.ZTUNNEL.family` is `Family.ZTUNNEL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from egressaudit.model.paths import Path

PROXY_CONTAINER = "istio-proxy"
"""The container of every Istio proxy: sidecar, gateway, waypoint and ztunnel."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """A namespaced object, written `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Family(StrEnum):
    """The program that writes a log, and with it the dialects of its lines."""

    ENVOY = "envoy"
    """Envoy, with Istio's agent beside it: sidecars, gateways, waypoints."""
    ZTUNNEL = "ztunnel"


class Reporter(StrEnum):
    """The kind of proxy that wrote a log."""

    SIDECAR = "sidecar"
    EGRESS_GATEWAY = "egress-gateway"
    WAYPOINT = "waypoint"
    ZTUNNEL = "ztunnel"

    @classmethod
    def on(cls, path: Path) -> Reporter | None:
        """The kind of proxy that carries traffic on a path; None if it leaves at the source."""
        return next((each for each in cls if each.path is path), None)

    @property
    def family(self) -> Family:
        """The program that it is."""
        return Family.ZTUNNEL if self is Reporter.ZTUNNEL else Family.ENVOY

    @property
    def path(self) -> Path | None:
        """The path of what it sends out of the mesh for others; None for a proxy at the source."""
        return _PATHS.get(self)

    @property
    def at_source(self) -> bool:
        """Whether it carries what workloads beside it send, so that a flow's first line is its."""
        return self.path is None

    @property
    def place(self) -> str:
        """Where it stands in a chain of hops: `source`, `gateway` or `waypoint`."""
        return "source" if self.path is None else self.path.word

    @property
    def noun(self) -> str:
        """What a person calls it: `sidecar`, `egress gateway`."""
        return self.value.replace("-", " ")


_PATHS = {Reporter.EGRESS_GATEWAY: Path.VIA_GATEWAY, Reporter.WAYPOINT: Path.VIA_WAYPOINT}


class DataplaneMode(StrEnum):
    """How a pod's traffic is captured by the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """What a pod's status says about the present run of one container, and about the run before it.

    Times are UTC by the node's clock, whole seconds; None if the status does not say.
    """

    container: str
    started: datetime | None = None
    ended: datetime | None = None
    restarts: int = 0
    previous_started: datetime | None = None
    previous_ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """What judging needs to know about a pod. `addresses` are its IPs without port."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    mode: DataplaneMode = DataplaneMode.NONE
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """`kind/name` of the workload: the Deployment for a ReplicaSet's pod; empty for a bare pod."""
    containers: tuple[str, ...] = ()
    init_containers: tuple[str, ...] = ()
    ready: bool = False
    host_network: bool = False
    started: datetime | None = None
    """When the node took it on, None if the snapshot does not say."""
    runs: tuple[ContainerRun, ...] = ()
    role: Reporter | None = None
    """The kind of proxy that it is proven to run; None if nothing is proven, whatever its marks say."""
    claimed: Reporter | None = None
    """The kind of proxy that its labels, annotations and containers claim."""
    gateway: ObjectRef | None = None
    """What a proven gateway or waypoint belongs to: its Gateway API Gateway, else its workload."""
    owners: tuple[str, ...] = ()
    """The chain of its owners, nearest first, as `Kind/name`."""
    service_account: str = ""
    """Empty if the snapshot does not say."""
    last_addresses: tuple[str, ...] = ()
    """Those that a pod that has ended had: its own log names them, and each may be another pod's by now."""

    def run(self, container: str) -> ContainerRun:
        """What the snapshot says about the runs of a container; one without times where it says nothing."""
        return next((each for each in self.runs if each.container == container), ContainerRun(container))

    @property
    def ref(self) -> ObjectRef:
        """Its `namespace/name`."""
        return ObjectRef(self.namespace, self.name)

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses that the lines of its own log may name as its own, also after it has ended."""
        return self.addresses or self.last_addresses
