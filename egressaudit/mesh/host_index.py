"""Objects found by a host that they name: of thousands, only those that can have it are looked at.

In: the objects of one kind. Out: those that have a host, in their order. Example: of a ServiceEntry for
`*.example.com` and one for `docs.example.com`, `having("docs.example.com")` are both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from egressaudit.mesh.untyped import covers, words


class _Named(Protocol):
    """What has hosts in its spec; `objects.Obj` is one."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec."""


_Item = TypeVar("_Item", bound=_Named)


@dataclass(frozen=True, slots=True)
class ByHost(Generic[_Item]):
    """The objects of one kind, by the hosts in `spec.hosts`."""

    exact: Mapping[str, tuple[tuple[int, _Item], ...]]
    """By a whole host, in lower case and without a last dot; each with its place among all objects."""
    wide: tuple[tuple[int, tuple[str, ...], _Item], ...]
    """Those that have a wildcard, with their wildcards."""

    @classmethod
    def of(cls, items: Iterable[_Item]) -> ByHost[_Item]:
        """The index of these objects."""
        exact: dict[str, list[tuple[int, _Item]]] = {}
        wide: list[tuple[int, tuple[str, ...], _Item]] = []
        for place, item in enumerate(items):
            hosts = words(item.spec.get("hosts"))
            for host in {_plain(each) for each in hosts if each}:
                exact.setdefault(host, []).append((place, item))
            if patterns := tuple(each for each in hosts if each.startswith("*")):
                wide.append((place, patterns, item))
        return cls({host: tuple(found) for host, found in exact.items()}, tuple(wide))

    def having(self, host: str) -> tuple[_Item, ...]:
        """The objects that have a host, whole or by a wildcard, each once, in their order."""
        found = dict(self.exact.get(_plain(host), ()))
        found |= {
            place: item for place, patterns, item in self.wide if any(covers(pattern, host) for pattern in patterns)
        }
        return tuple(found[place] for place in sorted(found))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
