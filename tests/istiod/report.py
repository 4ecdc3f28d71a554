"""What `make oracle` does: build the program, draw cases, compare, print the figures.

python tools/istiod.py --cases 300              fresh ones, of a seed that is printed
python tools/istiod.py --only 5/17              one case again, reduced to what disagrees
python tools/istiod.py --keep                   write tests/istiod/kept.jsonl.xz again
python tools/istiod.py --ready                  exit code 0 if the program is there or is quickly built
"""

from __future__ import annotations

import argparse
import itertools
import random
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import yaml

from istiod import kept
from istiod.disagreement import Disagreement
from istiod.draw import drawn
from istiod.figures import Figures
from istiod.program import Program, build, ready
from istiod.reduce import held, reduced

SHOWN = 5
"""So many classes of disagreements are shown in full."""


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 if istiod and the model disagree, 2 if the program cannot be built."""
    parser = argparse.ArgumentParser(description="istiod's answers to random configurations, against the model's")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="fresh by default; it is printed")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="go on from there with the same seed")
    parser.add_argument("--only", metavar="SEED/NUMBER", help="this one case")
    parser.add_argument("--keep", action="store_true", help="write the kept cases again")
    parser.add_argument("--ready", action="store_true", help="only say whether the program is quickly there")
    chosen = parser.parse_args(argv)
    if chosen.ready:
        return 0 if ready() else 1
    try:
        path = build()
    except FileNotFoundError:
        print("the oracle cannot be built: there is no Go (see CONTRIBUTING.md, The oracle of routes)")
        return 2
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the oracle cannot be built: {error}")
        return 2
    with Program(path) as program:
        if chosen.keep:
            cases = (drawn(kept.SEED, number) for number in itertools.count())
            pairs = (each for each in program.ask_all(cases) if held(*each, program.ask) is not None)
            print(f"{kept.write(pairs)} cases in {kept.PATH}: {kept.PATH.stat().st_size:,} bytes")
            return 0
        if chosen.only:
            seed, _, number = chosen.only.partition("/")
            return _compare(program, iter([drawn(int(seed), int(number))]))
        seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
        print(f"seed {seed}: {chosen.cases} configurations; one of them again: --only {seed}/NUMBER", flush=True)
        numbers = range(chosen.first, chosen.first + chosen.cases)
        return _compare(program, (drawn(seed, number) for number in numbers))


def _compare(program: Program, cases: Iterator[dict[str, Any]]) -> int:
    figures, start = Figures(), time.monotonic()
    examples: dict[tuple[str, tuple[str, str]], tuple[dict[str, Any], Disagreement]] = {}
    for case, answer in program.ask_all(cases):
        found = held(case, answer, program.ask)
        if found is None:
            figures.undecided.append(case["id"])
            continue
        before = len(figures.found)
        figures.add(case, answer, found)
        for each in figures.found[before:]:
            examples.setdefault((each.kind, each.classes), (case, each))
    seconds = time.monotonic() - start
    for case, each in [*examples.values()][:SHOWN]:
        _show(reduced(case, each, program.ask), each)
    for (kind, classes), (_, each) in examples.items():
        count = sum((other.kind, other.classes) == (kind, classes) for other in figures.found)
        print(f"{count:5} {kind}: istiod {classes[0]!r}, the model {classes[1]!r}, e.g. {each.case}")
    print(figures.table())
    print(f"{figures.cases} configurations in {seconds:.0f} s: {figures.cases / max(seconds, 0.001):.1f} a second")
    if figures.undecided:
        print(f"{len(figures.undecided)} left out: istiod itself answers now one thing, now another:", end=" ")
        print(", ".join(figures.undecided))
    for error, count in figures.errors.most_common():
        print(f"{count} without an answer: {error}")
    return 1 if figures.found or not figures.cases else 0


def _show(case: dict[str, Any], each: Disagreement) -> None:
    print(f"--- {each.case} {each.kind} {each.about}\n    istiod {each.istiod}\n    model  {each.model}")
    plain = [{**one, "metadata": _short(one["metadata"])} for one in case["objects"]]
    print(yaml.safe_dump_all(plain, sort_keys=False, default_flow_style=None, width=110))
    if case.get("mesh"):
        print(f"# MeshConfig: {case['mesh']}")


def _short(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value}
