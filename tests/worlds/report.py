"""Many worlds: run in parallel, resumed where a file of results has them, counted by kind, mode and feature."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from worlds.compare import Result, compare, tell
from worlds.draw import KINDS, draw
from worlds.folder import write
from worlds.probes import probe
from worlds.run import audit

COLUMNS = ("worlds", "flows", "false PASS", "false FAIL", "lost", "blind", "decided", "exit 3")


def one(seed: int, kind: str | None = None) -> Result:
    """Draw a world, judge it, compare. Every sixth seed is a saved run of `verify` where the kind is not asked for."""
    with tempfile.TemporaryDirectory(prefix="world-") as place:
        folder = Path(place) / "world"
        probed = probe(seed, folder) if kind == "probe" or (kind is None and seed % 6 == 0) else None
        if probed is not None or kind == "probe":
            return probed or Result(seed, "probe", "none", [], 0)
        world = draw(seed, kind)
        write(world, folder)
        return compare(world, audit(folder))


def many(seeds: Iterable[int], jobs: int, kind: str | None = None) -> Iterator[Result]:
    """The results of many worlds, in the order of their seeds."""
    if jobs <= 1:
        yield from map(partial(one, kind=kind), seeds)
        return
    # Forked workers would share threads of the engine that are not there.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(partial(one, kind=kind), seeds, chunksize=4)
        finally:
            # Whoever wants no more of them does not wait for the others.
            pool.shutdown(wait=False, cancel_futures=True)


def table(results: list[Result], by: Callable[[Result], Iterable[str]]) -> str:
    """Figures by whatever features a result has."""
    rows: defaultdict[str, list[Result]] = defaultdict(list)
    for each in results:
        for name in by(each):
            rows[name].append(each)
    width = max([len(each) for each in rows] + [8])
    lines = [f"{'':{width}}  " + "  ".join(f"{each:>10}" for each in COLUMNS)]
    for name in sorted(rows):
        lines.append(f"{name:{width}}  " + "  ".join(f"{each:>10}" for each in figures(rows[name])))
    return "\n".join(lines)


def figures(results: list[Result]) -> tuple[str, ...]:
    """The columns of a table."""
    flows, undecided = sum(each.flows for each in results), sum(each.undecided for each in results)
    return (
        str(len(results)),
        str(flows),
        *(
            str(sum(bool(getattr(each, name)) for each in results))
            for name in ("false_pass", "false_fail", "lost", "blind")
        ),
        f"{100 * (1 - undecided / flows):.2f} %" if flows else "-",
        str(sum(each.exit_code == 3 for each in results)),
    )


def _known(file: Path | None) -> dict[tuple[int, str], Result]:
    if file is None or not file.exists():
        return {}
    names = {each.name for each in fields(Result)}
    said = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    return {(each["seed"], each["asked"]): Result(**{key: each[key] for key in names}) for each in said}


def _show(seed: int, kind: str | None, place: Path) -> int:
    world = draw(seed, kind)
    write(world, place)
    judged = audit(place)
    result = compare(world, judged)
    print(f"world {seed}: {world.kind}, {world.mode}, {' '.join(world.tags)}; folder {place}")
    print("\ntruth:")
    for flow in world.flows:
        lost = sorted({line.lost or line.hurt for line in flow.lines} - {""})
        print(
            f"  {tell(flow)}{'' if flow.decidable else ', not decidable'}{' lost: ' + ', '.join(lost) if lost else ''}{'' if flow.seen else ' (not in the window)'}"
        )
        for line in flow.lines:
            print(f"      {line.log}")
    print(f"\njudge: exit {judged.exit_code}")
    for group in judged.groups:
        print(
            f"  {group.outcome or '-'} {group.namespace}/{group.workload} {group.host}:{group.port} {group.path} {group.reason} x{group.flows} {' '.join(group.names)}"
        )
    for said in judged.findings:
        print(f"  {said.code} {said.outcome or '-'} {said.subject}: {said.message}")
    print("\ndiffers:")
    for name in ("false_pass", "false_fail", "lost", "blind"):
        for each in getattr(result, name):
            print(f"  {name}: {each}")
    print(f"  undecided {result.undecided} of {result.flows}")
    return int(result.wrong)


def main(argv: list[str] | None = None) -> int:
    """The command line of `tools/worlds.py`; 1 if a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--kind", choices=(*KINDS, "probe"), help="only worlds of this kind")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="append results as JSON lines; seeds that it has are not run again")
    parser.add_argument("--show", type=int, metavar="SEED", help="write this world's folder, and truth beside verdict")
    parser.add_argument("--to", type=Path, help="where --show writes")
    parser.add_argument("--wrong", type=int, default=20, help="how many wrong worlds to print")
    parser.add_argument("--enough", type=int, default=0, help="stop after so many wrong worlds; 0: never")
    asked = parser.parse_args(argv)
    if asked.show is not None:
        return _show(asked.show, asked.kind, asked.to or Path(tempfile.mkdtemp(prefix="world-")) / "world")
    known, results = _known(asked.out), []
    seeds = range(asked.seed, asked.seed + asked.worlds)
    results = [known[key] for seed in seeds if (key := (seed, asked.kind or "")) in known]
    todo = [seed for seed in seeds if (seed, asked.kind or "") not in known]
    for result in many(todo, asked.jobs, asked.kind):
        results.append(result)
        if asked.out:
            with asked.out.open("a") as stream:
                stream.write(json.dumps(asdict(result) | {"asked": asked.kind or ""}) + "\n")
        if asked.enough and sum(each.wrong for each in results) >= asked.enough:
            break
    print(table(results, lambda each: ("all", each.kind, f"{each.kind} {each.mode}", *(tag for tag in each.tags))))
    for each in [each for each in results if each.wrong][: asked.wrong]:
        print(f"\nworld {each.seed} ({each.kind}, {each.mode}), exit {each.exit_code}")
        for name in ("false_pass", "false_fail", "lost", "blind"):
            for said in getattr(each, name)[:3]:
                print(f"  {name}: {said}")
    return int(any(each.wrong for each in results))
