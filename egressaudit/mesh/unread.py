"""The kinds of objects that a snapshot could not read, and what they could change. Pure.

In: e.g. a snapshot without Nodes. Out: `Unread("Node", "Nodes were not read, so ...", counts=True)`. No verdict depends
on a kind without `Resource.without`: such kinds only explain, or claim a way that the policy may want.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egressaudit.mesh.resources import RESOURCES


@dataclass(frozen=True, slots=True)
class Unread:
    """A kind that was not read completely; `counts` if a verdict could depend on it."""

    kind: str
    reason: str
    counts: bool


def unread_kinds(read: Iterable[str], refused: Iterable[str]) -> tuple[Unread, ...]:
    """What a snapshot lacks if kinds in `read` are complete and those in `refused` could not be read; sorted.

    If the snapshot does not record what was read, any kind may be missing, and one sentence says so.
    """
    known, not_allowed = frozenset(read), frozenset(refused)
    if not known:
        reason = "the snapshot does not say which kinds of objects were read: any of them may be missing"
        return (Unread("mesh.json", reason, counts=True),)
    needed = {each.name: each for each in RESOURCES if each.without}
    found = [
        Unread(kind, f"{kind} objects were not read: {each.without}", counts=kind in not_allowed or not each.newer)
        for kind, each in needed.items()
        if kind not in known
    ]
    found += [
        Unread(kind, f"{kind} objects were not read: what they explain is not in this report", counts=False)
        for kind in not_allowed - known - needed.keys()
    ]
    return tuple(sorted(found, key=lambda each: each.kind))
