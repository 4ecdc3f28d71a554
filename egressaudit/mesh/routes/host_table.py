"""Find what was written for a host: its own name first, else the wildcard that says most about it.

In: values by host. Out: `HostTable`. Example: of `{"*": 1, "*.example.com": 2}` the host `docs.example.com` finds 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from egressaudit.mesh.routes.hostnames import overlaps, specificity

T = TypeVar("T")


@dataclass(slots=True)
class HostTable(Generic[T]):
    """Values by the host that they were written for, each in the order in which they came."""

    exact: dict[str, list[T]] = field(default_factory=dict)
    wild: dict[str, list[T]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, T]]) -> HostTable[T]:
        """The table of hosts and what was written for each."""
        found = cls()
        for host, value in pairs:
            found.add(host, value)
        return found

    def add(self, host: str, value: T) -> None:
        """One more value for a host."""
        (self.wild if host.startswith("*") else self.exact).setdefault(host, []).append(value)

    def best(self, host: str) -> list[T]:
        """What the most specific host says that covers this one (istio/istio model/config.go MostSpecificHostMatch)."""
        wildcard = host.startswith("*")
        own = (self.wild if wildcard else self.exact).get(host)
        if own is not None:
            return own
        found = [each for each in _ends(host[1:] if wildcard else host) if each in self.wild]
        return self.wild[min(found, key=specificity)] if found else []

    def touching(self, host: str) -> Iterator[T]:
        """Everything whose host may mean the same as this one, also the other way round (name.go Matches)."""
        if not host.startswith("*"):
            yield from self.exact.get(host, ())
            for end in _ends(host):
                yield from self.wild.get(end, ())
            return
        for table in (self.exact, self.wild):
            for other, values in table.items():
                if overlaps(host, other):
                    yield from values


def _ends(host: str) -> Iterator[str]:
    """The wildcards that cover a name, the longest first."""
    for start in range(len(host) + 1):
        yield f"*{host[start:]}"
