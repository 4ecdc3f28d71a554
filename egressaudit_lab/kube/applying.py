"""Server-side apply, as far as it goes without schemas: maps are merged key by key, and every list is one value.

That is what Kubernetes does with custom resources whose lists are `atomic`, which a list is unless its definition says
otherwise; for all other kinds the stand-in refuses. Who owns which field is kept in `metadata.managedFields`, as
`apimachinery/pkg/util/managedfields` does, for `Apply` alone: what other requests change has no owner here.

In: the object as it is, what a manager applies, and its name. Out: the object as it is then. Example: a label that the
manager had applied before, and does not apply any more, is gone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from egressaudit_lab.kube.kinds import Kind
from egressaudit_lab.kube.refusal import Refusal, bad_request, unsupported_media_type
from egressaudit_lab.kube.store import now
from egressaudit_lab.world import Manifest

APPLY = "application/apply-patch+yaml"
"""The content type of such a PATCH."""
Field = tuple[str, ...]
_OF_THE_SERVER = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"})
_IDENTITY = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"))


def applied(kind: Kind, before: Manifest | None, config: Manifest, manager: str, *, force: bool) -> Manifest:
    """The object after a manager has applied a configuration.

    Refusal 400 without a manager, 409 where another one owns a field with another value, 415 for kinds whose lists are
    merged by keys that the stand-in does not know.
    """
    if not kind.atomic_lists:
        raise unsupported_media_type(f"the lab's API server cannot apply {kind.resource}: it does not know its lists")
    if not manager:
        raise bad_request(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    if (config.get("metadata") or {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    result = copy.deepcopy(before) if before else {}
    owners = _owners(result)
    wanted = {field: value for field, value in _leaves(config) if _ownable(field)}
    taken = _conflicts(result, owners, wanted, manager)
    if taken and not force:
        raise _conflict(taken)
    for other, field in taken:
        owners[other].discard(field)
    kept = {field for other, fields in owners.items() if other != manager for field in fields}
    for field in owners.get(manager, set()) - set(wanted) - kept:
        _remove(result, field)
    for field, value in [*wanted.items(), *((each, _at(config, each)) for each in _IDENTITY)]:
        if value is not None:
            _put(result, field, value)
    owners[manager] = set(wanted)
    result["metadata"]["managedFields"] = [
        _entry(name, fields, kind.api_version()) for name, fields in sorted(owners.items()) if fields
    ]
    return result


def _ownable(field: Field) -> bool:
    return field not in _IDENTITY and not (field[0] == "metadata" and len(field) > 1 and field[1] in _OF_THE_SERVER)


def _leaves(value: Manifest, above: Field = ()) -> Iterator[tuple[Field, Any]]:
    for key, each in value.items():
        if isinstance(each, dict) and each:
            yield from _leaves(each, (*above, key))
        else:
            yield (*above, key), each


def _owners(obj: Manifest) -> dict[str, set[Field]]:
    entries = (obj.get("metadata") or {}).get("managedFields") or []
    return {each["manager"]: set(_fields(each["fieldsV1"])) for each in entries}


def _fields(tree: Manifest, above: Field = ()) -> Iterator[Field]:
    for key, below in tree.items():
        field = (*above, key.removeprefix("f:"))
        if below:
            yield from _fields(below, field)
        else:
            yield field


def _entry(manager: str, fields: set[Field], api_version: str) -> Manifest:
    tree: Manifest = {}
    for field in sorted(fields):
        place = tree
        for key in field:
            place = place.setdefault(f"f:{key}", {})
    said = {"manager": manager, "operation": "Apply", "apiVersion": api_version, "time": now()}
    return said | {"fieldsType": "FieldsV1", "fieldsV1": tree}


def _conflicts(
    obj: Manifest, owners: dict[str, set[Field]], wanted: dict[Field, Any], manager: str
) -> list[tuple[str, Field]]:
    return [
        (other, field)
        for other, fields in owners.items()
        for field in sorted(fields)
        if other != manager and field in wanted and _at(obj, field) != wanted[field]
    ]


def _conflict(taken: list[tuple[str, Field]]) -> Refusal:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{other}"', "field": f".{'.'.join(field)}"}
        for other, field in taken
    ]
    said = "; ".join(f"{each['message']}: {each['field']}" for each in causes)
    number = f"{len(causes)} conflict{'' if len(causes) == 1 else 's'}"
    return Refusal(409, "Conflict", f"Apply failed with {number}: {said}", {"causes": causes})


def _at(obj: Any, field: Field) -> Any:
    for key in field:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(key)
    return obj


def _put(obj: Manifest, field: Field, value: Any) -> None:
    for key in field[:-1]:
        below = obj.get(key)
        if not isinstance(below, dict):
            below = obj[key] = {}
        obj = below
    if value == {} and isinstance(obj.get(field[-1]), dict):
        return  # an empty map asks for the map, and says nothing of what others have in it
    obj[field[-1]] = copy.deepcopy(value)


def _remove(obj: Manifest, field: Field) -> None:
    above = _at(obj, field[:-1])
    if isinstance(above, dict):
        above.pop(field[-1], None)
    if len(field) > 1 and above == {}:
        _remove(obj, field[:-1])
