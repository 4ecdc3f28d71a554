"""The pictures of the HTML report in docs/images: what is on them, and how each is made.

In: a browser and a report. Out: PNGs by name, e.g. `html-report.png`, the first screen of the page.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path as File

from playwright.sync_api import Browser, Page

from egressaudit.model import AuditReport
from egressaudit.report import render


def _first_screen(page: Page) -> bytes:
    return page.screenshot()


def _picture(page: Page) -> bytes:
    page.add_style_tag(content="nav { display: none !important }")
    return page.locator("#picture").screenshot()


def _finding(page: Page) -> bytes:
    page.add_style_tag(content="nav { display: none !important }")
    # One whose flows went through two proxies has the most to show.
    page.locator("summary", has_text="EA103").first.click()
    page.locator("details.finding summary").first.click()
    return page.locator("details.finding[open]").first.screenshot()


SHOTS: dict[str, tuple[Callable[[Page], bytes], dict[str, object]]] = {
    "html-report.png": (_first_screen, {"viewport": {"width": 1100, "height": 760}}),
    "html-picture.png": (_picture, {"viewport": {"width": 1100, "height": 900}}),
    "html-finding.png": (_finding, {"viewport": {"width": 1100, "height": 900}, "color_scheme": "dark"}),
    "html-phone.png": (_first_screen, {"viewport": {"width": 390, "height": 760}}),
}


def taken(browser: Browser, report: AuditReport) -> Iterator[tuple[str, bytes]]:
    """Each picture with its name."""
    with tempfile.TemporaryDirectory() as folder:
        file = File(folder) / "report.html"
        file.write_text(str(render(report, "html")), "utf-8")
        for name, (take, how) in SHOTS.items():
            # Styles of ours are added for the pictures, which the page itself would refuse.
            context = browser.new_context(bypass_csp=True, reduced_motion="reduce", **how)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(f"file://{file}")
            yield name, take(page)
            context.close()
