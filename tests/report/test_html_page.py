"""The HTML report without a browser: what is in the file, and that nothing else can run in it."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import CLEAN, END, FAILED, FULL, PASSED, START, VIOLATION, text_of
from support.tools import ROOT, SAMPLES

from egressaudit.findings import controls
from egressaudit.model import Evidence, Outcome, Severity, VerifyReport
from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.pipeline.replay import audit
from egressaudit.report import render, render_error
from egressaudit.report.html.audit_data import audit_data
from egressaudit.report.html.marked_chain import MOST_OTHERS, Chains
from egressaudit.report.html.page_file import LIBRARIES, SCRIPTS, STYLES, inert_json
from egressaudit.report.html.shared_texts import SharedTexts
from egressaudit.report.view import ReportView

LINE = (
    '[2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 0 0 - "-" "curl" '
    '"b5a1e7b5-1c1f-4f8a-9e0b-0c7e6b1d2f3a" "docs.example.com" "-" outbound|80||docs.example.com - '
    "10.0.0.9:80 10.0.0.8:40000 - default"
)


class Page(HTMLParser):
    """Elements with their attributes, and the text in scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.words.append(data)
        else:
            self.inside[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def policy(self) -> str:
        [found] = [each["content"] for each in self.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
        assert found is not None
        return found

    @property
    def data(self) -> dict[str, list[object]]:
        [text] = [text for text in self.inside if text.startswith('{"window"')]
        loaded: dict[str, list[object]] = json.loads(text)
        return loaded


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def verified(sample: str) -> VerifyReport:
    return audit(SAMPLES / sample)


PAGES = {
    "audit": lambda: text_of(FULL, "html"),
    "verify": lambda: text_of(verified("many-hosts"), "html"),
    "bypass": lambda: text_of(verified("bypass-open"), "html"),
    "no audit": lambda: str(render_error("audit", "html", "<b>", "</script>")),
    "no run": lambda: str(render_error("verify", "html", "<b>", "</script>")),
}


@pytest.mark.parametrize("text", [pytest.param(made(), id=name) for name, made in PAGES.items()])
def test_only_our_scripts_run_and_only_our_styles_count(text: str) -> None:
    page = Page(text)
    code = [each for each in page.inside if not each.startswith('{"window"')]
    allowed = re.findall(r"'sha256-[^']+'", page.policy)
    assert [*allowed] == [hash_of(each) for each in (*code[len(STYLES) :], *code[: len(STYLES)])]
    assert page.policy.startswith("default-src 'none'; script-src ")
    assert "unsafe" not in page.policy
    assert "http" not in page.policy
    assert all("style" not in each and not any(name.startswith("on") for name in each) for _, each in page.elements)
    assert not any("src" in each for _, each in page.elements)
    assert {str(each.get("href"))[0] for each in page.all("a")} <= {"#"}
    assert [each["href"] for each in page.all("link")] == ["data:,"]


def test_the_same_report_is_the_same_page() -> None:
    assert render(FULL, "html") == render(FULL, "html")
    assert render(FULL, "html") != render(CLEAN, "html")


@pytest.mark.parametrize(
    "name", [*(f"page/{each}" for each in (*STYLES, *SCRIPTS)), *(f"vendor/{n}" for n in LIBRARIES)]
)
def test_no_file_of_the_page_ends_its_own_element_or_asks_a_network(name: str) -> None:
    text = (files("egressaudit.report.html") / name).read_text("utf-8")
    assert not re.search(r"</script|</style|<!--", text, re.IGNORECASE)
    # A namespace is a name; a library says in a comment where it comes from.
    code = re.sub(r"^//.*", "", text.replace("http://www.w3.org/2000/svg", ""), flags=re.MULTILINE)
    assert not re.search(
        r"https?:|@import|url\(|\beval\(|new Function|innerHTML|outerHTML|insertAdjacent|document\.write", code
    )


def test_every_file_of_the_page_is_in_it() -> None:
    folder = files("egressaudit.report.html")
    there = {each.name for each in (folder / "page").iterdir()} | {each.name for each in (folder / "vendor").iterdir()}
    templates = {"audit.html.jinja", "verify.html.jinja", "not_performed.html.jinja", "LICENSES.md"}
    assert there == {*STYLES, *SCRIPTS, *LIBRARIES, *templates}


def test_the_libraries_are_those_that_are_named() -> None:
    vendor = files("egressaudit.report.html") / "vendor"
    licences = (vendor / "LICENSES.md").read_text("utf-8")
    footer = Page(text_of(FULL, "html"))
    words = " ".join(" ".join(footer.words).split())
    docs = (ROOT / "docs" / "audit-reports.md").read_text("utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| ([\d,]+) \| `([0-9a-f]{64})` \|$", licences, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(LIBRARIES)
    for file, version, licence, size, digest in rows:
        content = (vendor / file).read_bytes()
        assert sha256(content).hexdigest() == digest
        assert f"{len(content):,}" == size
        assert f"v{version} Copyright".encode() in content.splitlines()[0]
        assert f"{file.removesuffix('.min.js')} {version}" in words
        assert f"| {file.removesuffix('.min.js')} | {version} | {licence} | {size} |" in docs
    assert "Redistribution and use in source and binary forms" in words
    assert "THE SOFTWARE IS PROVIDED" in words


@given(st.text())
def test_data_cannot_end_its_script_block(text: str) -> None:
    written = inert_json({"texts": [text, f"</script><!--{text}"]})
    assert not set("<>&") & set(written)
    assert written.isascii()
    assert json.loads(written)["texts"][0] == text


def test_the_numbers_at_the_top_are_those_of_every_other_report() -> None:
    page = Page(text_of(FULL, "html"))
    words = [each.strip() for each in page.words if each.strip()]
    assert "1 violation, 1 unproven, 1 waived; 90.0 % of expected log time covered; 2 blind spots" in words
    assert "1,200 proven as expected" in words
    assert "2 of 3 expected logs read" in words
    assert controls()["EA101"].title in " ".join(words)
    assert any("40 flows inside the mesh" in each for each in words)


def test_a_view_leaves_findings_out_and_says_so() -> None:
    text = text_of(FULL, "html", view=ReportView(min_severity=Severity.HIGH))
    page = Page(text)
    assert len(page.data["findings"]) == 2
    assert len(page.data["flows"]) == 3
    assert "1 more findings are hidden by the options" in text
    assert "1 violation, 1 unproven, 1 waived" in text


def test_what_changed_is_said() -> None:
    row = DriftRow(
        DriftChange.NEW,
        DriftOf.FINDING,
        "9f",
        "shop/<b>",
        "it left",
        "EA101",
        Severity.HIGH,
        None,
        Outcome.FAIL,
        violation=True,
    )
    page = Page(text_of(replace(FULL, drift=Drift("audit-1.json", FULL.window, (row,))), "html"))
    assert "since audit-1.json: findings: 1 new violation, 1 new" in page.words
    assert "shop/<b>" in page.words
    assert "since a: nothing changed" in Page(text_of(replace(FULL, drift=Drift("a", FULL.window)), "html")).words


def test_reports_that_could_not_be_compared_do_not_read_as_unchanged() -> None:
    drift = Drift("old.json", None, notes=("It is of another cluster.",), compared=False)
    words = Page(text_of(replace(FULL, drift=drift), "html")).words
    assert "It is of another cluster." in words
    assert not any("nothing changed" in each for each in words)


def test_a_field_that_decides_is_marked_where_a_browser_counts_it() -> None:
    """JavaScript counts UTF-16 code units: a character beyond the first 65,536 takes two."""
    line = Evidence("shop/cart-1/istio-proxy", 12, LINE.replace('"curl"', '"\U0001f600"'), "source")
    data = audit_data(replace(FULL, judged=(replace(FAILED, group=replace(FAILED.group, evidence=(line,))),)), ())
    [flow], texts = data["flows"], data["texts"]  # type: ignore[misc]
    [hop] = flow[-1]["hops"]
    units = hop["raw"].encode("utf-16-le")
    marked = {
        texts[column]: units[2 * start : 2 * end].decode("utf-16-le") for _, column, _, _, start, end in hop["marks"]
    }
    assert marked["response_flags"] == "UH"
    assert marked["authority"] == "docs.example.com"
    assert "no endpoint of the cluster was healthy" in " ".join(texts[says] for _, _, _, says, _, _ in hop["marks"])


def test_where_room_is_short_violations_keep_their_lines() -> None:
    lines = tuple(Evidence("shop/cart-1/istio-proxy", n, LINE, "source") for n in range(9))
    judged = [replace(each, group=replace(each.group, evidence=lines)) for each in (PASSED, FAILED, PASSED)]
    chains = Chains(SharedTexts(), {}, room=len(LINE) * (1 + MOST_OTHERS))
    passed, failed, other = chains.of_groups(judged)
    assert passed is other is None
    assert failed is not None
    assert len(failed["others"]) == MOST_OTHERS  # type: ignore[arg-type]
    assert chains.left_out == 2


def test_a_finding_names_its_group_and_its_fingerprint() -> None:
    data = audit_data(FULL, (VIOLATION,))
    [row] = data["findings"]  # type: ignore[misc]
    assert re.fullmatch("[0-9a-f]{12}", row[0])
    assert row[1] == "fail"
    assert row[10] == FULL.judged.index(FAILED)


def test_times_are_utc_milliseconds() -> None:
    assert audit_data(CLEAN, ())["window"] == (int(START.timestamp() * 1000), int(END.timestamp() * 1000))


def test_a_verdict_has_its_line_whole_with_marks_on_what_decides() -> None:
    report = verified("mesh-gateway-missing")
    [verdict] = report.verdicts
    text = text_of(report, "html")
    [line] = [html.unescape(re.sub(r"<sup.*?</sup>|<[^>]+>", "", each)) for each in re.findall(r"<pre.*?</pre>", text)]
    assert line == verdict.flow.hops[0].line.text
    marks = {html.unescape(each) for each in re.findall(r"<mark[^>]*>(.*?)</mark>", text)}
    assert {"200", "docs.redhat.com", "outbound|80||docs.redhat.com"} <= marks
    words = " ".join(Page(text).words)
    assert verdict.reason in words
    assert "EC26" in words
    assert "1 host from 1 source: 1 FAIL" in words


def test_every_attempt_to_get_around_the_gateway_is_there() -> None:
    report = verified("bypass-open")
    words = " ".join(Page(text_of(report, "html")).words)
    attempts = [each for battery in report.bypass for each in battery.attempts]
    assert len(attempts) > 10
    assert all(f"{each.code} {each.title}" in words and each.because in words for each in attempts)
