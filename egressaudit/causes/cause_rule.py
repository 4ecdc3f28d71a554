"""The seam of the causes: a `CauseRule` is an entry of the catalogue and the predicate that finds it.

In: `Symptoms` of one flow or group. Out: `Because`, e.g. `Because(("pod shop/cart-1 has no sidecar",), ("Pod
shop/cart-1",))`; None where it is not the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egressaudit.model import Cause, Fault, Stage

if TYPE_CHECKING:
    from egressaudit.causes.symptoms import Symptoms


@dataclass(frozen=True, slots=True)
class Because:
    """What shows that it is the cause: the facts, the objects to look at, and the field of the first one."""

    facts: tuple[str, ...]
    objects: tuple[str, ...] = ()
    field: str = ""


@dataclass(frozen=True, slots=True)
class CauseRule:
    """One row of the catalogue."""

    cause: Cause
    finds: Callable[[Symptoms], Because | None]
    at: tuple[Stage, ...] = ()
    """The stages in which a flow that it explains may have stopped; empty for its cause's own."""
    otherwise: bool = False
    """Whether it is offered only where no other cause was found."""
    instead: Callable[[Symptoms], Because | None] | None = None
    """A weaker sign of the same cause, asked only where no other cause was found."""


def because_of(faults: Iterable[Fault], field: str = "") -> Because | None:
    """What faults of the configuration show; None without any. `field` where the first of them names none itself."""
    known = tuple(faults)
    if not known:
        return None
    objects = dict.fromkeys(each for fault in known for each in fault.objects)
    return Because(tuple(dict.fromkeys(str(each) for each in known)), tuple(objects), known[0].field or field)


def by_fault(*slugs: str, kind: str = "", field: str = "") -> Callable[[Symptoms], Because | None]:
    """A predicate: the configuration has a fault with one of these slugs, whose first object is of this kind."""
    return lambda seen: because_of(seen.faults_of(*slugs, kind=kind), field)
