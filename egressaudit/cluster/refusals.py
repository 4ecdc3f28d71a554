"""What an API server refused, as an error of ours: one paragraph, and the Role that would allow it.

In: the HTTP status and body of an answer, and the `Action` that we asked for. Out: the error to raise.
Example: if RBAC answers 403 to `get pods/log curl-1 in namespace curl`, the error is `Forbidden`. Its hint is a Role
with `resources: [pods/log]` and `verbs: [get]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from egressaudit.cluster.access import unauthorized
from egressaudit.cluster.foreign_text import message_of
from egressaudit.errors import ClusterError, Forbidden

_BY_RBAC = re.compile(r"\bcannot \w+ resource\b|\bcannot impersonate\b|RBAC:")
"""How an authorizer words its refusal (kubernetes staging/src/k8s.io/apiserver/.../responsewriters/errors.go).

Admission also answers 403, in other words.
"""


PASSING = frozenset({429, 500, 502, 503, 504})
"""Statuses that may pass until the next attempt. With 429 and 503 nothing was done."""


@dataclass(frozen=True, slots=True)
class Action:
    """One request to the API server, in RBAC's terms. An empty namespace means the whole cluster."""

    verbs: tuple[str, ...]
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{' and '.join(self.verbs)} {resource}{f' {self.name}' if self.name else ''} {where}"


class Refused(ClusterError):
    """The API server refused a request. Only for use within `cluster`."""

    def __init__(self, message: str, status: int, server_message: str) -> None:
        super().__init__(message, hint="The server's own logs say more. To repeat the request, use `kubectl -v=8`.")
        self.status = status
        self.server_message = server_message
        self.retry_after = 0.0


def refusal(status: int, body: bytes, action: Action, server: str) -> ClusterError:
    """The error for an answer that is not 2xx: Unauthorized, Forbidden, or Refused for the rest."""
    server_message = message_of(body)
    if status == 401:
        return unauthorized(server, server_message or "401")
    if status == 403 and _BY_RBAC.search(server_message):
        return forbidden(action, server_message)
    if 300 <= status < 400:
        # Where it leads is not shown and not followed: our credentials would go there.
        server_message = "a redirect, which is not followed"
    return Refused(
        f"the API server {server} answered {status} to {action}: {server_message or 'no message'}",
        status,
        server_message,
    )


def forbidden(action: Action, server_message: str, also: Iterable[Action] = ()) -> Forbidden:
    """HTTP 403 by RBAC; the hint grants the action, and what else will be needed."""
    return Forbidden(f"not allowed to {action}: {server_message}", hint=_granting((action, *also)))


def seconds(retry_after: str | None) -> float:
    """Kubernetes gives Retry-After in seconds; a date, which RFC 9110 also allows, counts as none."""
    return float(retry_after[:9]) if retry_after and retry_after.isdecimal() else 0.0


def granting(actions: Iterable[Action]) -> str:
    """The manifests that grant these: a ClusterRole for the whole cluster, a Role for each namespace; '' for none.

    A single object is granted by a ClusterRole too: its name limits it.
    """
    wanted: dict[str, list[Action]] = {}
    for each in actions:
        wanted.setdefault("" if each.name else each.namespace, []).append(each)
    return "\n---\n".join("\n".join(_role(namespace, wanted[namespace])) for namespace in sorted(wanted))


def _role(namespace: str, actions: list[Action]) -> Iterator[str]:
    yield "apiVersion: rbac.authorization.k8s.io/v1"
    yield f"kind: {'Role' if namespace else 'ClusterRole'}"
    yield "metadata:"
    yield "  name: egressaudit"
    if namespace:
        yield f"  namespace: {namespace}"
    yield "rules:"
    verbs: dict[tuple[str, str, str], dict[str, None]] = {}
    for each in actions:
        verbs.setdefault((each.group, each.name, each.resource), {}).update(dict.fromkeys(each.verbs))
    rules: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, name, resource), said in verbs.items():
        rules.setdefault((group, name, tuple(said)), []).append(resource)
    for (group, name, granted), resources in rules.items():
        yield f'- apiGroups: ["{group}"]'
        yield f"  resources: [{', '.join(resources)}]"
        if name:
            yield f"  resourceNames: [{name}]"
        yield f"  verbs: [{', '.join(granted)}]"


def _granting(actions: tuple[Action, ...]) -> str:
    namespace = actions[0].namespace
    kind = "Role" if namespace else "ClusterRole"
    rules: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for action in actions:
        resources = rules.setdefault((action.group, action.verbs), [])
        if action.resource not in resources:
            resources.append(action.resource)
    lines = [
        f"A cluster administrator can allow it: bind this {kind} to the user with a {kind}Binding:",
        "apiVersion: rbac.authorization.k8s.io/v1",
        f"kind: {kind}",
        "metadata:",
        "  name: egressaudit",
        *([f"  namespace: {namespace}"] if namespace else []),
        "rules:",
    ]
    for (group, verbs), resources in rules.items():
        lines += [
            f'- apiGroups: ["{group}"]',
            f"  resources: [{', '.join(resources)}]",
            f"  verbs: [{', '.join(verbs)}]",
        ]
    return "\n".join(lines)
