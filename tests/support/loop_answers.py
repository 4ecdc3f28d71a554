"""What istiod's generator answered to the cases of the closed loop: kept, so that no test needs Go.

An answer belongs to one case, byte for byte: whoever changes a manifest gets `KeyError`, and runs
`python tools/closed_loop.py` with the program of `tools/istiod_oracle` at hand.
"""

from __future__ import annotations

import json
import lzma
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from support.tools import ROOT

FILE = ROOT / "tests" / "e2e" / "istiod_answers.jsonl.xz"


@cache
def answers() -> Mapping[str, Any]:
    """The kept answers by the id of their case."""
    with lzma.open(FILE, "rt", encoding="utf-8") as stream:
        return {each["id"]: each for each in map(json.loads, stream)}


def asked(cases: Iterable[Mapping[str, Any]], program: Path) -> list[dict[str, Any]]:
    """The answers of the oracle itself. RuntimeError where istiod gave none, or refused an object."""
    text = "\n".join(map(json.dumps, cases))
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for each in found:
        if problem := each.get("error") or each.get("refused"):
            raise RuntimeError(f"{each['id']}: {problem}")
    return found


def plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as it is kept: without how long it took, and with its resources sorted; istiod's order changes."""
    made = json.loads(json.dumps({key: value for key, value in answer.items() if key != "seconds"}))
    for proxy in made.get("proxies") or ():
        for kind, resources in (proxy.get("dump") or {}).items():
            proxy["dump"][kind] = sorted(resources or (), key=lambda each: json.dumps(each, sort_keys=True))
    return dict(made)


def keep(found: Iterable[Mapping[str, Any]]) -> None:
    """Write the file: the same for the same answers."""
    lines = sorted(json.dumps(plain(each), sort_keys=True) for each in found)
    FILE.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode()))
