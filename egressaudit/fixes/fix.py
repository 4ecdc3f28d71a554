"""What a fix is: objects to add, changes of objects that are there, and what all that would do to others.

In: nothing; `fix_rules` writes them. Out: `Fix`. Example: the `Fix` of EC26 has one `Change`, of `spec.gateways` of a
VirtualService, and says which namespaces' sidecars follow that from then on.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egressaudit.manifests import Change, Manifest, resource
from egressaudit.model import ObjectRef

if TYPE_CHECKING:
    from egressaudit.fixes.wrong import Wrong


@dataclass(frozen=True, slots=True)
class Removal:
    """An object that has to go, and why."""

    api: str
    kind: str
    ref: ObjectRef
    what: str

    @property
    def applying(self) -> str:
        """The command that would remove it; nobody runs it but the user."""
        return shlex.join(("kubectl", "delete", resource(self.api, self.kind, self.ref.name), "-n", self.ref.namespace))

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to fix a cause. It is printed and never applied."""

    slug: str
    """The kind of fix, by which a cause asks for it."""
    title: str
    """What it does, one sentence without a full stop."""
    manifests: tuple[Manifest, ...] = ()
    """New objects, complete."""
    changes: tuple[Change, ...] = ()
    removals: tuple[Removal, ...] = ()
    affects: tuple[str, ...] = ()
    """What it would do to others: hosts, sources, namespaces; one sentence each."""
    then: tuple[str, ...] = ()
    """Commands to run afterwards, e.g. to restart a workload."""

    @property
    def size(self) -> int:
        """How many objects it touches: the smallest fix comes first."""
        return len(self.manifests) + len(self.changes) + len(self.removals)


@dataclass(frozen=True, slots=True)
class FixRule:
    """A kind of fix, and what writes it for a cause: nothing where what is needed is not known."""

    slug: str
    writes: Callable[[Wrong], Iterable[Fix]]
