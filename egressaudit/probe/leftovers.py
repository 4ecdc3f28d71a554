"""Probe pods that earlier runs left behind: killed, or cut off from the cluster.

In: a namespace, None for all. Out: `LeftoverRemoval`: the pods that are gone, e.g. shop/egressaudit-probe-1a2b3c4d, and
those that are still there, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egressaudit.errors import ClusterError, Unauthorized, Unreachable
from egressaudit.model import ObjectRef

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


@dataclass(frozen=True, slots=True)
class LeftoverRemoval:
    """What became of the pods that were found."""

    removed: tuple[ObjectRef, ...]
    """Those that the cluster does not have any more."""
    left: tuple[tuple[ObjectRef, str], ...]
    """Those that it still has, each with the reason."""


def remove_leftovers(cluster: Cluster, namespace: str | None, run_id: str | None) -> LeftoverRemoval:
    """Remove probe pods, those of one run alone where it is named.

    One that is refused does not keep the others. Whether they are gone is what a second list says: the server also
    accepts the removal of a pod that a finalizer holds. ClusterError if the pods cannot be listed.
    """
    selector = "app.kubernetes.io/managed-by=egressaudit"
    if run_id is not None:
        selector += f",egressaudit.io/run-id={run_id}"
    found = _pods(cluster, selector, namespace)
    refused: dict[ObjectRef, str] = {}
    for ref in sorted(found):
        try:
            cluster.delete_pod(ref)
        except (Unauthorized, Unreachable):
            raise
        except ClusterError as error:
            refused[ref] = error.message
    there = _pods(cluster, selector, namespace) if found else {}
    left = {ref for ref, uid in found.items() if there.get(ref) == uid}
    why = {ref: refused.get(ref, "the cluster accepted its removal, and still has it") for ref in left}
    return LeftoverRemoval(tuple(sorted(found.keys() - left)), tuple((ref, why[ref]) for ref in sorted(left)))


def _pods(cluster: Cluster, selector: str, namespace: str | None) -> dict[ObjectRef, Any]:
    """The pods with their identity; a later one of the same name is another."""
    metas = (each["metadata"] for each in cluster.pods(selector, namespace))
    return {ObjectRef(str(meta.get("namespace") or ""), str(meta["name"])): meta.get("uid") for meta in metas}
