"""Write the pictures of the HTML report in docs/images, of a planted mesh: `python tools/screenshots.py`.

It needs chromium, and pngquant to make the files a third as large. The same commit gives the same pictures on one
machine. Fonts differ between machines, so a test makes the pictures again and compares only what is on them.
"""

from __future__ import annotations

import subprocess
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
            small = _small(picture)
            (IMAGES / name).write_bytes(small)
            print(f"{name}: {len(small) / 1000:.0f} kB")
    return 0


def _small(png: bytes) -> bytes:
    """The same picture with at most 256 colours."""
    command = ("pngquant", "--speed", "1", "--quality", "60-95", "--strip", "-")
    return subprocess.run(command, input=png, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
