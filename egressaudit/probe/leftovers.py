"""Probe pods that earlier runs left behind: killed, or cut off from the cluster.

In: a namespace, None for all. Out: the names of the pods that were removed, e.g. `("shop/egressaudit-1a2b3c4d",)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from egressaudit.model import ObjectRef

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


def remove_leftovers(cluster: Cluster, namespace: str | None, run_id: str | None) -> tuple[str, ...]:
    """Remove probe pods, those of one run alone where it is named; the names of those that were removed."""
    selector = "app.kubernetes.io/managed-by=egressaudit"
    if run_id is not None:
        selector += f",egressaudit.io/run-id={run_id}"
    removed = []
    pods: list[dict[str, Any]] = cluster.pods(selector, namespace)
    for pod in sorted(pods, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])):
        ref = ObjectRef(pod["metadata"]["namespace"], pod["metadata"]["name"])
        cluster.delete_pod(ref)
        removed.append(str(ref))
    return tuple(removed)
