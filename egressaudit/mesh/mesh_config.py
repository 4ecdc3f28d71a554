"""MeshConfig: what is kept of it, and how it is read.

In: a ConfigMap `istio` or `istio-REVISION` of a snapshot. Out: the mapping that it has under `data.mesh`, e.g.
`{"accessLogFile": "/dev/stdout"}`. Which of several ConfigMaps counts for a proxy: `control_planes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.shapes import KEEP, TRIES, Shape, pruned
from egressaudit.mesh.untyped import table, text
from egressaudit.model import ObjectRef

_KEPT = {
    "accessLogFile": KEEP,
    "accessLogEncoding": KEEP,
    "accessLogFormat": KEEP,
    "defaultHttpRetryPolicy": TRIES,
    "defaultProviders": {"accessLogging": KEEP},
    "defaultServiceExportTo": KEEP,
    "defaultVirtualServiceExportTo": KEEP,
    "defaultDestinationRuleExportTo": KEEP,
    "discoverySelectors": KEEP,
    "enableAutoMtls": KEEP,
    "extensionProviders": {
        "name": KEEP,
        "envoyFileAccessLog": {"path": KEEP, "logFormat": KEEP, "omitEmptyValues": KEEP},
    },
    "outboundTrafficPolicy": {"mode": KEEP},
    "rootNamespace": KEEP,
    "serviceEntryVisibility": KEEP,
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


def parsed(config_map: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """MeshConfig of a ConfigMap, already trimmed; None if it has none, or none that is YAML."""
    data = table(config_map.get("data"))
    if "mesh" not in data:
        return None
    try:
        return table(yaml.safe_load(text(data["mesh"])))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
