"""The figures: of faults drawn by a seed, at which place the true cause is named.

In: the arguments of `tools/injected.py`. Out: a line for each fault that is not named first, and counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from injected import in_worlds, saved
from injected.audited import audited, is_of_audit
from injected.every import faults, healthy
from injected.fault import Fault
from injected.in_worlds import audited_world
from injected.judged import Ranked, ranked
from injected.lot import by_cause
from injected.recordings import FILE, record, recordings
from injected.saved import SavedFault

SEED, COUNT = 12, 60
FIRST = 0.9
"""The share of faults whose cause is to be named first; all of them among the first three."""


def drawn(seed: int, count: int) -> list[Fault | SavedFault]:
    """Faults of recordings and of the lab, by lot."""
    return by_cause(seed, (*faults().values(), *saved.faults()), count)


def figures(found: Sequence[Ranked]) -> str:
    """`60 faults of 60 causes: 58 first, 2 among the first three, 0 not`."""
    first = sum(each.rank == 1 for each in found)
    third = sum(each.rank in (2, 3) for each in found)
    causes = len({each.fault.code for each in found})
    missed = len(found) - first - third
    return f"{len(found)} faults of {causes} causes: {first} first, {third} among the first three, {missed} not"


def say(*lines: object) -> None:
    """Print each on a line."""
    sys.stdout.writelines(f"{each}\n" for each in lines)


def main() -> int:
    """Exit code 1 if too few are named first, or a mesh that works has a cause."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--worlds", type=int, default=0, metavar="N", help="faults of simulated meshes instead")
    parser.add_argument("--record", type=Path, metavar="ORACLE")
    options = parser.parse_args()
    if options.record:
        problems = record((*faults().values(), *healthy().values()), options.record)
        say(*problems, f"{len(recordings())} recordings, {FILE.stat().st_size} bytes")
        return 1 if problems else 0
    if options.worlds:
        broken = [audited_world(*each) for each in in_worlds.drawn(options.seed, options.worlds)]
        well = [audited_world(options.seed * 1000 + number) for number in range(max(1, options.worlds // 4))]
        return 0 if _said(f"audit, worlds of seed {options.seed}", broken, well) else 1
    chosen = [*faults().values(), *saved.faults()] if options.all else drawn(options.seed, options.count)
    what = "all" if options.all else f"seed {options.seed}"
    works = list(healthy().values())
    good = _said(f"verify, {what}", map(ranked, chosen), map(ranked, works))
    # What shows in no window is told apart after the lot, which is the same for both.
    shown = [each for each in chosen if is_of_audit(each)]
    audits = _said(f"audit, {what}", map(audited, shown), map(audited, works))
    return 0 if good and audits else 1


def _said(what: str, faults: Iterable[Ranked], works: Iterable[Ranked]) -> bool:
    """Print the figures of a command; whether they are good enough."""
    found, well = list(faults), list(works)
    say(*(each for each in found if each.rank != 1), *(each for each in well if not each.is_clean))
    say(f"{what}: {figures(found)}", *_by_kind(found))
    say(f"{len(well)} meshes that work: {sum(bool(each.named) for each in well)} with a cause")
    enough = sum(each.rank == 1 for each in found) >= FIRST * len(found) and all(1 <= each.rank <= 3 for each in found)
    return enough and all(each.is_clean for each in well)


def _by_kind(found: Sequence[Ranked]) -> list[str]:
    kinds = sorted({each.fault.kind for each in found})
    return [f"  {kind}: {figures([each for each in found if each.fault.kind == kind])}" for kind in kinds]
