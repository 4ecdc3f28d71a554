"""PATCH: JSON merge patch (RFC 7396) and Kubernetes' strategic merge patch, which merges some lists by a key.

Written here because no library on PyPI has the strategic kind. What each list merges by is from the `patchMergeKey`
tags of `k8s.io/api` (core/v1/types.go, meta/v1/types.go); other lists are replaced whole.

In: the type of a patch, an object and the patch. Out: a changed copy.
Example: the merge patch `{"b": None}` makes `{"a": 1}` of `{"a": 1, "b": 2}`.
"""

from __future__ import annotations

import copy
from typing import Any

from egressaudit_lab.kube.refusal import unsupported_media_type

_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),  # of a container, of a service
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}


def patched(content_type: str, obj: Any, patch: Any) -> Any:
    """A changed copy of `obj`; Refusal 415 for patch types that the stand-in does not have."""
    match content_type:
        case "application/merge-patch+json":
            return _merged(obj, patch)
        case "application/strategic-merge-patch+json":
            return _strategic(obj, patch)
        case _:
            raise unsupported_media_type(f"the lab's API server does not understand patches of type {content_type}")


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _strategic(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    result = copy.deepcopy(target) if isinstance(target, dict) and directive != "replace" else {}
    for key, value in patch.items():
        if key == "$patch":
            continue
        if key.startswith("$"):
            _apply_directive(result, key, value)
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list) and (merge_key := _merge_key(key, value)):
            result[key] = _merged_list(result.get(key) or [], value, merge_key)
        else:
            result[key] = _strategic(result.get(key), value)
    return _ordered(result, patch)


def _apply_directive(result: dict[str, Any], key: str, value: Any) -> None:
    """`$retainKeys` and `$deleteFromPrimitiveList/FIELD`; `$setElementOrder/FIELD` is done at the end."""
    if key == "$retainKeys":
        for gone in set(result) - set(value):
            del result[gone]
    elif key.startswith("$deleteFromPrimitiveList/"):
        field = key.partition("/")[2]
        result[field] = [item for item in result.get(field) or [] if item not in value]


def _merge_key(field: str, items: list[Any]) -> str:
    dicts = [item for item in items if isinstance(item, dict)]
    return next((key for key in _MERGE_KEYS.get(field, ()) if any(key in item for item in dicts)), "")


def _merged_list(present: list[Any], patch: list[Any], key: str) -> list[Any]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    result = {item.get(key): item for item in present}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item[key], None)
        else:
            result[item[key]] = _strategic(result.get(item[key]), item)
    return list(result.values())


def _ordered(result: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    for directive, order in patch.items():
        field = directive.partition("/")[2]
        if not directive.startswith("$setElementOrder/") or not isinstance(result.get(field), list):
            continue
        key = _merge_key(field, order)
        wanted = [item[key] if key else item for item in order]
        result[field].sort(
            key=lambda item: wanted.index(name) if (name := item.get(key) if key else item) in wanted else len(wanted)
        )
    return result
