"""Cut objects down to what judging needs, so that a saved run contains no environment, header value or secret.

In: a manifest as the API server has it. Out: the same with its name, its labels, its owners, the annotations that mark
a pod, and the parts that the `Shape` of its kind names. Example: of a Secret only the name and labels are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.marks import WAYPOINT_ANNOTATIONS
from egressaudit.mesh.modes import ANNOTATIONS
from egressaudit.mesh.resources import RESOURCES
from egressaudit.mesh.shapes import KEEP, Shape, pruned
from egressaudit.mesh.untyped import table, text, texts

_OWNERS = {"apiVersion": KEEP, "kind": KEEP, "name": KEEP, "controller": KEEP}
_NOTHING = Shape()


def _by_kind() -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for each in RESOURCES:
        found[each.kind] = found[each.kind] | each.keep if each.kind in found else each.keep
    return found


SHAPES: Mapping[str, Shape] = _by_kind()
"""What is kept of each kind, whichever API has it."""


def trim(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object with only what judging needs; of kinds that are not needed only the name is kept.

    Deterministic, and trimming twice gives the same as trimming once. Never raises, whatever the object's shape.
    """
    kind = text(obj.get("kind"))
    shape = SHAPES.get(kind, _NOTHING)
    kept: dict[str, Any] = {
        "apiVersion": text(obj.get("apiVersion")),
        "kind": kind,
        "metadata": _metadata(table(obj.get("metadata")), shape),
    }
    kept |= pruned(obj, shape.parts)
    for further in shape.further:
        further(kept, obj)
    return kept


def _metadata(metadata: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    kept: dict[str, Any] = {key: text(metadata[key]) for key in ("name", "namespace") if key in metadata}
    if shape.bare:
        return kept
    if labels := texts(metadata.get("labels")):
        kept["labels"] = labels
    annotations = texts(metadata.get("annotations"))
    if chosen := {key: annotations[key] for key in (*ANNOTATIONS, *WAYPOINT_ANNOTATIONS) if key in annotations}:
        kept["annotations"] = chosen
    if metadata.get("ownerReferences"):
        kept["ownerReferences"] = pruned(metadata["ownerReferences"], _OWNERS)
    if metadata.get("deletionTimestamp"):
        kept["deletionTimestamp"] = text(metadata["deletionTimestamp"])
    if shape.created and metadata.get("creationTimestamp"):
        kept["creationTimestamp"] = text(metadata["creationTimestamp"])
    return kept
