"""Ask istiod's generator what it makes of the manifests of the closed loop, and keep the answers.

`python tools/closed_loop.py [ORACLE]`, with the program of `tools/istiod_oracle` or the one that `make oracle` built,
writes `tests/e2e/istiod_answers.jsonl.xz`. Needed whenever a manifest of `generate` or of a fix changes. With `--check`
nothing is written, and the exit code is 1 if an answer is another one than the one that is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from istiod.program import binary
from support.loop_answers import FILE, answers, asked, keep, plain
from support.loop_scenarios import scenarios


def main() -> int:
    programs = [each for each in sys.argv[1:] if each != "--check"] or [str(binary())]
    if len(programs) != 1 or not Path(programs[0]).is_file():
        print(__doc__, file=sys.stderr)
        return 2
    cases = {each["id"]: each for each in (scenario.case for scenario in scenarios().values())}
    found = asked(cases.values(), Path(programs[0]))
    if "--check" in sys.argv:
        other = [each["id"] for each in found if plain(each) != answers().get(each["id"])]
        print(f"{len(found)} answers, {len(other)} differ: {', '.join(other) or 'none'}")
        return 1 if other else 0
    keep(found)
    print(f"{len(cases)} answers, {FILE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
