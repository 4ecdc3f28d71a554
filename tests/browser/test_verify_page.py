"""The report of `verify` as a page: it needs no script, and takes none."""

from __future__ import annotations

from dataclasses import replace

from support.hostile import poisoned
from support.tools import SAMPLES

from browser.conftest import Open
from browser.test_audit_page import complaints, text_of
from egressaudit.pipeline.replay import audit
from egressaudit.report import render
from egressaudit.report.safe import printable

HOSTILE = (
    "</pre></style><script>window.hacked = 1</script><img src=x onerror=alert(1)>\" style='inset:0' \u202e" + "x" * 400
)


def test_a_verdict_is_read_by_everybody(opened: Open) -> None:
    page = opened(str(render(audit(SAMPLES / "many-hosts"), "html")), color_scheme="dark", width=390, height=800)
    assert text_of(page, "h1").endswith("FAIL")
    assert page.locator("details.verdict[open]").count() == 3
    page.locator("details.verdict:not([open]) summary").first.click()
    assert page.locator("mark:visible").count() > 9
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_hostile_text_is_text(opened: Open) -> None:
    found = audit(SAMPLES / "forged")
    # The codes of causes are ours.
    plain = replace(found, verdicts=tuple(replace(each, causes=()) for each in found.verdicts))
    report = poisoned(plain, HOSTILE)
    page = opened(str(render(report, "html")))
    assert not page.evaluate("'hacked' in window")
    assert page.locator("img, script, iframe, [onerror], [style]").count() == 0
    assert page.locator("style").count() == 6
    assert printable(HOSTILE) in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
