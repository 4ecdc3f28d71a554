"""Whatever workloads write is text in the page: a real browser runs nothing of it, loads nothing, links nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.hostile import NASTY, poisoned
from support.reports import DRIFT, FULL

from browser.conftest import Open
from egressaudit.report.safe import printable

HOSTILE = (
    "".join(NASTY),
    "</script><script>window.hacked = 1; alert(1)</script><!--<script> javascript:window.hacked=1",
    '"><img src=x onerror="window.hacked = 1"><svg onload=alert(1)> onmouseover=\'window.hacked = 1\' ',
    "{{ 7 * 7 }}{% raw %} url(https://evil.example/x.css) </style><style>*{display:none}</style> style='inset:0'",
    "\u202e\u2066gnp.live\u2069 \u05d0\u05d1\u05d2 \u0645\u0635\u0631 \U0001f600\U0001f468\u200d\U0001f469",
    "__proto__",
    "a/B/" + "x" * 20_000,
    "",
)
"""A name may look like markup, script, style, template, address, another direction of writing, a key; or be huge."""


FOUND = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    hacked: "hacked" in window,
    made: all("main img, iframe, object, embed, form, base, main script, main style, [style]")
      .filter((each) => each.id !== "tip").length,
    links: all("a").map((each) => each.getAttribute("href")),
    handlers: all("*").flatMap((each) => each.getAttributeNames()).filter((name) => name.startsWith("on")),
    styles: all("style").length,
    shown: document.body.checkVisibility(),
    messages: all("details.finding > summary span").map((each) => each.textContent),
  };
}"""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_it_is_text_everywhere(opened: Open, text: str) -> None:
    page = opened(poisoned(replace(FULL, drift=DRIFT), text))
    # Open all that can be opened, so that whatever is made of it is made.
    for closed in page.locator("details.block > summary").all():
        closed.click()
    for closed in page.locator("details.finding > summary").all():
        closed.click()
    for button in page.locator("td.open button").all():
        button.click()
    page.locator(".node").first.hover()
    found = page.evaluate(FOUND)
    assert not found["hacked"]
    assert found["made"] == 0
    assert all(each.startswith("#") for each in found["links"])
    assert found["handlers"] == []
    assert found["styles"] == 6
    assert found["shown"]
    assert set(found["messages"]) == {printable(text)}
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
