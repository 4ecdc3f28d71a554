"""Choices by chance: of a seed they are always the same, and Hypothesis can make them smaller.

In: a `random.Random`, or Hypothesis' stand-in for one. Out: one of many. Example: `Dice(rng).one("a", "b")`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dice:
    """What is simplest comes first everywhere: it is what a shrinking Hypothesis ends with."""

    rng: random.Random

    def one(self, *options: Any) -> Any:
        """One of these, each as likely."""
        return options[self.rng.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        """Yes in so many of a hundred cases."""
        return self.rng.randrange(100) >= 100 - percent

    def weighed(self, options: Mapping[Any, int]) -> Any:
        """One of these, by weight."""
        drawn = self.rng.randrange(sum(options.values()))
        for option, weight in options.items():
            if drawn < weight:
                return option
            drawn -= weight
        raise AssertionError

    def weighed_value(self, *options: tuple[int, Any]) -> Any:
        """The same of values that cannot be keys: pairs of weight and value."""
        return options[self.weighed({index: weight for index, (weight, _) in enumerate(options)})][1]

    def some(self, options: Sequence[Any], least: int = 1) -> list[Any]:
        """Some of these, in their order; at least so many."""
        count = least + self.rng.randrange(len(options) - least + 1)
        kept = {self.rng.randrange(len(options)) for _ in range(count)}
        while len(kept) < least:
            kept.add(min(set(range(len(options))) - kept))
        return [options[index] for index in sorted(kept)]

    def maybe(self, percent: int, key: str, value: Any) -> dict[str, Any]:
        """A field that is there in so many of a hundred cases; to be merged into an object."""
        return {key: value} if self.chance(percent) else {}
