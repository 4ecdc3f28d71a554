"""Disagreements with istiod that are known and stay: each has a name and a reason, and is counted apart.

In: a disagreement. Out: its `Limit`, or None: then it is an error of the model or of the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass

from istiod.disagreement import Disagreement


@dataclass(frozen=True, slots=True)
class Limit:
    """A kind of disagreement that stays."""

    name: str
    why: str
    kind: str
    classes: tuple[str, str]
    """The class of istiod's answer, and of the model's."""


LIMITS: tuple[Limit, ...] = ()
"""None so far. Whoever adds one adds its row to docs/oracle.md."""


def limit_of(found: Disagreement) -> Limit | None:
    """The limit that a disagreement is."""
    return next((each for each in LIMITS if (each.kind, each.classes) == (found.kind, found.classes)), None)
