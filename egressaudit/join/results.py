"""What an engine gives back: the groups of a window's flows, and where the lines stand that prove them.

Example: `Flows(groups=(...), outside=20)`, each group with up to three `Proof`s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from egressaudit.model import FlowGroup

LineRef = tuple[int, int]
"""A log's number and a line's, from 1."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One flow of a group: where its last line stands, and where that of who sent it (None if that is the last)."""

    last: LineRef
    sender: LineRef | None
    begin: datetime

    @property
    def order(self) -> tuple[object, ...]:
        """By time, then by where its last line stands."""
        return self.begin, self.last


@dataclass(frozen=True, slots=True)
class Flows:
    """The groups of a window, and for each the flows that are shown as its evidence."""

    groups: tuple[tuple[FlowGroup, tuple[Proof, ...]], ...]
    outside: int
    """Flows that ended before the window or began after it."""
