"""Discovery: which groups, versions and kinds there are, both as one document and piece by piece.

In: `GET /apis`. Out: what `kubectl api-resources` needs.
"""

from __future__ import annotations

from egressaudit_lab.kube.kinds import REVIEWS, Kind, groups, served
from egressaudit_lab.world import Manifest

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The content type of `aggregated`."""

VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.0+egressaudit-lab-stand-in",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "not-go",
    "compiler": "none",
    "platform": "linux/amd64",
}
"""GET /version: the behaviour imitated, and that it is a stand-in."""


def document(parts: list[str]) -> Manifest | None:
    """What is at a path of discovery or version, None if there is nothing."""
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups_known = [_group(name) for name in groups() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups_known}
        case ["api", "v1"]:
            return _resource_list("", "v1")
        case ["apis", name] if name and name in groups():
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}
        case ["apis", name, version] if name and version in groups().get(name, ()):
            return _resource_list(name, version)
    return None


def aggregated(*, core: bool) -> Manifest:
    """`APIGroupDiscoveryList` for /api (`core`) or /apis."""
    items = [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": version,
                    "freshness": "Current",
                    "resources": [_aggregated(kind, version) for kind in served(group, version)],
                }
                for version in versions
            ],
        }
        for group, versions in groups().items()
        if (group == "") is core
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(kind: Kind, version: str) -> Manifest:
    response = {"group": kind.group, "version": version, "kind": kind.name}
    resource: Manifest = {
        "resource": kind.plural,
        "responseKind": response,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.name.lower(),
        "verbs": _verbs(kind),
        "shortNames": list(kind.short),
        "categories": ["all"] if kind.in_all else [],
    }
    if kind not in REVIEWS:
        resource["subresources"] = [
            {"subresource": name, "responseKind": response, "verbs": _subresource_verbs(name)}
            for name in kind.subresources
        ]
    return resource


def _group(name: str) -> Manifest:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(group_name: str, version: str) -> Manifest:
    resources: list[Manifest] = []
    for kind in served(group_name, version):
        entry: Manifest = {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": _verbs(kind),
            "shortNames": list(kind.short),
        }
        resources.append(entry | ({"categories": ["all"]} if kind.in_all else {}))
        resources += [
            {
                "name": f"{kind.plural}/{name}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": _subresource_verbs(name),
            }
            for name in kind.subresources
            if kind not in REVIEWS
        ]
    api_version = f"{group_name}/{version}" if group_name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources}


def _verbs(kind: Kind) -> list[str]:
    return ["create"] if kind in REVIEWS else _VERBS


def _subresource_verbs(name: str) -> list[str]:
    return {"log": ["get"], "exec": ["create", "get"]}.get(name, ["get", "patch", "update"])
