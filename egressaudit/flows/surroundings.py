"""What the rules need to know beside the hops: whose log, whose address, and which hosts are Services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.mesh import Mesh
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
        return cls(mesh, mesh.service_endpoints(), addresses, mesh.pod_addresses)

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
