"""How objects are shown to a request: selected, in the requested version, as objects, lists, Tables or events.

In: stored objects and the `Accept` header. Out: JSON.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from egressaudit_lab.kube.logs import truth
from egressaudit_lab.kube.refusal import bad_request
from egressaudit_lab.kube.routing import Target
from egressaudit_lab.kube.selection import fields_selector, labels_selector
from egressaudit_lab.kube.store import Change, Store
from egressaudit_lab.kube.tables import table
from egressaudit_lab.world import Manifest

_META = "meta.k8s.io/v1"
_BUILT_IN = ("", "apps", "discovery.k8s.io")


class View:
    """One request's view. Versions of a kind differ only in `apiVersion`: conversion is a relabelling."""

    def __init__(self, target: Target, query: Mapping[str, str], accept: str) -> None:
        self._target = target
        self._query = query
        self._table = "as=Table" in accept
        self._names = "as=PartialObjectMetadataList" in accept
        self._labels = labels_selector(query.get("labelSelector", ""))
        self._fields = fields_selector(query.get("fieldSelector", ""))

    @property
    def timeout(self) -> float | None:
        """After how many seconds a watch shall end."""
        text = self._query.get("timeoutSeconds", "")
        return float(text) if text.isdecimal() and int(text) else None

    def selects(self, obj: Manifest) -> bool:
        """Whether the selectors of the request take the object, and it is in the request's namespace."""
        inside = not self._target.namespace or obj["metadata"].get("namespace") == self._target.namespace
        named = self._target.name in {"", obj["metadata"]["name"]}
        return inside and named and self._labels(obj) and self._fields(obj)

    def one(self, obj: Manifest) -> Manifest:
        """One object, or a Table with its row."""
        if self._table:
            return table(
                self._target.kind,
                [self._labelled(obj)],
                obj["metadata"]["resourceVersion"],
                self._query.get("includeObject", ""),
            )
        return self._labelled(obj)

    def many(self, objects: Sequence[Manifest], version: int) -> Manifest:
        """The selected objects. All at once: `limit` and `continue` are ignored, as a server may."""
        kind = self._target.kind
        chosen = [self._labelled(obj) for obj in objects if self.selects(obj)]
        if self._table:
            return table(kind, chosen, str(version), self._query.get("includeObject", ""))
        if self._names:
            return _names_alone(chosen, version)
        if kind.group in _BUILT_IN:
            # As Go encodes a typed list: its items do not repeat what they are.
            hidden = ("apiVersion", "kind")
            chosen = [{field: value for field, value in obj.items() if field not in hidden} for obj in chosen]
        return {
            "kind": f"{kind.name}List",
            "apiVersion": kind.api_version(self._target.version),
            "metadata": {"resourceVersion": str(version)},
            "items": chosen,
        }

    async def watch(self, store: Store) -> AsyncGenerator[Manifest, None]:
        """The watch events: from `resourceVersion` on, or first what is there now."""
        start = self._query.get("resourceVersion", "")
        initial = truth(self._query.get("sendInitialEvents"))
        if start and not start.isdecimal():
            raise bad_request(f'resourceVersion: Invalid value: "{start}"')
        since = store.version if initial or start in {"", "0"} else int(start)
        present = store.all(self._target.kind) if initial or start in {"", "0"} else []
        for obj in present:
            if self.selects(obj):
                yield {"type": "ADDED", "object": self.one(obj)}
        if initial:
            yield self._bookmark(since)
        async with aclosing(store.watch(self._target.kind, since)) as changes:
            async for change in changes:
                if event := self._event(change):
                    yield event

    def _event(self, change: Change) -> Manifest | None:
        before = change.before is not None and self.selects(change.before)
        after = change.after is not None and self.selects(change.after)
        match before, after:
            case True, True:
                kind = "MODIFIED"
            case True, False:
                kind = "DELETED"
            case False, True:
                kind = "ADDED"
            case _:
                return None
        return {"type": kind, "object": self.one(change.last)}

    def _bookmark(self, version: int) -> Manifest:
        meta = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
        kind = self._target.kind
        obj = {"kind": kind.name, "apiVersion": kind.api_version(self._target.version), "metadata": meta}
        return {"type": "BOOKMARK", "object": obj}

    def _labelled(self, obj: Manifest) -> Manifest:
        return obj | {"apiVersion": self._target.kind.api_version(self._target.version)}


def _names_alone(objects: Sequence[Manifest], version: int) -> Manifest:
    """The metadata of objects (`meta/v1 PartialObjectMetadataList`)."""
    items = [{"apiVersion": _META, "kind": "PartialObjectMetadata", "metadata": each["metadata"]} for each in objects]
    meta = {"resourceVersion": str(version)}
    return {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": meta, "items": items}
