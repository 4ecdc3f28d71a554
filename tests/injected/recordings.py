"""What real Envoys with istiod's configuration wrote of each fault's call: kept, so that no test needs them.

In: faults. Out: `Recording`s from the file, or new ones by the oracle (`tools/istiod_oracle`), Envoy and curl.
A recording belongs to one configuration, call and world: who changes one runs `tools/injected.py --record ORACLE`.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from support.loop_answers import answers
from support.loop_mesh import LOOPS
from support.loop_run import Recording, Run, recorded
from support.tools import ROOT

from egressaudit.model import CurlResult, LogSource, ObjectRef, Probe, Target
from injected.fault import Fault

FILE = ROOT / "tests" / "injected" / "recordings.jsonl.xz"
_AT_ONCE = 4
_KEPT_AFTER = 20


@cache
def recordings() -> Mapping[str, Any]:
    """The kept ones by the id of their fault, as JSON has them."""
    if not FILE.exists():
        return {}
    with lzma.open(FILE, "rt", encoding="utf-8", errors="surrogateescape") as stream:
        return {each["id"]: each for each in map(json.loads, stream)}


def recording(fault: Fault) -> Recording:
    """What was seen of a fault. KeyError: none is kept, so a manifest or the fault was changed."""
    kept = recordings()[fault.id]
    said, target = kept["probe"], Target(fault.call.host, fault.call.port, fault.call.scheme)
    namespace = "amb" if fault.mode == "ambient" else "curl"
    return Recording(
        places=kept["places"],
        outside=tuple(kept["outside"]),
        lines={LogSource(*log.split("/")): tuple(lines) for log, lines in kept["lines"].items()},
        before={LogSource(*log.split("/")): number for log, number in kept["before"].items()},
        probe=Probe(
            nonce=said["nonce"],
            target=target,
            source=ObjectRef(namespace, LOOPS[fault.mode]().source.name),
            container="app" if fault.mode == "ambient" else "curl",
            started=datetime.fromisoformat(said["started"]),
            ended=datetime.fromisoformat(said["ended"]),
            result=CurlResult(**said["result"]),
        ),
    )


def record(faults: Iterable[Fault], oracle: Path) -> list[str]:
    """Keep what is not kept yet and forget what no fault has any more. Returns what went wrong."""
    every = {each.id: each for each in faults}
    known = {key: each for key, each in recordings().items() if key in every}
    new = [each for key, each in every.items() if key not in known]
    found, problems = _answers(new, oracle)
    known_to_istiod = [each for each in new if each.case["id"] in found]
    for start in range(0, len(known_to_istiod), _KEPT_AFTER):
        for fault, seen in asyncio.run(_recorded(known_to_istiod[start : start + _KEPT_AFTER], found)):
            if isinstance(seen, BaseException):
                problems.append(f"{fault.name}: {seen!r}")
            else:
                known[fault.id] = _plain(fault, seen)
        _keep(known)
    _keep(known)
    return problems


def _keep(known: Mapping[str, Any]) -> None:
    lines = [json.dumps(known[key], sort_keys=True) for key in sorted(known)]
    FILE.write_bytes(lzma.compress("".join(f"{each}\n" for each in lines).encode()))
    recordings.cache_clear()


def _answers(faults: Iterable[Fault], oracle: Path) -> tuple[dict[str, Any], list[str]]:
    """What istiod makes of each configuration; and which it refuses."""
    cases = {each.case["id"]: each for each in faults}
    found: dict[str, Any] = {key: answers()[key] for key in cases if key in answers()}
    problems = []
    waiting = [key for key in cases if key not in found]
    while waiting:
        text = "\n".join(json.dumps(cases[key].case) for key in waiting)
        done = subprocess.run([oracle], input=text, capture_output=True, text=True, check=False)
        for answer in (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")):
            key = answer["id"]
            waiting.remove(key)
            if problem := answer.get("error") or answer.get("refused"):
                problems.append(f"{cases[key].name}: {problem}")
            else:
                found[key] = answer
        if waiting:
            problems.append(f"{cases[waiting.pop(0)].name}: istiod panics: {done.stderr.splitlines()[:3]}")
    return found, problems


async def _recorded(faults: list[Fault], found: Mapping[str, Any]) -> list[tuple[Fault, Recording | BaseException]]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(fault: Fault) -> Recording:
        run = Run(LOOPS[fault.mode](), fault.objects, found[fault.case["id"]], fault.call, world=fault.world)
        async with slots:
            with tempfile.TemporaryDirectory() as folder:
                return await recorded(run, Path(folder))

    made = await asyncio.gather(*map(one, faults), return_exceptions=True)
    return list(zip(faults, made, strict=True))


def _plain(fault: Fault, seen: Recording) -> dict[str, Any]:
    probe = seen.probe
    return {
        "id": fault.id,
        "places": dict(seen.places),
        "outside": list(seen.outside),
        "lines": {str(log): list(lines) for log, lines in seen.lines.items()},
        "before": {str(log): number for log, number in seen.before.items()},
        "probe": {
            "nonce": probe.nonce,
            "started": probe.started.isoformat(),
            "ended": probe.ended.isoformat(),
            "result": asdict(probe.result),
        },
    }
