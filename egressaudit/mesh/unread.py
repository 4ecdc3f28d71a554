"""What a snapshot could not read, and what that could change: kinds of objects, by name. Pure.

Kinds without `Resource.without` explain, or claim a way that the policy may want: no verdict depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egressaudit.mesh.resources import RESOURCES


@dataclass(frozen=True, slots=True)
class Unread:
    """A kind that is not in the snapshot whole: `counts` where a verdict could depend on it."""

    kind: str
    reason: str
    counts: bool


def unread_kinds(read: Iterable[str], refused: Iterable[str]) -> tuple[Unread, ...]:
    """What is missing of a snapshot in which kinds `read` are whole and `refused` could not be read; sorted.

    Where nothing says what was read, any kind may be missing, and one sentence says so.
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
