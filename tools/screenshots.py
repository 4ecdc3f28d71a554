"""Write the pictures of the HTML report in docs/images, of a planted mesh: `python tools/screenshots.py`.

It takes chromium. The same commit gives the same pictures on one machine; fonts differ between machines, so a test
makes them again and compares only what is on them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "tests"))

from browser.program import started_browser  # noqa: E402
from browser.reports import planted_report  # noqa: E402
from browser.screenshots import taken  # noqa: E402


def main() -> int:
    """Make, write, and say how large they are."""
    with tempfile.TemporaryDirectory() as folder:
        report = planted_report(Path(folder))
    IMAGES.mkdir(exist_ok=True)
    with started_browser() as browser:
        for name, picture in taken(browser, report):
            (IMAGES / name).write_bytes(picture)
            print(f"{name}: {len(picture) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
