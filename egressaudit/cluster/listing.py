"""Objects as the server wrote them: all of a kind, page by page, several kinds at the same time.

In: `Resource`s, e.g. Pods. Out: `Listing` with all objects, which kinds were read, and which are forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.parallel import in_parallel
from egressaudit.cluster.refusals import Action, Refused, forbidden
from egressaudit.cluster.rest import NO_API, Rest
from egressaudit.errors import ClusterError, Forbidden
from egressaudit.mesh.untyped import table, text
from egressaudit.model import ObjectRef

_PAGE = 500
_MOST_OBJECTS = 1_000_000
"""Of one kind. The largest clusters that Kubernetes is tested with have 150,000 pods."""
_FEWEST = 50
"""Objects of a page, on average, if more pages are announced: servers fill their pages, and here one has 500."""
_SHORT_PAGES = 20
"""Pages that may be shorter all the same."""
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
    found = in_parallel(lambda resource: _read(rest, resource), wanted)
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
    if resource.only is not None:
        ref = resource.only
        path = api_path(api_version, resource.plural, ref.namespace, ref.name)
        yield _whole(rest.get(path, _action(resource)), _action(resource))
        return
    for item in list_all(rest, api_path(api_version, resource.plural), _action(resource)):
        # Items of a list have no kind of their own; the list has it.
        yield {"apiVersion": api_version, "kind": resource.kind, **item}


def list_all(rest: Rest, path: str, action: Action, selector: str = "", accept: str = "") -> list[dict[str, Any]]:
    """All items of a list, page by page; whole in one request where the pages have expired meanwhile.

    `accept` asks for another form of the list, e.g. the items' metadata alone.

    ClusterError for a list that does not end, and for one whose items are no objects.
    """
    query: dict[str, str | int] = {"limit": _PAGE}
    if selector:
        query["labelSelector"] = selector
    pages = _Pages(action)
    while True:
        try:
            page = rest.get(path, action, query, accept)
        except Refused as error:
            if error.status != _GONE or "limit" not in query:
                raise
            # As client-go's pager does: the snapshot behind the pages has expired, so start again without paging.
            pages = _Pages(action)
            query.pop("limit")
            query.pop("continue", None)
            continue
        token = pages.take(page)
        if not token:
            return pages.items
        query["continue"] = token


class _Pages:
    """The items of one list, as its pages come."""

    def __init__(self, action: Action) -> None:
        self.items: list[dict[str, Any]] = []
        self._action = action
        self._tokens: set[str] = set()

    def take(self, page: Mapping[str, Any]) -> str:
        """Add a page; the token of the next one, '' where there is none."""
        items = page.get("items")
        if items is not None and not isinstance(items, list):
            raise ClusterError(f"the answer to {self._action} is not a list of objects", hint=NO_API)
        self.items += [_whole(each, self._action) for each in items or ()]
        token = text(table(page.get("metadata")).get("continue"))
        slow = len(self._tokens) > _SHORT_PAGES + len(self.items) // _FEWEST
        if token and (token in self._tokens or slow or len(self.items) > _MOST_OBJECTS):
            raise ClusterError(
                f"the answer to {self._action} does not end: {len(self.items)} objects in {len(self._tokens) + 1} "
                "pages, and more are announced",
                hint=NO_API,
            )
        self._tokens.add(token)
        return token


def _whole(item: object, action: Action) -> dict[str, Any]:
    """An object with a name. To leave out what is none would be to judge by a part of the mesh."""
    if isinstance(item, dict):
        meta = item.get("metadata")
        if isinstance(meta, dict) and text(meta.get("name")) and isinstance(meta.get("namespace", ""), str):
            return item
    raise ClusterError(f"the answer to {action} holds something that is not an object with a name", hint=NO_API)


def _action(resource: Listed) -> Action:
    if resource.only is not None:
        ref = resource.only
        return Action(("get",), resource.plural, resource.group, ref.namespace, ref.name)
    return Action(("list",), resource.plural, resource.group)


def _in_short(error: Forbidden) -> str:
    return error.message.partition(": ")[2] or error.message
