"""What the rules need to know beside the hops: whose log, whose address, and which hosts are Services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.mesh import Backing, Mesh
from egressaudit.model import DataplaneMode, Pod, Reporter


@dataclass(frozen=True, slots=True)
class Workload:
    """Who sends: a workload's pods share one name and one way of capture."""

    namespace: str
    name: str
    mode: DataplaneMode


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The snapshot as the rules read it."""

    mesh: Mesh
    services: Mapping[str, str]
    """Each Service as `name.namespace.svc`, and what is behind it: `gateway`, `pods`, `other` (no selector)."""
    proxy_addresses: frozenset[str]
    """The addresses of all gateway and waypoint pods."""
    inside: frozenset[str]
    """The addresses of all pods, and of Services with a selector: behind any other there may be any address."""
    backing: Backing
    """What is proven of places that are no pod's."""

    @classmethod
    def of(cls, mesh: Mesh) -> Surroundings:
        """What a snapshot says."""
        proxies = (
            pod
            for pod in mesh.pods
            for log in mesh.logs_of((pod,))
            if mesh.reporter(log) in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT)
        )
        addresses = frozenset(address for pod in proxies for address in pod.addresses)
        return cls(mesh, mesh.service_endpoints(), addresses, mesh.pod_addresses, mesh.backing())

    def service_of(self, host: str) -> str | None:
        """What is behind a host that a cluster names; None where it is no Kubernetes Service.

        Beside what `services` says: `gone`, a Service that the snapshot does not have; `pods-only`, one that provably
        has no endpoint but pods; `api-server`, that of the API server.
        """
        whole = host.lower().rstrip(".")
        parts = whole.split(".")
        if len(parts) < 3 or parts[2] != "svc":
            return None
        if whole in self.backing.pods_only:
            return "pods-only"
        if whole == self.backing.api_host:
            return "api-server"
        return self.services.get(".".join(parts[:3]), "gone")

    def class_of(self, ip: str, port: int | None) -> str:
        """What an IP and port are that no pod has: `vacant` (maybe of a pod that is gone), `api-server`, `outside`."""
        if port is not None and (ip, port) in self.backing.api_server:
            return "api-server"
        return "vacant" if self.backing.vacant(ip) else "outside"

    def owners(self) -> Mapping[str, Pod]:
        """The pod of each address that is one pod's alone: pods on the network of a node share its address."""
        owners: dict[str, Pod] = {}
        shared: set[str] = set()
        for pod in self.mesh.pods:
            for address in pod.addresses:
                if pod.host_network or owners.setdefault(address, pod) is not pod:
                    shared.add(address)
        return {address: pod for address, pod in owners.items() if address not in shared}


def workload_of(pod: Pod) -> Workload:
    """The workload of a pod: `Kind/name`, a bare pod's `Pod/name`."""
    return Workload(pod.namespace, pod.owner or f"Pod/{pod.name}", pod.mode)
