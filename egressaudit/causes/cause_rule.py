"""The seam of the causes: a `CauseRule` is an entry of the catalogue and the predicate that finds it.

In: `Symptoms` of one flow or group. Out: `Because`, e.g. `Because(("pod shop/cart-1 has no sidecar",), ("Pod
shop/cart-1",))`; None where it is not the cause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egressaudit.model import Cause

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
