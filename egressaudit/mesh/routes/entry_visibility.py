"""To whom the mesh shows ServiceEntries at all: `serviceEntryVisibility` of MeshConfig.

In: a namespace. Out: OWN_NAMESPACE, HIDDEN, or another word for everybody. Example: with `defaultVisibility: NAMESPACE`
and a policy `PUBLIC` for namespaces labelled `egress: "true"`, only those publish hosts to others.

istio/istio pilot/pkg/model/serviceentry_visibility.go, push_context.go (serviceExportTo).
"""

from __future__ import annotations

from collections.abc import Mapping

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.exports import Export
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.untyped import rows, table, text

OWN_NAMESPACE, HIDDEN = "NAMESPACE", "NONE"


def visibility(objects: Objects, namespace: str) -> str:
    """Whom the mesh shows the ServiceEntries of a namespace to."""
    said = table(objects.config.get("serviceEntryVisibility"))
    labels = objects.namespace_labels(namespace)
    for policy in rows(said.get("policies")):
        selectors = [each.get("namespaceSelector") for each in rows(policy.get("matchingRules"))]
        if all(isinstance(each, Mapping) and selects(each, labels) for each in selectors):
            return text(policy.get("visibility"))
    return text(said.get("defaultVisibility"))


def narrowed(objects: Objects, export: Export, namespace: str) -> Export:
    """What a ServiceEntry exports, as sidecars see it where the mesh's visibility is for them too."""
    if table(objects.config.get("serviceEntryVisibility")).get("applyToSidecars") is not True:
        return export
    shown = visibility(objects, namespace)
    if shown == HIDDEN:
        return Export()
    if shown == OWN_NAMESPACE:
        return Export(namespaces=frozenset({namespace} if export.to(namespace) else ()))
    return export
