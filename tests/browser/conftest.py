"""The browser, and pages that were opened in it: none may ask the network for anything, or complain of anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path as File

import pytest
from playwright.sync_api import Browser, Page

from browser.program import NoBrowser, started_browser
from browser.reports import planted_report
from egressaudit.model import AuditReport
from egressaudit.report import render

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with started_browser() as started:
            yield started
    except NoBrowser as missing:
        # Where nobody looks, a test that does not run is a test that fails.
        pytest.fail(str(missing)) if os.environ.get("CI") == "true" else pytest.skip(str(missing))


@pytest.fixture
def opened(browser: Browser, tmp_path: File) -> Iterator[Open]:
    """Opens a report as a page. At the end nothing may have left the page, and it may not have complained."""
    asked: list[str] = []
    said: list[str] = []
    contexts = []

    def open_page(
        report: AuditReport | str, *, width: int = 1280, height: int = 900, at: str = "", **how: object
    ) -> Page:
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(report if isinstance(report, str) else str(render(report, "html")), "utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, **how)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: said.append(f"popup: {popup.url}"))
        page.on("request", lambda request: asked.append(request.url))
        page.route("**/*", lambda route: route.continue_() if route.request.url == own else route.abort())
        own = f"file://{file}"
        page.goto(f"{own}{at}")
        asked.remove(next(each for each in asked if each.startswith(own)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked == []
    assert said == []


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    """The report on a mesh of 200 workloads with 137 violations planted in it."""
    return planted_report(tmp_path_factory.mktemp("planted"))
