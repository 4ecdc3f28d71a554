"""What `trim` keeps of an object: a shape for each kind, and parts that several kinds share.

A shape is next to the code that reads what it keeps, in the `RESOURCES` of that module. Example:

    Shape({"spec": {"hosts": KEEP, "ports": {"number": KEEP}}})

keeps the hosts of an object unchanged, and only the number of each of its ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEEP = True
"""Keep the value unchanged. A mapping in its place keeps only these keys, also within lists."""

Trimming = Callable[[dict[str, Any], Mapping[str, Any]], None]
"""Changes what is kept (the first) of an object (the second)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is kept of one kind, beside its name, its labels, its owners and the annotations that mark a pod."""

    parts: Mapping[str, Any] = field(default_factory=dict)
    bare: bool = False
    """Whether its labels, annotations and owners are dropped too."""
    created: bool = False
    """Whether the time of its creation is kept."""
    further: tuple[Trimming, ...] = ()
    """What a list of keys cannot express. Each must be safe on objects of any shape, and idempotent."""

    def __or__(self, other: Shape) -> Shape:
        """What either keeps: two APIs may have a kind of one name."""
        return Shape(
            parts=_either(self.parts, other.parts),
            bare=self.bare and other.bare,
            created=self.created or other.created,
            further=self.further + other.further,
        )


def pruned(value: Any, parts: Any) -> Any:
    """The parts of a value that are kept, with lists mapped through; absent and null parts stay away."""
    if parts is KEEP:
        return value
    if isinstance(value, list | tuple):
        return [pruned(each, parts) for each in value if isinstance(each, Mapping)]
    if not isinstance(value, Mapping):
        return {}
    return {key: pruned(value[key], inner) for key, inner in parts.items() if value.get(key) is not None}


def _either(one: Any, other: Any) -> Any:
    if one is KEEP or other is KEEP:
        return KEEP
    return {
        key: _either(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
        for key in (*one, *(each for each in other if each not in one))
    }


# ---------------------------------------------------------------- parts that several kinds have

NAME = {"name": KEEP}
CONDITIONS = {"type": KEEP, "status": KEEP, "reason": KEEP, "message": KEEP}
STATUS = {"conditions": CONDITIONS}
TARGET = {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "sectionName": KEEP, "port": KEEP}
"""What a policy or a route names as its target or parent."""
ENDPOINT = {"address": KEEP, "labels": KEEP, "ports": KEEP}
"""An endpoint of a ServiceEntry, and what a WorkloadEntry says."""
TRIES = {"attempts": KEEP}
"""How often a request is tried."""
