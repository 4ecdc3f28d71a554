"""istiod as the oracle of the route model: `tools/istiod.py --cases 300`; see `tests/istiod/report.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from istiod.report import main

if __name__ == "__main__":
    sys.exit(main())
