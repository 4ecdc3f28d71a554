"""What a request asks for, read from its URL as `apiserver/pkg/endpoints/request/requestinfo.go` does.

In: `/api/v1/namespaces/shop/pods/cart-1/log`. Out: get, pods/log, shop, cart-1.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit_lab.kube.kinds import Kind, by_plural, groups
from egressaudit_lab.kube.refusal import method_not_allowed, no_such_resource

_ONE = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
_MANY = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}


@dataclass(frozen=True, slots=True)
class Target:
    """A request for resources. `verb` is RBAC's."""

    verb: str
    kind: Kind
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target_of(method: str, path: str, *, watch: bool) -> Target | None:
    """The resources a URL names; None if no group serves anything like it.

    Raises Refusal 404 for an unknown resource of a known group, 405 for a method it does not have.
    """
    parts = path.strip("/").split("/")
    match parts:
        case ["api", "v1", first, *rest]:
            group, version = "", "v1"
        case ["apis", group, version, first, *rest]:
            if version not in groups().get(group, ()):
                return None
        case _:
            return None
    namespace = ""
    # `namespaces/NAME` and `namespaces/NAME/status` are the namespace itself, the rest is what is in it.
    if first == "namespaces" and len(rest) > 1 and rest[1] not in {"status", "finalize"}:
        namespace, first, *rest = rest
    kind = by_plural(group, version, first)
    if kind is None or len(rest) > 2 or (namespace and not kind.namespaced):
        raise no_such_resource()
    name, subresource = (*rest, "", "")[:2]
    if subresource and subresource not in kind.subresources:
        raise no_such_resource()
    verbs = _ONE if name else _MANY
    if method not in verbs or (method == "POST" and name and subresource != "exec"):
        raise method_not_allowed()
    return Target("watch" if watch else verbs[method], kind, version, namespace, name, subresource)
