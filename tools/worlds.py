"""Simulated meshes against the judge: `tools/worlds.py --worlds 500 --seed 1`; see `tests/worlds/__init__.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from worlds.report import main

if __name__ == "__main__":
    sys.exit(main())
