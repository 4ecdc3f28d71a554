"""Objects that we own: written by server-side apply, found again by their labels, and removed.

In: a manifest with all fields that are ours. Out: the object in the cluster has them, and none that we had set before
and do not set any more. Example: a `Report` whose results are others in each run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.listing import list_all
from egressaudit.cluster.refusals import Action, Refused
from egressaudit.cluster.rest import Rest
from egressaudit.mesh.untyped import table, text
from egressaudit.model import ObjectRef

MANAGER = "egressaudit"
"""The field manager: the API server keeps under this name which fields are ours."""
_APPLY = {"Content-Type": "application/apply-patch+yaml"}  # JSON is YAML
_NAMES_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_ABSENT = 404
_FORBIDDEN = 403


def applied(rest: Rest, plural: str, manifest: Mapping[str, Any]) -> bool:
    """Write an object, even over others' changes to it; False if its namespace is gone or terminating."""
    meta = manifest["metadata"]
    namespace, name = str(meta.get("namespace", "")), str(meta["name"])
    path = api_path(str(manifest["apiVersion"]), plural, namespace, name)
    # An object that is not there yet is created, which takes that permission too.
    action = Action(("create", "patch"), plural, _group(manifest["apiVersion"]), namespace, name)
    query: dict[str, str | int] = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
    try:
        rest.request("PATCH", path, action, query=query, body=manifest, headers=_APPLY)
    except Refused as error:
        if namespace and _namespace_gone(error, namespace):
            return False
        raise
    return True


def labelled(rest: Rest, api_version: str, plural: str, selector: str) -> tuple[ObjectRef, ...]:
    """The objects with these labels, in all namespaces or of the cluster (whose namespace is '' then)."""
    action = Action(("list",), plural, _group(api_version))
    found = list_all(rest, api_path(api_version, plural), action, selector, _NAMES_ALONE)
    metas = [table(each.get("metadata")) for each in found]
    return tuple(ObjectRef(text(each.get("namespace")), text(each.get("name"))) for each in metas)


def deleted(rest: Rest, api_version: str, plural: str, ref: ObjectRef) -> None:
    """Remove an object; fine if it is gone."""
    action = Action(("delete",), plural, _group(api_version), ref.namespace, ref.name)
    try:
        rest.request("DELETE", api_path(api_version, plural, ref.namespace, ref.name), action)
    except Refused as error:
        if error.status != _ABSENT:
            raise


def _namespace_gone(error: Refused, namespace: str) -> bool:
    if error.status == _ABSENT:
        return f'namespaces "{namespace}" not found' in error.server_message
    # kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go
    return error.status == _FORBIDDEN and "because it is being terminated" in error.server_message


def _group(api_version: object) -> str:
    return str(api_version).rpartition("/")[0]
