"""What the joins need to know besides the hops: the pod of a log or an address, and what is behind a cluster.

In: a `Mesh`. Out: e.g. `cluster("outbound|443||docs.example.com")`, a row of the table `clusters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.hops.dialects import cluster_columns
from egressaudit.mesh import Mesh
from egressaudit.mesh.places import Places, owners
from egressaudit.model import DataplaneMode, Pod


@dataclass(frozen=True, slots=True)
class Workload:
    """A sender: the pods of a workload share a name and a dataplane mode."""

    namespace: str
    name: str
    mode: DataplaneMode


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The snapshot as the joins read it."""

    mesh: Mesh
    places: Places

    @classmethod
    def of(cls, mesh: Mesh) -> Surroundings:
        """What a snapshot says."""
        return cls(mesh, mesh.places)

    def cluster(self, name: str) -> tuple[object, ...]:
        """A row of the table `clusters`: what a cluster's name says, and what the snapshot says about its endpoints."""
        parts = cluster_columns(name)
        kind, port, host, subset = (parts[f"cluster_{each}"] for each in ("kind", "port", "host", "subset"))
        ends = self.mesh.cluster_ends.of_cluster(kind, host, port, subset)
        named = host if isinstance(host, str) else None
        return kind, port, host, self.places.service_of(named), ends.mixed, ends.by_sender, ends.by_name

    def owners(self) -> Mapping[str, Pod]:
        """The pod of each address that belongs to one pod alone."""
        return owners(self.mesh.pods)


def workload_of(pod: Pod) -> Workload:
    """The workload of a pod: `Kind/name`, a bare pod's `Pod/name`."""
    return Workload(pod.namespace, pod.owner or f"Pod/{pod.name}", pod.mode)
