"""What a webhook is told: short, whatever is in the report, and with nothing in it that mentions or links."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from support.hostile import hostile, poisoned
from support.reports import CLEAN, END, FULL, START, UNPROVEN, VIOLATION

from egressaudit.model import AuditReport, Outcome, Severity, Window
from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.report.notification import anything_new, failure_notification, notification_of
from egressaudit.report.safe import printable


def told(report: AuditReport) -> Any:
    return json.loads(notification_of(report))


def texts(payload: Any) -> list[str]:
    """Every text of the blocks, all of them plain."""
    found = []
    for block in payload["blocks"]:
        for each in (*block.get("fields", ()), *((block["text"],) if "text" in block else ())):
            assert (each["type"], each["emoji"]) == ("plain_text", False)
            found.append(each["text"])
    return found


def test_the_first_words_are_the_outcome_with_its_counts() -> None:
    payload = told(FULL)
    assert payload["text"].startswith("egressaudit: FAIL: 1 violation, 1 unproven, 1 waived; 90.0 % of expected")
    head, about, *counts, worst = texts(payload)
    assert head == "Egress audit: FAIL"
    assert about.splitlines()[1:] == ["2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z", "policy baseline"]
    assert counts == ["high: 1", "medium: 1"]
    assert worst.splitlines() == [
        "• EA101 high FAIL: left around the gateway or waypoint: shop/Deployment/cart",
        "• EA301 medium INCONCLUSIVE: a proxy's log was not read: shop/cart-2/istio-proxy",
    ]


def test_a_clean_report_has_no_findings() -> None:
    assert texts(told(CLEAN))[0] == "Egress audit: PASS"
    assert len(told(CLEAN)["blocks"]) == 2


def test_violations_come_before_what_is_not_proven_and_the_rest_is_counted() -> None:
    unproven = tuple(replace(UNPROVEN, code=f"EA3{number:02}", severity=Severity.CRITICAL) for number in range(1, 9))
    *_, worst = texts(told(replace(FULL, findings=(*unproven, VIOLATION))))
    lines = worst.splitlines()
    assert lines[0].startswith("• EA101")
    assert (len(lines), lines[-1]) == (6, "and 4 more groups of findings")


def test_what_changed_is_said() -> None:
    report = replace(FULL, drift=Drift("old", Window(START, END), (row(DriftChange.NEW, None, Outcome.FAIL),)))
    assert texts(told(report))[1].endswith("since the baseline: 1 new")
    unchanged = replace(FULL, drift=Drift("old", Window(START, END)))
    assert texts(told(unchanged))[1].endswith("since the baseline: no changes")
    other = replace(FULL, drift=Drift("old", None, compared=False))
    assert texts(told(other))[1].endswith("not compared with a baseline: nothing is known from before")


def row(change: DriftChange, before: Outcome | None, after: Outcome | None, *, violation: bool = False) -> DriftRow:
    subject = "shop/Deployment/cart"
    return DriftRow(change, DriftOf.FINDING, "f", subject, "t", before=before, after=after, violation=violation)


FAIL, INCONCLUSIVE = Outcome.FAIL, Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("rows", "new"),
    [
        ((), False),
        ((row(DriftChange.NEW, None, FAIL, violation=True),), True),
        # Its waiver has expired.
        ((row(DriftChange.CHANGED, FAIL, FAIL, violation=True),), True),
        # It is waived.
        ((row(DriftChange.NEW, None, FAIL),), False),
        ((row(DriftChange.NEW, None, INCONCLUSIVE),), True),
        ((row(DriftChange.CHANGED, FAIL, INCONCLUSIVE),), True),
        ((row(DriftChange.CHANGED, INCONCLUSIVE, INCONCLUSIVE),), False),
        ((row(DriftChange.NEW, None, None),), False),
        ((row(DriftChange.GONE, FAIL, None),), False),
        ((row(DriftChange.NOT_SEEN, FAIL, None),), False),
        ((replace(row(DriftChange.NEW, None, Outcome.PASS), of=DriftOf.FLOW),), False),
    ],
)
def test_only_what_counts_now_and_did_not_before_is_new(rows: tuple[DriftRow, ...], *, new: bool) -> None:
    assert anything_new(replace(FULL, drift=Drift("old", Window(START, END), rows))) is new


def test_where_nothing_is_known_from_before_everything_is_new() -> None:
    apart = Drift("old", Window(START, END), compared=False)
    assert anything_new(replace(FULL, drift=apart))
    assert not anything_new(replace(CLEAN, drift=apart))


def test_without_a_baseline_everything_that_is_not_proven_is_new() -> None:
    assert anything_new(FULL)
    assert not anything_new(CLEAN)


def test_a_failure_says_that_no_audit_was_performed() -> None:
    payload = json.loads(failure_notification("no cluster <!channel>", "Name one."))
    assert payload["text"] == "egressaudit: no audit was performed"
    assert texts(payload)[1].splitlines() == ["NOT_PERFORMED", "no cluster &lt;!channel&gt;", "Name one."]


def test_however_large_a_report_is_the_summary_is_small() -> None:
    many = tuple(replace(VIOLATION, subject=f"{'n' * 200}/Deployment/{number}") for number in range(2000))
    for text in ("x" * 5000, "&" * 5000, "@www.://" * 1000):
        report = poisoned(replace(FULL, findings=many), text)
        assert len(notification_of(report)) < 25_000
        assert max(map(len, texts(told(report)))) <= 3000


MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


@given(text=hostile)
def test_hostile_text_mentions_nobody_and_links_nothing(text: str) -> None:
    payload = told(poisoned(FULL, text))
    # The text that every receiver shows, some of them as Markdown, has nothing of the workload's.
    assert payload["text"] == told(FULL)["text"]
    for said in texts(payload):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|@\w|://|www\.", said)
        assert len(said) <= 3000
        assert all(each in "\n\u200b" or printable(each) == each for each in said)
        inline = [child for token in MARKDOWN.parse(said) for child in token.children or []]
        assert not {child.type for child in inline} & {"link_open", "image", "html_inline"}


@given(text=hostile)
def test_a_hostile_error_is_inert_too(text: str) -> None:
    for said in texts(json.loads(failure_notification(text, text))):
        assert not re.search(r"[<>]|@\w|://", said)
