"""Objects as the server wrote them: all of a kind, page by page, several kinds at the same time.

In: `Resource`s, e.g. Pods. Out: `Listing` with all objects, which kinds were read, and which are forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from egressaudit.cluster.refusals import Action, Refused, forbidden
from egressaudit.cluster.rest import Rest
from egressaudit.errors import ClusterError, Forbidden
from egressaudit.model import ObjectRef

THREADS = 8
_PAGE = 500
_GONE = 410
_ABSENT = 404


class Listed(Protocol):
    """What is to be listed; `mesh.Resource` is one."""

    @property
    def name(self) -> str:
        """What a record of what was read calls it."""

    @property
    def group(self) -> str:
        """The API group, empty for the core."""

    @property
    def versions(self) -> tuple[str, ...]:
        """In order of preference; the first that the server has is read."""

    @property
    def plural(self) -> str:
        """The name in the path and in RBAC."""

    @property
    def kind(self) -> str:
        """As in `kind:` of a manifest."""

    @property
    def required(self) -> bool:
        """Whether nothing can be done without it."""

    @property
    def only(self) -> ObjectRef | None:
        """The one object to read, None for all of its kind."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was read of a cluster."""

    objects: list[dict[str, Any]]
    """In the order of the resources."""
    read: tuple[str, ...]
    """The resources whose objects these are: all of them, or none where the server does not have the kind."""
    unreadable: tuple[str, ...]
    """What may not be read, one sentence each."""


@dataclass(frozen=True, slots=True)
class _Answer:
    objects: tuple[dict[str, Any], ...] = ()
    refused: Forbidden | None = None


def read_objects(rest: Rest, resources: Iterable[Listed]) -> Listing:
    """The objects of all namespaces.

    Kinds that the server does not have are skipped. A forbidden one is Forbidden if it is `required`; the others
    may well not exist: the server asks RBAC before it looks whether there is such a kind.
    """
    wanted = tuple(resources)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="egressaudit-list") as pool:
        found = list(pool.map(lambda resource: _read(rest, resource), wanted))
    for resource, part in zip(wanted, found, strict=True):
        if part.refused is not None and resource.required:
            refused = [
                each for each, result in zip(wanted, found, strict=True) if result.refused and each is not resource
            ]
            raise forbidden(_action(resource), _in_short(part.refused), [_action(each) for each in refused])
    unreadable = tuple(
        f"{resource.kind} objects ({resource.group or 'core'}) were not read: {part.refused.message}"
        for resource, part in zip(wanted, found, strict=True)
        if part.refused is not None
    )
    listed = ((each, part) for each, part in zip(wanted, found, strict=True) if each.only is None)
    read = (each.name for each, part in listed if part.refused is None)
    return Listing([each for part in found for each in part.objects], tuple(read), unreadable)


def _read(rest: Rest, resource: Listed) -> _Answer:
    refused: Forbidden | None = None
    for version in resource.versions:
        try:
            return _Answer(tuple(_one_version(rest, resource, version)))
        except Refused as error:
            if error.status != _ABSENT:
                raise
        except Forbidden as error:
            # RBAC rules don't name versions, so another version would be forbidden too.
            refused = error
            break
    return _Answer(refused=refused)


def _one_version(rest: Rest, resource: Listed, version: str) -> Iterator[dict[str, Any]]:
    api_version = f"{resource.group}/{version}" if resource.group else version
    root = f"/apis/{api_version}" if resource.group else f"/api/{version}"
    if resource.only is not None:
        ref = resource.only
        path = f"{root}/namespaces/{ref.namespace}/{resource.plural}/{ref.name}"
        yield rest.get(path, _action(resource))
        return
    for item in list_all(rest, f"{root}/{resource.plural}", _action(resource)):
        # Items of a list have no kind of their own; the list has it.
        yield {"apiVersion": api_version, "kind": resource.kind, **item}


def list_all(rest: Rest, path: str, action: Action, selector: str = "") -> list[dict[str, Any]]:
    """All items of a list, page by page; whole in one request where the pages have expired meanwhile."""
    query: dict[str, str | int] = {"limit": _PAGE}
    if selector:
        query["labelSelector"] = selector
    items: list[dict[str, Any]] = []
    while True:
        try:
            page = rest.get(path, action, query)
        except Refused as error:
            if error.status != _GONE or "limit" not in query:
                raise
            # As client-go's pager does: the snapshot behind the pages has expired, so start again without paging.
            items = []
            query.pop("limit")
            query.pop("continue", None)
            continue
        part = page.get("items")
        if part is not None and not isinstance(part, list):
            raise ClusterError(f"the answer to {action} is not a list of objects")
        items += [item for item in part or () if isinstance(item, dict)]
        token = (page.get("metadata") or {}).get("continue")
        if not token:
            return items
        query["continue"] = str(token)


def _action(resource: Listed) -> Action:
    if resource.only is not None:
        ref = resource.only
        return Action(("get",), resource.plural, resource.group, ref.namespace, ref.name)
    return Action(("list",), resource.plural, resource.group)


def _in_short(error: Forbidden) -> str:
    return error.message.partition(": ")[2] or error.message
