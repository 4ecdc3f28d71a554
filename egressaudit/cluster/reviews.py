"""What the caller may do, as the API server itself says: one SelfSubjectAccessReview for each permission.

In: `Action`s with one verb each, e.g. list pods in the whole cluster. Out: True, False, or None where the server does
not say. A review is a question: the server answers it and keeps nothing, though the request is a POST.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from egressaudit.cluster.parallel import in_parallel
from egressaudit.cluster.refusals import Action, Refused
from egressaudit.cluster.rest import Rest
from egressaudit.errors import Forbidden

_GROUP = "authorization.k8s.io"
_PATH = f"/apis/{_GROUP}/v1/selfsubjectaccessreviews"
_ASKING = Action(("create",), "selfsubjectaccessreviews", _GROUP)


def reviewed(rest: Rest, actions: Sequence[Action]) -> tuple[bool | None, ...]:
    """The answer to each, in their order. Unauthorized or Unreachable as for any request."""
    return tuple(in_parallel(lambda action: _one(rest, action), actions))


def _one(rest: Rest, action: Action) -> bool | None:
    [verb] = action.verbs
    resource, _, subresource = action.resource.partition("/")
    asked = {
        "verb": verb,
        "group": action.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": action.namespace,
        "name": action.name,
    }
    body = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
    }
    try:
        answer = rest.request("POST", _PATH, _ASKING, body=body)
    except (Forbidden, Refused):
        return None
    return _allowed(answer)


def _allowed(answer: Mapping[str, Any]) -> bool | None:
    status = answer.get("status")
    said = status.get("allowed") if isinstance(status, Mapping) else None
    return said if isinstance(said, bool) else None
