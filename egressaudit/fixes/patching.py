"""A patch applied to an object: what `kubectl patch` would make of it.

In: an object and a `Change`. Out: a changed copy. Example: the merge patch `{"spec": {"gateways": ["mesh"]}}` replaces
the list and leaves the rest of `spec` as it is. ValueError where the object is not as the patch expects it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from egressaudit.manifests import Change, pointer


def patched(obj: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The object after the change. ValueError if it cannot be applied: then nothing of it is."""
    made = copy.deepcopy(dict(obj))
    if isinstance(change.patch, Mapping):
        return dict(_merged(made, change.patch))
    for operation in change.patch:
        _apply(made, operation)
    return made


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _apply(obj: dict[str, Any], operation: Mapping[str, Any]) -> None:
    kind, path = operation["op"], _parts(operation["path"])
    if kind == "test":
        if _at(obj, path) != operation["value"]:
            raise ValueError(f"{operation['path']} is not as it was in the snapshot")
    elif kind == "move":
        _add(obj, path, _remove(obj, _parts(operation["from"])))
    elif kind == "remove":
        _remove(obj, path)
    elif kind == "replace":
        _remove(obj, path)
        _add(obj, path, copy.deepcopy(operation["value"]))
    elif kind == "add":
        _add(obj, path, copy.deepcopy(operation["value"]))
    else:
        raise ValueError(f"operation {kind!r} is not known")


def _parts(path: str) -> list[str]:
    return [each.replace("~1", "/").replace("~0", "~") for each in path.split("/")[1:]]


def _at(obj: Any, path: Sequence[str]) -> Any:
    found = obj
    for part in path:
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"there is no {pointer(*path)}") from error
    return found


def _remove(obj: dict[str, Any], path: Sequence[str]) -> Any:
    value, parent = _at(obj, path), _at(obj, path[:-1])
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]
    return value


def _add(obj: dict[str, Any], path: Sequence[str], value: Any) -> None:
    parent, last = _at(obj, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise ValueError(f"{pointer(*path[:-1])} has no fields")  # noqa: TRY004  the patch is wrong, not the program
