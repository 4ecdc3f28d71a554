"""The objects of the lab's cluster, their versions, and what watchers are told about them.

Stored objects are never changed in place: each change stores a new dict, so that what a reader holds stays true.

In: manifests. Out: stored objects, and a `Change` for each write.
Example: the first object of a new store gets `resourceVersion: "2"`.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from bisect import bisect_right
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

from egressaudit_lab.kube.kinds import Kind
from egressaudit_lab.kube.refusal import already_exists, conflict, not_found
from egressaudit_lab.world import Manifest


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the object before (None if created) and after it (None if deleted)."""

    version: int
    kind: Kind
    before: Manifest | None
    after: Manifest | None
    last: Manifest
    """The object as a watcher is shown it; for a deletion its last state."""


def now() -> str:
    """The present as `metav1.Time` has it, in seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(obj: Manifest) -> tuple[str, str]:
    """Namespace (empty for cluster-scoped objects) and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Store:
    """All objects by kind, namespace and name. The history of changes is kept whole: a lab lives for minutes."""

    def __init__(self) -> None:
        self.version = 1
        self._objects: dict[Kind, dict[tuple[str, str], Manifest]] = {}
        self._history: list[Change] = []
        self._changed = asyncio.Event()
        self._closed = False

    def find(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """The object, or None."""
        return self._objects.get(kind, {}).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """The object; Refusal 404 if it is not there."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def all(self, kind: Kind, namespace: str = "") -> list[Manifest]:
        """The objects of one namespace, or of all, sorted by namespace and name."""
        present = self._objects.get(kind, {})
        return [present[key] for key in sorted(present) if not namespace or key[0] == namespace]

    def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """The stored object, with uid and creation time; Refusal 409 if the name is taken."""
        namespace, name = key_of(manifest)
        if self.find(kind, namespace, name) is not None:
            raise already_exists(kind, name)
        obj = copy.deepcopy(manifest)
        obj["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if "spec" in obj:
            obj["metadata"]["generation"] = 1
        self._put(kind, None, obj)
        return obj

    def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """The stored object after the change; an equal one changes nothing. Refusal 404, or 409 if outdated."""
        namespace, name = key_of(manifest)
        before = self.get(kind, namespace, name)
        given, kept = manifest["metadata"], before["metadata"]
        if given.get("resourceVersion", kept["resourceVersion"]) != kept["resourceVersion"]:
            raise conflict(kind, name)
        if given.get("uid", kept["uid"]) != kept["uid"]:
            raise conflict(kind, name, f"Precondition failed: UID in precondition: {given['uid']}")
        obj = copy.deepcopy(manifest)
        fixed = ("uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp")
        obj["metadata"] |= {field: kept[field] for field in fixed if field in kept}
        if "deletionTimestamp" not in kept and "deletionTimestamp" in given:
            obj["metadata"]["deletionTimestamp"] = given["deletionTimestamp"]
        if obj == before:
            return before
        if obj.get("spec") != before.get("spec"):
            obj["metadata"]["generation"] = kept.get("generation", 0) + 1
        self._put(kind, before, obj)
        return obj

    def delete(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """The object as it last was; Refusal 404 if it is not there."""
        before = self.get(kind, namespace, name)
        del self._objects[kind][namespace, name]
        self.version += 1
        last = before | {"metadata": before["metadata"] | {"resourceVersion": str(self.version)}}
        self._tell(Change(self.version, kind, before, None, last))
        return last

    async def watch(self, kind: Kind, since: int) -> AsyncGenerator[Change, None]:
        """The changes of one kind after version `since`, forever; ends when the store is closed."""
        position = bisect_right(self._history, since, key=lambda change: change.version)
        while True:
            # Taken before looking: a change made while the consumer holds the last one must still wake us.
            changed = self._changed
            while position < len(self._history):
                change = self._history[position]
                position += 1
                if change.kind == kind:
                    yield change
            if self._closed:
                return
            await changed.wait()

    def close(self) -> None:
        """End all watches."""
        self._closed = True
        self._changed.set()

    def _put(self, kind: Kind, before: Manifest | None, obj: Manifest) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._objects.setdefault(kind, {})[key_of(obj)] = obj
        self._tell(Change(self.version, kind, before, obj, obj))

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        self._changed.set()
        if not self._closed:
            self._changed = asyncio.Event()
