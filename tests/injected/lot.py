"""Faults by lot, across the catalogue.

In: a seed, faults, how many. Out: so many of them, e.g. one of EC26 and one of EC61.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar


class HasCode(Protocol):
    """Something that breaks what a code of the catalogue says."""

    @property
    def code(self) -> str: ...


F = TypeVar("F", bound=HasCode)


def by_cause(seed: int, faults: Sequence[F], count: int) -> list[F]:
    """A cause by lot, then one of its faults by lot; no cause twice before all had one. Once all are taken, again."""
    lot = random.Random(seed)
    of_code: defaultdict[str, list[F]] = defaultdict(list)
    chosen: list[F] = []
    while len(chosen) < count:
        for each in faults if not of_code else ():
            of_code[each.code].append(each)
        codes = sorted(of_code)
        lot.shuffle(codes)
        for code in codes[: count - len(chosen)]:
            chosen.append(of_code[code].pop(lot.randrange(len(of_code[code]))))
            if not of_code[code]:
                del of_code[code]
    return chosen
