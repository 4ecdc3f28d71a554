"""Faults: what is wrong in the mesh configuration, and may explain why traffic went another way.

Example: `Fault("mesh-gateway-missing", ("VirtualService egress/docs",), "VirtualService egress/docs does not list the
`mesh` gateway, so sidecars do not follow its rules")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as member
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of the configuration. Two faults with the same message are the same, and sort by it."""

    slug: str = member(compare=False)
    """Its slug, e.g. `subset-undefined`."""
    objects: tuple[str, ...] = member(compare=False)
    """The objects to look at, as `Kind namespace/name`, a proxy as `namespace/name`; empty if there is none."""
    message: str
    """One sentence."""
    field: str = member(default="", compare=False)
    """The field of the first object to look at, e.g. `spec.http[0].match`; '' if no field of it is at fault."""

    @classmethod
    def of(cls, slug: str, message: str, *objects: object, field: str = "") -> Self:
        """A fault of these objects, which are named as they call themselves."""
        return cls(slug, tuple(str(each) for each in objects), message, field)

    def __str__(self) -> str:
        return self.message


def sentences(faults: tuple[Fault, ...]) -> tuple[str, ...]:
    """What reports say about faults: one sentence each."""
    return tuple(each.message for each in faults)
