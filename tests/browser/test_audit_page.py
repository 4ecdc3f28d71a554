"""The report of `audit` as a page, as somebody uses it."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from support.reports import CLEAN, FULL
from support.tools import ROOT

from browser.conftest import Open
from browser.reports import LOOP, large_report
from browser.screenshots import taken
from egressaudit.findings.fingerprints import fingerprint_of
from egressaudit.model import AuditReport, Outcome
from egressaudit.report import render_error
from egressaudit.report.explained import explanations

SERIOUS = ("serious", "critical")
STILL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def text_of(page: Page, selector: str) -> str:
    return page.locator(selector).first.inner_text()


def group_count(page: Page) -> int:
    """How many groups the table of flows says that it has."""
    said = re.search(r" of ([\d,]+)$", text_of(page, "#flow-table caption"))
    assert said is not None
    return int(said[1].replace(",", ""))


def complaints(page: Page) -> list[str]:
    found = Axe().run(page, options=STILL).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]} ({each['nodes'][0].get('failureSummary', '')[:200]})"
        for each in found
        if each["impact"] in SERIOUS
    ]


def test_the_first_screen_says_the_outcome_and_its_numbers(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    failed = sum(each.outcome is Outcome.FAIL for each in planted.findings)
    assert text_of(page, "h1").endswith("FAIL")
    assert f"{failed} violations" in text_of(page, ".sentence")
    assert page.locator(".card.is-fail .value").bounding_box()["y"] < 500  # type: ignore[index]
    # On a screen of this height, what is wrong begins within it.
    assert page.locator("details.block").first.bounding_box()["y"] < 900  # type: ignore[index]


def test_every_finding_opens_to_its_chain_with_the_decisive_fields_marked(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    page.locator("summary", has_text="EA101").first.click()
    finding = page.locator("details.finding").first
    finding.locator("summary").first.click()
    hop = finding.locator(".hop").first
    marks = hop.locator("mark").all_inner_texts()
    line = next(each for each in planted.findings if each.code == "EA101").evidence[0].raw
    assert len(marks) >= 5
    assert all(each in line for each in marks)
    assert len(hop.locator(".notes li").all()) >= len(marks)
    assert "→ left" in hop.inner_text()


def test_states_and_search_and_a_click_filter_picture_and_table_alike(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    assert group_count(page) == len(planted.judged)
    page.get_by_role("button", name=re.compile("PASS")).click()
    wrong = [each for each in planted.judged if each.outcome is not Outcome.PASS]
    assert group_count(page) == len(wrong)
    assert page.locator(".band.is-pass").count() == 0
    page.get_by_role("button", name="Show all").click()
    host = wrong[0].group.host
    page.get_by_label("Search flows").fill(host)
    assert group_count(page) == sum(host == each.group.host for each in planted.judged)
    page.get_by_role("button", name="Show all").click()
    node = page.locator(".node", has_text="directly").first
    node.dispatch_event("click")
    assert group_count(page) == sum(each.group.path == "direct" for each in planted.judged)
    expect(page.locator(".chip")).to_have_text("directly, no gateway ✕")
    page.locator(".chip").click()
    assert group_count(page) == len(planted.judged)


def test_no_violation_is_among_others_that_passed(opened: Open, planted: AuditReport) -> None:
    """Bands have one state each; together they have every flow that was proven wrong or not proven."""
    page = opened(planted)
    page.locator("#picture .as-table summary").click()
    page.get_by_label("Rows").first.select_option("1000")
    rows = [row.locator("td").all_inner_texts() for row in page.locator("#picture tbody tr").all()]
    for state, outcome in (("FAIL", Outcome.FAIL), ("INCONCLUSIVE", Outcome.INCONCLUSIVE)):
        wanted = sum(each.group.flows for each in planted.judged if each.outcome is outcome)
        first_legs = [row for row in rows if row[0] == state and _is_first_leg(row[1])]
        assert sum(int(row[3].replace(",", "")) for row in first_legs) == wanted
    assert any("more in violation" in row[1] for row in rows)


def _is_first_leg(name: str) -> bool:
    return bool(re.fullmatch(r"[^/]+/[A-Z]\w+/.+|\(unknown\)|[\d,]+ more.*", name))


def test_hovering_lights_what_belongs_together(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    page.locator("#picture").scroll_into_view_if_needed()
    page.locator(".node text").first.hover()
    lit, bands = page.locator(".band.lit").count(), page.locator(".band").count()
    assert 0 < lit < bands
    assert "flow" in text_of(page, "#tip")


def test_the_picture_goes_by_keyboard(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    stops = page.locator('.node[tabindex="0"]')
    assert stops.count() == 1
    stops.first.focus()
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert first != second
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Way ")
    page.keyboard.press("Enter")
    assert 0 < group_count(page) < len(planted.judged)
    # The redrawn picture has the focus still, and what was chosen can be taken back from there.
    page.keyboard.press("Enter")
    assert group_count(page) == len(planted.judged)


def test_tables_sort_and_turn_pages_and_rows_open(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    flows = page.locator("#flow-table")
    flows.get_by_role("button", name="Flows").click()
    assert flows.locator("th[aria-sort=descending]").inner_text().startswith("Flows")
    most = max(each.group.flows for each in planted.judged)
    assert flows.locator("tbody tr.row td.figure").first.inner_text() == f"{most:,}"
    flows.get_by_role("button", name="Next").click()
    assert "51 to 100" in text_of(page, "#flow-table caption")
    flows.locator("td.open button").first.click()
    expect(flows.locator("tr.inside .hop").first).to_be_visible()
    flows.locator("td.open button").first.click()
    expect(flows.locator("tr.inside")).to_have_count(0)


def test_an_address_opens_its_finding(opened: Open, planted: AuditReport) -> None:
    wanted = [each for each in planted.findings if each.code == "EA105"][-1]
    page = opened(planted, at=f"#f-{fingerprint_of(wanted)[:12]}")
    shown = page.locator("details.finding[open]")
    assert wanted.subject in shown.first.inner_text()


def test_a_finding_leads_to_the_one_that_explains_it(opened: Open, planted: AuditReport) -> None:
    known = explanations(planted)
    lost, why = next((each, other) for each in planted.findings for other in known.of((each,)))
    page = opened(planted, at=f"#f-{fingerprint_of(lost)[:12]}")
    page.get_by_role("link", name=f"{why.code} {why.subject}").first.click()
    shown = page.locator(f'details.finding[open][id^="f-{fingerprint_of(why)[:12]}"]')
    expect(shown).to_contain_text("Explains")
    expect(shown).to_contain_text(lost.subject)


def test_findings_are_searched_and_chosen_by_severity(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    page.locator("#finding-search").fill("ea105")
    shown = [each for each in page.locator("details.block").all() if each.is_visible()]
    assert shown
    assert all("EA105" in each.inner_text() for each in shown)
    page.locator("#finding-search").fill("zzz-no-such-word")
    expect(page.locator("#no-findings")).to_be_visible()
    page.locator("#finding-search").fill("")
    page.locator("#finding-severity").select_option("medium")
    seen = {each.inner_text().lower() for each in page.locator(".block .severity").all() if each.is_visible()}
    assert seen == {"medium"}


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"color_scheme": "dark", "width": 390, "height": 844, "is_mobile": True, "has_touch": True},
    ],
    ids=["light", "dark-phone"],
)
def test_axe_finds_nothing_serious(opened: Open, how: dict[str, object]) -> None:
    page = opened(FULL, **how)
    page.locator("details.block summary").first.click()
    page.locator("details.finding summary").first.click()
    page.locator("#flow-table td.open button").first.click()
    page.locator("#picture .as-table summary").click()
    assert complaints(page) == []


def test_a_phone_is_not_scrolled_sideways(opened: Open, planted: AuditReport) -> None:
    page = opened(planted, width=360, height=740, is_mobile=True, has_touch=True)
    page.locator("details.block summary").first.click()
    page.locator("details.finding summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_every_block_is_open_and_no_control_is_left(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    blocks = page.locator("details.block")
    assert blocks.count() == page.locator("details.block[open]").count() > 10
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not any(each.is_visible() for each in page.locator("nav, select, input").all())
    assert len(page.pdf(format="A4")) > 100_000


def test_without_scripts_outcome_findings_and_limits_are_there(opened: Open) -> None:
    page = opened(FULL, java_script_enabled=False)
    text = text_of(page, "body")
    for words in ("FAIL", "1 violation", "EA101", "EA301", "Waived", "40 flows inside the mesh", "Scripts are off"):
        assert words in text


def test_time_shows_traffic_where_it_was_counted_and_spans_where_not(opened: Open, planted: AuditReport) -> None:
    page = opened(planted)
    assert sum(sum(each.group.spread) for each in planted.judged) == sum(each.group.flows for each in planted.judged)
    assert "at most" in page.locator("#time-frame").text_content()
    assert page.locator("#time-frame rect.span").count() > page.locator("#time-frame circle").count() == 0
    # Violations have a scale of their own, for they are few.
    assert page.locator("#time-frame .area-part.is-fail").count() == 2
    page = opened(FULL)
    assert page.locator("#time-frame circle").count() == 2
    assert "Groups of flows" in page.locator("#time-frame").text_content()


def test_ten_thousand_groups_stay_usable(opened: Open) -> None:
    page = opened(large_report())
    assert group_count(page) == 10_000
    assert page.locator("*").count() < 5_000
    assert page.locator(".band").count() < 600
    page.get_by_label("Search flows").fill("app-200")
    assert group_count(page) == 25
    page.get_by_role("button", name="Show all").click()
    spent = page.evaluate(
        "() => { const from = performance.now(); flowFilter.choose('x', 'x', (flow) => flow.state === 'fail');"
        " return performance.now() - from; }"
    )
    assert group_count(page) == 200
    assert spent < 3000


def test_gateways_that_pass_on_to_each_other_both_ways_are_drawn(opened: Open) -> None:
    page = opened(replace(CLEAN, judged=LOOP))
    assert page.locator(".band").count() == 8
    assert group_count(page) == 3


def test_an_empty_report_says_that_nothing_left(opened: Open) -> None:
    page = opened(replace(CLEAN, judged=(), coverage=replace(CLEAN.coverage, sources=())))
    assert text_of(page, "h1").endswith("INCONCLUSIVE")
    assert "No flow left the mesh." in text_of(page, "#picture")
    assert "No findings." in text_of(page, "#findings")
    assert complaints(page) == []


def test_no_audit_is_a_page_that_says_so(opened: Open) -> None:
    page = opened(str(render_error("audit", "html", "no <b>cluster</b>", "log in")))
    assert text_of(page, "h1").endswith("NOT_PERFORMED")
    assert "no <b>cluster</b>" in text_of(page, "main")
    assert complaints(page) == []


def test_the_pictures_in_the_docs_show_what_the_page_is_today(browser: Browser, planted: AuditReport) -> None:
    """Fonts of machines differ, so only the sizes of the pictures are compared; `tools/screenshots.py` makes them."""
    made = dict(taken(browser, planted))
    there = {file.name: file.read_bytes() for file in (ROOT / "docs" / "images").glob("html-*.png")}
    assert made.keys() == there.keys()
    for name, picture in made.items():
        assert picture.startswith(b"\x89PNG")
        (width, height), (old_width, old_height) = map(_size, (picture, there[name]))
        assert width == old_width
        assert abs(height - old_height) <= old_height * 0.15, f"{name}: run tools/screenshots.py"
        assert len(there[name]) < 150_000, f"{name}: run tools/screenshots.py"


def _size(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture[16:24])
    return width, height
