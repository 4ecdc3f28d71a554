"""To which namespaces an object of Istio is visible: its `exportTo`, else the mesh's default.

In: what an object says, and its namespace. Out: `Export`. Example: `exportTo: ["."]` of the namespace egress is
`Export(namespaces={"egress"})`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EVERYBODY, OWN, NOBODY = "*", ".", "~"


@dataclass(frozen=True, slots=True)
class Export:
    """To whom an object is visible."""

    everybody: bool = False
    namespaces: frozenset[str] = frozenset()
    """Where not everybody sees it: the namespaces that do."""

    @classmethod
    def of(cls, said: Iterable[str], namespace: str) -> Export:
        """What `exportTo` means (istio/istio pilot/pkg/model/push_context.go initServiceRegistry, initVirtualServices).

        `*` wins over all, then `~` over the rest.
        """
        named = frozenset(said)
        if EVERYBODY in named:
            return cls(everybody=True)
        if NOBODY in named:
            return cls()
        return cls(namespaces=frozenset(namespace if each == OWN else each for each in named))

    def to(self, namespace: str) -> bool:
        """Whether a namespace sees it."""
        return self.everybody or namespace in self.namespaces
