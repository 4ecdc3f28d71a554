"""Markdown fits into a comment of a pull request, and says what it leaves out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import NASTY, poisoned
from support.large_reports import bypass, large, report_of
from support.reports import DRIFT, FULL, text_of

from egressaudit.model import AuditReport, FoundCause
from egressaudit.report.markdown_size import LIMIT, Section, fitted
from egressaudit.report.view import GroupBy, ReportView


def by_workload(number: int) -> str:
    return text_of(large(number), "markdown", view=ReportView(group_by=GroupBy.WORKLOAD))


def test_a_large_report_fits_and_counts_what_it_leaves_out() -> None:
    text = by_workload(400)
    assert 50_000 < len(text.encode()) <= LIMIT
    blocks = re.findall(r"^### (?:FAIL|INCONCLUSIVE) `EA.*", text, re.MULTILINE)
    (left,) = re.findall(
        r"^Left out here, and in `-o text=FILE` and `-o json`: (\d+) blocks with (\d+) findings\.", text, re.MULTILINE
    )
    assert len(blocks) + int(left[0]) == 802
    assert "## Findings (802 in 802 blocks)" in text
    assert "## Not covered by this report\n\n- Traffic before" in text


def test_where_it_does_not_fit_the_lines_of_logs_go_first() -> None:
    assert "No lines of logs are shown here." not in by_workload(20)
    assert "```text" in by_workload(20)
    assert "No lines of logs are shown here." in by_workload(400)
    assert "```text" not in by_workload(400)


@pytest.mark.parametrize("part", ["notes", "trusted", "not_asked"])
def test_no_part_is_too_long(part: str) -> None:
    report = replace(FULL, **{part: ("日本語`" * 40_000, *("word " * 200 for _ in range(200)))})
    text = text_of(report, "markdown")
    assert len(text.encode()) <= LIMIT
    assert text.startswith("# Egress audit: FAIL\n")
    assert "### FAIL `EA101` high" in text


@settings(max_examples=30)
@given(text=st.one_of(st.sampled_from(NASTY), st.text(max_size=60)), times=st.sampled_from([1, 60, 3_000]))
def test_it_fits_whatever_a_workload_wrote(text: str, times: int) -> None:
    long = (text + "`") * times
    report: AuditReport = poisoned(replace(FULL, drift=DRIFT), long)
    rendered = text_of(report, "markdown")
    assert len(rendered.encode("utf-8")) <= LIMIT
    assert rendered.startswith(f"# Egress audit: {report.outcome}\n")


def test_long_causes_fit() -> None:
    cause = bypass(1).causes[0]
    long: FoundCause = replace(cause, because=("`x` " * 20_000,))
    assert len(text_of(report_of((replace(bypass(1), causes=(long,)),)), "markdown").encode()) <= LIMIT


# ---------------------------------------------------------------- the sections by themselves


def section(heading: str, rank: int, number: int) -> Section:
    return Section(
        f"## {heading}\n\n", rank, range(number), lambda each: f"- {each:04}\n", lambda left: f"{len(left)} numbers"
    )


def test_a_list_takes_no_more_than_its_share() -> None:
    text = fitted([replace(section("a", 0, 100), most=80), section("b", 1, 5)], 1000)
    assert text.partition("## b")[0].count("\n- ") == 10
    assert text.partition("## b")[2].count("\n- ") == 5


def test_sections_that_fit_are_whole() -> None:
    sections = [section("a", 0, 2), section("b", 1, 0)]
    text = fitted(sections, 1000)
    assert all(each.whole for each in sections)
    assert text == "## a\n\n- 0000\n- 0001\n\n## b\n"


def test_the_lower_rank_has_its_room_first() -> None:
    sections = [section("a", 1, 100), section("b", 0, 50)]
    text = fitted(sections, 1000)
    assert [each.whole for each in sections] == [False, True]
    assert 50 < text.count("\n- ") < 100
    assert "Left out here" in text.partition("## b")[0]
    assert "Left out here" not in text.partition("## b")[2]


@given(limit=st.integers(700, 3000), numbers=st.lists(st.integers(0, 200), min_size=1, max_size=3))
def test_nothing_is_longer_than_its_limit_and_all_is_counted(limit: int, numbers: list[int]) -> None:
    sections = [section("x", rank, number) for rank, number in enumerate(numbers)]
    text = fitted(sections, limit)
    left = sum(map(int, re.findall(r"Left out here.*: (\d+) numbers", text)))
    assert len(text.encode()) <= limit
    assert text.count("\n- ") + left == sum(numbers)
    assert all(each.whole for each in sections) == (left == 0)
