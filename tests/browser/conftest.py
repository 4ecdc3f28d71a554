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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its module: its client runs an event loop in this thread, beside which no other test could run one."""
    try:
        with started_browser() as started:
            yield started
    except NoBrowser as missing:
        # Where nobody looks, a test that does not run is a test that fails.
        pytest.fail(str(missing)) if os.environ.get("CI") == "true" else pytest.skip(str(missing))


class Tabs:
    """Pages of the browser, one for each way to look, used again: a new one costs more than what is done in it."""

    def __init__(self, browser: Browser, folder: File) -> None:
        self._browser = browser
        self._folder = folder
        self._tabs: dict[str, Page] = {}
        self._files: dict[str, File] = {}
        self._texts: dict[int, tuple[AuditReport, str]] = {}
        self.asked: list[str] = []
        """What the pages asked the network for."""
        self.said: list[str] = []
        """What the pages complained of."""

    def open(self, text: str, at: str, how: dict[str, object]) -> Page:
        """A page with this text, looked at in this way."""
        page = self._tabs.get(repr(how)) or self._new(how)
        self._tabs[repr(how)] = page
        file = self._files.setdefault(text, self._folder / f"{len(self._files)}.html")
        file.write_text(text, "utf-8")
        page.emulate_media(media="null")
        page.goto("about:blank")
        page.goto(f"file://{file}{at}")
        return page

    def text_of(self, report: AuditReport) -> str:
        """The page of a report, made once."""
        if id(report) not in self._texts:
            self._texts[id(report)] = report, str(render(report, "html"))
        return self._texts[id(report)][1]

    def _new(self, how: dict[str, object]) -> Page:
        context = self._browser.new_context(**how)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: self.said.append(f"popup: {popup.url}"))
        page.on("request", lambda request: None if self._own(request.url) else self.asked.append(request.url))
        page.route("**/*", lambda route: route.continue_() if self._own(route.request.url) else route.abort())
        return page

    def _own(self, url: str) -> bool:
        return url == "about:blank" or url.partition("#")[0] in {f"file://{file}" for file in self._files.values()}


@pytest.fixture(scope="module")
def tabs(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Tabs:
    return Tabs(browser, tmp_path_factory.mktemp("pages"))


@pytest.fixture
def opened(tabs: Tabs) -> Iterator[Open]:
    """Opens a report as a page. At the end nothing may have left the page, and it may not have complained."""

    def open_page(
        report: AuditReport | str, *, width: int = 1280, height: int = 900, at: str = "", **how: object
    ) -> Page:
        text = report if isinstance(report, str) else tabs.text_of(report)
        return tabs.open(text, at, {"viewport": {"width": width, "height": height}, **how})

    tabs.asked.clear()
    tabs.said.clear()
    yield open_page
    assert tabs.asked == []
    assert tabs.said == []


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    """The report on a mesh with everything planted in it."""
    return planted_report(tmp_path_factory.mktemp("planted"))
