"""Which APIs the server has, from discovery, which every authenticated user may read (system:discovery).

In: API groups, e.g. networking.istio.io. Out: for each that is there its versions and the kinds of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.refusals import Action, Refused
from egressaudit.cluster.rest import Rest
from egressaudit.errors import Forbidden
from egressaudit.mesh.untyped import rows, text
from egressaudit.model.analysis import ServedApi

_MOST_VERSIONS = 20
"""Of one group; each is one request."""


def served_apis(rest: Rest, groups: Iterable[str]) -> tuple[ServedApi, ...]:
    """Those of these groups that the server has, in their order; none where discovery is forbidden."""
    wanted = tuple(groups)
    listed = _get(rest, "/apis").get("groups")
    there = {text(each.get("name")): each for each in rows(listed)}
    return tuple(_one(rest, name, there[name]) for name in wanted if name in there)


def _one(rest: Rest, name: str, group: Mapping[str, Any]) -> ServedApi:
    versions = tuple(text(each.get("version")) for each in rows(group.get("versions"))[:_MOST_VERSIONS])
    kinds: dict[str, None] = {}
    for version in versions:
        for each in rows(_get(rest, api_path(f"{name}/{version}")).get("resources")):
            plural = each.get("name")
            if isinstance(plural, str) and "/" not in plural:
                kinds[plural] = None
    return ServedApi(name, versions, tuple(sorted(kinds)))


def _get(rest: Rest, path: str) -> Mapping[str, Any]:
    try:
        return rest.get(path, Action(("get",), path))
    except (Forbidden, Refused):
        return {}
