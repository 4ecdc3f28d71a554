"""Ask istiod's generator again what it makes of the manifests of the closed loop, and keep the answers.

`python tools/closed_loop.py ORACLE` with the program that `tools/istiod_oracle` builds; writes
`tests/e2e/istiod_answers.jsonl.xz`. Needed whenever a manifest of `generate` or of a fix changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.loop_answers import FILE, asked, keep
from support.loop_scenarios import scenarios


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    cases = {each["id"]: each for each in (scenario.case for scenario in scenarios().values())}
    keep(asked(cases.values(), Path(sys.argv[1])))
    print(f"{len(cases)} answers, {FILE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
