"""Whether the mesh would capture a probe pod of our own: outside the mesh a probe proves nothing about its gateways.

In: the objects of a snapshot and the pod's manifest. Out: nothing, or a UsageError that names the namespaces whose pods
the mesh captures. Example: a pod in `default`, which has no `istio-injection` label, is refused before it is created.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from egressaudit.errors import UsageError
from egressaudit.evidence.rollout import injected
from egressaudit.mesh.marks import DATAPLANE_MODE, SIDECAR_STATUS
from egressaudit.mesh.untyped import rows, table, text, texts
from egressaudit.model import PROXY_CONTAINER

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_FEW = 5


def check_captured(cluster: Cluster, objects: Iterable[Mapping[str, Any]], manifest: Mapping[str, Any]) -> None:
    """Nothing where the pod would be in the mesh, or its namespace is not in the snapshot; else UsageError.

    Where labels say that it would not be, the API server is asked by a dry run: an injector may have rules of its own.
    """
    labels = {
        text(table(each.get("metadata")).get("name")): texts(table(each.get("metadata")).get("labels"))
        for each in objects
        if each.get("kind") == "Namespace"
    }
    namespace = manifest["metadata"]["namespace"]
    if namespace not in labels or _asks(manifest, labels[namespace]):
        return
    shown = cluster.admitted_pod(manifest)
    if shown is not None and _has_proxy(shown):
        return
    inside = sorted(name for name, own in labels.items() if _asks(manifest, own))
    more = f" and {len(inside) - _FEW} more" if len(inside) > _FEW else ""
    there = f"Namespaces whose pods are in the mesh: {', '.join(inside[:_FEW])}{more}." if inside else ""
    raise UsageError(
        f"a probe pod in namespace {namespace} would not be in the mesh, so it would prove nothing about its gateways",
        hint=f"{there or 'No namespace asks for sidecars or ambient mode.'}\n"
        "Name one with -n, or send from a workload with --from. --allow-uncaptured sends it all the same.",
    )


def _asks(pod: Mapping[str, Any], namespace: Mapping[str, str]) -> bool:
    """Whether labels ask for a sidecar or for ambient mode: the pod's own, else those of the namespace."""
    metadata = table(pod.get("metadata"))
    labels, annotations = texts(metadata.get("labels")), texts(metadata.get("annotations"))
    if table(pod.get("spec")).get("hostNetwork") is True:
        return False
    ambient = (labels.get(DATAPLANE_MODE) or namespace.get(DATAPLANE_MODE)) == "ambient"
    return ambient or injected(namespace, labels, annotations)


def _has_proxy(pod: Mapping[str, Any]) -> bool:
    spec = table(pod.get("spec"))
    names = {text(each.get("name")) for key in ("containers", "initContainers") for each in rows(spec.get(key))}
    return PROXY_CONTAINER in names or SIDECAR_STATUS in texts(table(pod.get("metadata")).get("annotations"))
