"""The page for auditors: each command of it is run on a bundle, and gives the answer that stands there."""

from __future__ import annotations

import re

import pytest
from support.tools import ROOT, load_tool

tool = load_tool("auditors_page")
PAGE = tool.FILE.read_text("utf-8")


@pytest.mark.slow
def test_every_command_gives_the_answer_on_the_page() -> None:
    assert tool.page() == PAGE, "run: python tools/auditors_page.py"


def test_every_question_has_one_command_and_an_answer() -> None:
    sections = re.split(r"\n## [0-9]+\. ", PAGE)[1:]
    assert len(sections) == len(tool.QUESTIONS) == 10
    for section in sections:
        [block] = re.findall(r"\n```\n\$ egressaudit [^\n]+\n(.*?)```\n", section, re.DOTALL)
        assert block.strip()
        assert section.count("\n$ ") == 1


def test_the_answers_say_what_the_sample_is() -> None:
    assert "\nPROVEN  audit.tar.zst\n" in PAGE
    assert "\nFAIL  EA104 high  shop/Deployment/checkout\n" in PAGE
    assert '"state": "not-satisfied"' in PAGE
    assert '"state": "satisfied"' not in PAGE
    assert str(ROOT) not in PAGE


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", PAGE))))
def test_every_link_of_the_page_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
