"""Changes of objects that are there: patches, and the command that shows what they would do.

In: an object and a patch. Out: `Change`. Example: the merge patch `{"spec": {"gateways": ["mesh", "egress/gw"]}}` of
VirtualService egress/docs, and

    kubectl patch virtualservice.networking.istio.io/docs -n egress --type=merge -p '{"spec": ...}' --dry-run=server
        -o yaml | kubectl diff -f -

Why patches, and no partial manifests: a snapshot keeps parts of objects, no header values among them, so it cannot
restate one. A partial manifest that somebody gives to `kubectl apply` deletes what it leaves out; a patch cannot lose
anything, and the API server makes the complete object of it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from egressaudit.model import ObjectRef

Merge = Mapping[str, Any]
"""A JSON merge patch (RFC 7396): a list in it is the whole new list, null removes a key."""
Operations = Sequence[Mapping[str, Any]]
"""A JSON patch (RFC 6902): for single elements of lists that a snapshot keeps only in part."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object that is there."""

    api: str
    """Its `apiVersion`."""
    kind: str
    ref: ObjectRef
    """Without a namespace for kinds that have none."""
    patch: Merge | Operations
    what: str
    """What changes, one sentence."""

    @property
    def type(self) -> str:
        """As `kubectl patch --type` calls it."""
        return "merge" if isinstance(self.patch, Mapping) else "json"

    @property
    def applying(self) -> str:
        """The command that would apply it; nobody runs it but the user."""
        where = ("-n", self.ref.namespace) if self.ref.namespace else ()
        words = ("kubectl", "patch", resource(self.api, self.kind, self.ref.name), *where, f"--type={self.type}")
        return shlex.join((*words, "-p", self.json))

    @property
    def json(self) -> str:
        """The patch as JSON, in ASCII."""
        return json.dumps(self.patch if isinstance(self.patch, Mapping) else list(self.patch))

    @property
    def showing(self) -> str:
        """The command that shows what it would change, as a diff of complete objects."""
        return f"{self.applying} --dry-run=server -o yaml | kubectl diff -f -"

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}" if self.ref.namespace else f"{self.kind} {self.ref.name}"


def resource(api: str, kind: str, name: str) -> str:
    """An object as kubectl takes it: `virtualservice.networking.istio.io/docs`, `service/gw`."""
    group, slash, _ = api.partition("/")
    return f"{kind.lower()}{f'.{group}' if slash else ''}/{name}"


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901): `/metadata/labels/istio.io~1rev`."""
    return "".join(f"/{str(each).replace('~', '~0').replace('/', '~1')}" for each in parts)
