"""The objects of a snapshot, read from a cluster in two steps: everything by kind, then MeshConfig by name.

Which ConfigMaps hold MeshConfig is known only once the proxies and control planes are.

In: a cluster, and the control planes that the user names. Out: trimmed objects, and what was not read.
Example: where IstioRevision canary is in the namespace mesh, the ConfigMap mesh/istio-canary is read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from egressaudit.mesh import RESOURCES, NamedPlanes, planes_in_doubt, still_to_read, trim

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


def snapshot_objects(cluster: Cluster, planes: NamedPlanes) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The objects, trimmed; and one sentence for each kind or ConfigMap that was not read.

    Forbidden, with the ClusterRole that helps, where a kind may not be read without which nothing can be judged.
    """
    objects = [trim(each) for each in cluster.objects(RESOURCES)]
    further, doubts = mesh_configs(cluster, objects, planes)
    return [*objects, *further], (*cluster.unreadable, *doubts)


def mesh_configs(
    cluster: Cluster, objects: list[dict[str, Any]], planes: NamedPlanes
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The ConfigMaps of control planes that trimmed objects show; and where they may be that were not asked for."""
    further = [trim(each) for each in cluster.further(still_to_read(objects, planes))]
    doubts = (
        f"ConfigMap objects of namespace {each} were not read: proxies look for their control plane there, and nothing "
        f"proves it to be one's; name it with --istio-namespace {each}"
        for each in planes_in_doubt(objects, planes)
    )
    return further, tuple(doubts)
