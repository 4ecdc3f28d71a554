"""What is kept of an EnvoyFilter: which proxies it patches and which fields, but no value that may be a secret. Pure.

Its patches contain any Envoy configuration: headers with tokens, Lua source, addresses. To judge what it touches, the
names of the fields are enough, plus the few values that identify a filter. Example: `{"typed_config": {"rate_limits":
""}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.apis import ISTIO, Resource
from egressaudit.mesh.shapes import Shape
from egressaudit.mesh.untyped import rows, table, text, texts

_DEPTH = 24
"""Deeper than any filter's configuration. Anything deeper is kept as an unknown field, which counts."""
_TELLING = ("@type", "type_url", "name", "inline_string")
_NATIVE = "envoy.wasm."
"""How Istio names its own extensions that are compiled into the proxy; other inline code is not kept."""


def kept_patches(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The `spec` with only what judging needs. Idempotent."""
    kept: dict[str, Any] = {}
    if "workloadSelector" in spec:
        kept["workloadSelector"] = {"labels": texts(table(spec["workloadSelector"]).get("labels"))}
    if "targetRefs" in spec:
        parts = ("group", "kind", "name")
        kept["targetRefs"] = [{part: text(each.get(part)) for part in parts} for each in rows(spec["targetRefs"])]
    kept["configPatches"] = [_patch(each) for each in rows(spec.get("configPatches"))]
    return kept


def snake(key: str) -> str:
    """A field's name as protobuf has it: JSON may say `accessLog` for `access_log`."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in key)


def _patch(patch: Mapping[str, Any]) -> dict[str, Any]:
    change = table(patch.get("patch"))
    return {
        "applyTo": text(patch.get("applyTo")),
        "match": {"context": text(table(patch.get("match")).get("context"))},
        "patch": {"operation": text(change.get("operation")), "value": _shape(change.get("value"), "", _DEPTH)},
    }


def _shape(value: object, key: str, depth: int) -> Any:
    """The fields of a value, without their values."""
    if depth == 0:
        return {"...": {}}
    if isinstance(value, Mapping):
        return {name: _shape(each, snake(name), depth - 1) for name, each in value.items() if isinstance(name, str)}
    if isinstance(value, list | tuple):
        return [_shape(each, key, depth - 1) for each in value]
    told = isinstance(value, str) and key in _TELLING and (key != "inline_string" or value.startswith(_NATIVE))
    return value if told else {}


def _keep_patches(kept: dict[str, Any], obj: Mapping[str, Any]) -> None:
    kept["spec"] = kept_patches(table(obj.get("spec")))


RESOURCES = (
    Resource(
        ISTIO,
        # Never graduated from v1alpha3 (istio/api networking/v1alpha3/envoy_filter.proto).
        ("v1alpha3",),
        "envoyfilters",
        "EnvoyFilter",
        keep=Shape(further=(_keep_patches,)),
        without="one may change the access log of a proxy, its routes or its clusters",
        newer=True,
    ),
)
