"""Inject faults and hold what is named first to what was injected: `tools/injected.py --seed 7 --count 60`.

Each is judged by `verify`, and as a window of logs by `audit`. `--all` takes every fault; `--worlds 60` those of
simulated meshes. `--record ORACLE` sends the call of each fault that has no recording through real Envoys with
the configuration of istiod (the program that `tools/istiod_oracle` builds), and keeps what they wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from injected.report import main

if __name__ == "__main__":
    sys.exit(main())
