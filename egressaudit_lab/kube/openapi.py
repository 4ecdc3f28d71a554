"""The smallest honest OpenAPI: that writes take `fieldValidation`, so that kubectl leaves validation to the server.

kubectl looks for the parameter on the PATCH of a kind (kubectl/pkg/cmd/util/openapi, `query_param_verifier_v3.go`) and
else wants whole schemas to validate by itself. The stand-in has no schemas: misspelt fields are not found here.

In: the parts of a path. Out: the document there. Example: `document(["openapi", "v3"])` lists `api/v1` and the other
groups with their versions.
"""

from __future__ import annotations

from egressaudit_lab.kube.kinds import REVIEWS, groups, served
from egressaudit_lab.world import Manifest


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def document(parts: list[str]) -> Manifest | None:
    """What is at a path below /openapi/v3: the index, or the operations of one group and version; None elsewhere."""
    if parts[:2] != ["openapi", "v3"]:
        return None
    known = {_path(group, version): (group, version) for group, versions in groups().items() for version in versions}
    path = "/".join(parts[2:])
    if not path:
        return {"paths": {known_path: {"serverRelativeURL": f"/openapi/v3/{known_path}"} for known_path in known}}
    if path not in known:
        return None
    group, version = known[path]
    validation = {
        "name": "fieldValidation",
        "in": "query",
        "description": "Accepted and ignored: the lab has no schemas.",
        "schema": {"type": "string"},
    }
    paths = {}
    for kind in served(group, version):
        identity = {"group": group, "version": version, "kind": kind.name}
        operation = {
            "parameters": [validation],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-group-version-kind": identity,
        }
        where = "namespaces/{namespace}/" if kind.namespaced else ""
        collection = f"/{path}/{where}{kind.plural}"
        paths[collection] = {"post": operation}
        if kind not in REVIEWS:
            paths[collection + "/{name}"] = {"patch": operation, "put": operation}
    info = {"title": "The Kubernetes API of egressaudit's lab, a stand-in", "version": version}
    return {"openapi": "3.0.0", "info": info, "paths": paths}
