"""The browser itself: which program it is, and how it is started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """None of the programs is there."""


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser of this machine, without a window. NoBrowser if there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise NoBrowser(f"none of {', '.join(PROGRAMS)} is on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # Without a sandbox: tests may run as root, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
