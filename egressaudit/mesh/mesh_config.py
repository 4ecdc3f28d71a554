"""MeshConfig: what is kept of it, and which of several ConfigMaps holds it.

In: ConfigMaps and pods of a snapshot. Out: the mapping that the ConfigMap `istio` has under `data.mesh`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.marks import REVISION, SIDECAR_STATUS
from egressaudit.mesh.shapes import KEEP, TRIES, Shape, pruned
from egressaudit.mesh.untyped import table, text
from egressaudit.model import ObjectRef

if TYPE_CHECKING:
    from egressaudit.mesh.objects import Obj

_KEPT = {
    "accessLogFile": KEEP,
    "accessLogEncoding": KEEP,
    "accessLogFormat": KEEP,
    "defaultHttpRetryPolicy": TRIES,
    "defaultProviders": {"accessLogging": KEEP},
    "defaultServiceExportTo": KEEP,
    "defaultVirtualServiceExportTo": KEEP,
    "defaultDestinationRuleExportTo": KEEP,
    "enableAutoMtls": KEEP,
    "extensionProviders": {
        "name": KEEP,
        "envoyFileAccessLog": {"path": KEEP, "logFormat": KEEP, "omitEmptyValues": KEEP},
    },
    "outboundTrafficPolicy": {"mode": KEEP},
    "rootNamespace": KEEP,
}


def _keep_config(kept: dict[str, Any], obj: Mapping[str, Any]) -> None:
    if "mesh" in (data := table(obj.get("data"))):
        kept["data"] = {"mesh": _trimmed(text(data["mesh"]))}


def _trimmed(mesh: str) -> str:
    """The mesh configuration with only what judging needs; '' if it is not a YAML mapping."""
    try:
        config = yaml.safe_load(mesh)
    except (yaml.YAMLError, RecursionError, ValueError):
        return ""
    kept = pruned(config, _KEPT)
    return yaml.safe_dump(kept, sort_keys=True) if isinstance(kept, dict) and kept else ""


RESOURCES = (
    Resource(
        CORE,
        ("v1",),
        "configmaps",
        "ConfigMap",
        only=ObjectRef("istio-system", "istio"),
        keep=Shape(further=(_keep_config,)),
    ),
)


def mesh_config(maps: tuple[Obj, ...], pods: tuple[Obj, ...]) -> Mapping[str, Any]:
    """MeshConfig, already trimmed: of the ConfigMap `istio`, else of the one revision that the pods use.

    A control plane of revision R reads `istio-R` (istio/istio pilot/pkg/bootstrap/mesh.go getMeshConfigMapName). If
    pods use several that differ, it is not known here which one applies to a proxy, so none is used.
    """
    by_name = {each.name: text(table(each.raw.get("data")).get("mesh")) for each in maps}
    if "istio" not in by_name:
        revisions = {name for each in pods if (name := _revision(each))}
        found = {by_name[f"istio-{name}"] for name in revisions if f"istio-{name}" in by_name}
        return table(yaml.safe_load(found.pop())) if len(found) == 1 else {}
    return table(yaml.safe_load(by_name["istio"]))


def _revision(pod: Obj) -> str:
    """The revision of the control plane that made a pod's proxy, as its injector recorded it; '' if it did not."""
    if said := pod.annotations.get(REVISION):
        return said
    try:
        status = json.loads(pod.annotations.get(SIDECAR_STATUS, ""))
    except (ValueError, RecursionError):
        return ""
    return text(table(status).get("revision"))
