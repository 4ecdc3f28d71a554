"""What reports say of changes: one line for the first screen, all of them below, and the same in JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from support.reports import CLEAN, DRIFT, FULL, text_of

from egressaudit.findings.drift_between import first_of
from egressaudit.report.drift_words import MAX_ROWS, drift_line, drift_rows

NEW = DRIFT.rows[0]
COMPARED = replace(CLEAN, drift=DRIFT)


def test_one_line_counts_new_violations_first() -> None:
    assert drift_line(DRIFT) == "since audit-1.json: findings: 1 new violation, 1 new; flows: 1 not seen"
    assert drift_line(replace(DRIFT, rows=())) == "since audit-1.json: nothing changed"
    assert drift_line(first_of("egress.duckdb")) == "Not compared: egress.duckdb has no earlier run of this mesh."


def test_a_line_for_each_change() -> None:
    assert list(drift_rows(DRIFT)) == [
        "NEW EA101 high  shop/Deployment/cart  3 flows left around the gateway. (a new violation)",
        "NOT SEEN flow  shop/Pod/old  x.example.com:443 direct (no log)",
    ]


def test_a_person_is_told_how_many_more_there_are() -> None:
    *_, last = drift_rows(replace(DRIFT, rows=(NEW,) * (MAX_ROWS + 3)))
    assert last == "and 3 more changes, all in -o json"


def test_text_and_markdown_have_the_changes_and_json_all_of_them() -> None:
    text = text_of(COMPARED, "text")
    assert "CHANGES SINCE audit-1.json (2)" in text
    assert "note: Changes may come from the policy" in text
    assert "## Changes since `audit-1.json`" in text_of(COMPARED, "markdown")
    drift = json.loads(text_of(COMPARED, "json"))["drift"]
    assert (drift["baseline"], drift["window"]["end"]) == ("audit-1.json", "2026-03-01T10:00:00.000000Z")
    assert (drift["new_violations"], [each["change"] for each in drift["rows"]]) == (1, ["new", "not-seen"])


def test_where_nothing_could_be_compared_nobody_reads_that_nothing_is_new() -> None:
    drift = json.loads(text_of(replace(FULL, drift=first_of("egress.duckdb")), "json"))["drift"]
    assert (drift["compared"], drift["new_violations"]) == (False, None)
    for name in ("text", "markdown"):
        said = text_of(replace(FULL, drift=first_of("old")), name).replace("`", "")
        assert "since old (not compared)" in said.replace("SINCE", "since")


def test_without_an_earlier_report_nothing_is_said() -> None:
    assert "CHANGES" not in text_of(CLEAN, "text")
    assert "Changes since" not in text_of(CLEAN, "markdown")
    assert json.loads(text_of(CLEAN, "json"))["drift"] is None
