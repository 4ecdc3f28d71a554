"""How long each part of `make test` takes, held against its share of 20 minutes: `python tools/budget.py [PART ...]`.

Run it on a quiet machine with warm caches. It prints a table for CONTRIBUTING.md, one row as soon as it is known, and
fails where a part takes longer than its share:

    | worlds | 180 s | 164 s | simulated meshes |
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OTHERS = "e2e or istiod or lab or oracle or planted or worlds"

# The share in seconds, and the command. What a later change adds gets a row of its own, and others shrink for it.
PARTS: dict[str, tuple[int, str, str]] = {
    "lint": (120, "make -s lint", "ruff, mypy, import-linter, limits, vulture, clippy"),
    "wheel": (120, "make -s wheel", "the compiled lane, built from warm caches"),
    "fast": (60, "make -s test-fast", "part of unit; not counted in the sum"),
    "unit": (270, f'{{pytest}} -m "not ({OTHERS})"', "all that needs no lab, no Envoy, no worlds"),
    "plain": (60, "make -s plain", "what reads blocks of lines, without the compiled module"),
    "lab": (90, '{pytest} -m "lab and not e2e"', "the lab and its API server, without Envoy"),
    "e2e": (180, '{pytest} -m "e2e and not oracle and not worlds"', "the scenarios of the lab, on real Envoy"),
    "oracle": (60, "{pytest} -m oracle", "what a real Envoy writes"),
    "planted": (60, "{pytest} -m planted", "one audit of a mesh with everything planted in it"),
    "istiod": (60, "{pytest} -m istiod", "configurations with istiod's own answers"),
    "worlds": (130, "{pytest} -m worlds", "simulated meshes"),
    "imports": (20, "{bin}/python tools/imports.py", "what each command imports, held against its budget of modules"),
    "reports": (30, "{bin}/python tools/reports.py --check", "the reports of the samples, byte for byte"),
}
APART = {"fast"}


def main(asked: list[str]) -> int:
    folder = Path(sys.executable).parent
    words = {"bin": str(folder), "pytest": f"{folder}/pytest -q -n 2 --dist worksteal"}
    print("| part | share | measured | what |\n|---|---|---|---|", flush=True)
    over, total, shares = [], 0.0, 0
    for part in asked or PARTS:
        share, command, what = PARTS[part]
        begun = time.monotonic()
        ran = subprocess.run(command.format(**words), shell=True, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        took = time.monotonic() - begun
        total, shares = (total, shares) if part in APART else (total + took, shares + share)
        over += [part] if took > share or ran.returncode else []
        print(f"| {part} | {share} s | {took:.0f} s{' (failed)' if ran.returncode else ''} | {what} |", flush=True)
    print(f"| **together** | **{shares} s** | **{total:.0f} s** | |")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
