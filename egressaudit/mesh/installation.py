"""What is installed: control planes of Istio, and what the Sail operator was asked for.

In: objects as a cluster has them, untrimmed: a snapshot does not keep what is read here. Out: `ControlPlane`s and
`OperatorObject`s, e.g. istiod of revision `default-v1-28-0`, version 1.28.0.

No verdict rests on this. `analyze` reads it where it may; every snapshot reads those of the operator's objects that say
where control planes are (`control_planes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from egressaudit.mesh.apis import SAIL, Resource
from egressaudit.mesh.marks import REVISION
from egressaudit.mesh.untyped import number, rows, table, text, texts
from egressaudit.model import ObjectRef
from egressaudit.model.analysis import ControlPlane, OperatorObject

_VERSIONS = ("v1", "v1alpha1")
INSTALLATION = tuple(
    Resource(SAIL, _VERSIONS, plural, kind, namespaced=False)
    for plural, kind in (
        ("istios", "Istio"),
        ("istiorevisions", "IstioRevision"),
        ("istiorevisiontags", "IstioRevisionTag"),
        ("istiocnis", "IstioCNI"),
        ("ztunnels", "ZTunnel"),
    )
)
"""The Sail operator's kinds (istio-ecosystem/sail-operator api/v1): all are cluster-wide."""
INSTALLATION_APIS = (
    SAIL,
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
    "gateway.networking.k8s.io",
)
"""The API groups that a mesh is configured by."""


def control_planes(objects: Iterable[Mapping[str, Any]]) -> tuple[ControlPlane, ...]:
    """Every istiod among Deployments, by the label that Istio's charts give it; sorted."""
    return tuple(sorted(_control_planes(objects), key=lambda each: each.name))


def _control_planes(objects: Iterable[Mapping[str, Any]]) -> Iterator[ControlPlane]:
    for each in objects:
        metadata = table(each.get("metadata"))
        labels = texts(metadata.get("labels"))
        if each.get("kind") != "Deployment" or labels.get("app") != "istiod":
            continue
        containers = rows(table(table(table(each.get("spec")).get("template")).get("spec")).get("containers"))
        images = [text(one.get("image")) for one in containers if one.get("name") == "discovery"]
        yield ControlPlane(
            name=ObjectRef(text(metadata.get("namespace")), text(metadata.get("name"))),
            revision=labels.get(REVISION, ""),
            version=_tag(images[0]) if images else "",
            ready=(number(table(each.get("status")).get("readyReplicas")) or 0) > 0,
        )


def operator_objects(objects: Iterable[Mapping[str, Any]]) -> tuple[OperatorObject, ...]:
    """The objects of the Sail operator, in the order of its kinds and by name."""
    kinds = [each.kind for each in INSTALLATION]
    found = [_operator_object(each) for each in objects if text(each.get("apiVersion")).startswith(f"{SAIL}/")]
    return tuple(sorted((each for each in found if each.kind in kinds), key=lambda e: (kinds.index(e.kind), e.name)))


def _operator_object(obj: Mapping[str, Any]) -> OperatorObject:
    spec, status = table(obj.get("spec")), table(obj.get("status"))
    failing = [each for each in rows(status.get("conditions")) if each.get("status") == "False"]
    telling = [text(each.get("message")) for each in failing if each.get("type") in ("Reconciled", "Ready")]
    return OperatorObject(
        kind=text(obj.get("kind")),
        name=text(table(obj.get("metadata")).get("name")),
        namespace=text(spec.get("namespace")) or text(status.get("istiodNamespace")),
        version=text(spec.get("version")) or text(status.get("istioRevision")),
        state=text(status.get("state")),
        reason=" ".join(" ".join(filter(None, telling)).split()),
    )


def _tag(image: str) -> str:
    """`istio/pilot:1.28.0@sha256:...` is 1.28.0; '' where it has only a digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
