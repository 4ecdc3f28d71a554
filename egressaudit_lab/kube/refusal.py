"""How a Kubernetes API server says no: `v1.Status` in the words of `apimachinery/pkg/api/errors/errors.go`.

In: what the server refuses. Out: a `Refusal`. Example: `not_found(POD, "curl")` has the code 404 and the message
`pods "curl" not found`.
"""

from __future__ import annotations

from typing import Any

from egressaudit_lab.kube.kinds import Kind
from egressaudit_lab.world import Manifest

USER = "lab"
"""The user of the lab's only token."""


class Refusal(Exception):
    """A request that is answered with an HTTP status and a `v1.Status` body."""

    def __init__(
        self, code: int, reason: str, message: str, details: Manifest | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.body = status(message, reason=reason, code=code, details=details)


def status(message: str = "", *, reason: str = "", code: int = 0, details: Manifest | None = None) -> Manifest:
    """A `v1.Status`; Success if no reason is given."""
    body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    body["status"] = "Failure" if reason else "Success"
    optional = {"message": message, "reason": reason, "details": details, "code": code}
    return body | {key: value for key, value in optional.items() if value}


def _details(kind: Kind, name: str) -> Manifest:
    given = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in given.items() if value}


def not_found(kind: Kind, name: str) -> Refusal:
    """404 for one object."""
    return Refusal(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def no_such_resource() -> Refusal:
    """404 for a resource that no group serves."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Kind, name: str) -> Refusal:
    """409 on creation."""
    return Refusal(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> Refusal:
    """409 on a change of something that has changed meanwhile."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return Refusal(409, "Conflict", message, _details(kind, name))


def invalid(kind: Kind, name: str, field: str, why: str) -> Refusal:
    """422 for an object whose `field` breaks a rule; `why` is as in `Forbidden: ...` or `Required value`."""
    qualified = f"{kind.name}.{kind.group}" if kind.group else kind.name
    details = {"name": name, "group": kind.group, "kind": kind.name}
    reason = "FieldValueRequired" if why.startswith("Required") else "FieldValueInvalid"
    cause = {"reason": reason, "message": why, "field": field}
    given = {key: value for key, value in details.items() if value} | {"causes": [cause]}
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {field}: {why}', given)


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "BadRequest", message)


def unsupported_media_type(message: str) -> Refusal:
    """415, for patch types and encodings that the stand-in does not have."""
    return Refusal(415, "UnsupportedMediaType", message)


def method_not_allowed() -> Refusal:
    """405."""
    return Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unauthorized() -> Refusal:
    """401: no token, or not the right one."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(
    kind: Kind, verb: str, *, namespace: str = "", name: str = "", subresource: str = "", user: str = USER
) -> Refusal:
    """403 in RBAC's words (`plugin/pkg/auth/authorizer/rbac`, `responsewriters.Forbidden`)."""
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    named = f'{kind.resource} "{name}"' if name else kind.resource
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{named} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
    )
    return Refusal(403, "Forbidden", message, _details(kind, name))


def denied(kind: Kind, name: str, message: str) -> Refusal:
    """403 by admission, which has words of its own."""
    return Refusal(403, "Forbidden", message, _details(kind, name))


def injected(code: int) -> Refusal:
    """The failures of an API server in trouble, for injected faults."""
    match code:
        case 401:
            return unauthorized()
        case 429:
            message = "Too many requests, please try again later."
            return Refusal(429, "TooManyRequests", message, {"retryAfterSeconds": 1}, retry_after=1)
        case 503:
            return Refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        case _:
            cause = {"causes": [{"message": "injected by the lab"}]}
            return Refusal(code, "InternalError", "Internal error occurred: injected by the lab", cause)
