"""docs/bypass.md has the catalogue of attempts as it is."""

from __future__ import annotations

import re

import pytest
from support.tools import ROOT, load_tool

from egressaudit.bypass import attempts

TEXT = (ROOT / "docs" / "bypass.md").read_text("utf-8")


def test_the_page_is_that_of_the_catalogue() -> None:
    assert load_tool("bypass_page").page() == TEXT, "run: python tools/bypass_page.py"


def test_every_attempt_has_a_heading_that_the_table_leads_to() -> None:
    headings = {f"{code}-{name}".lower() for code, name in re.findall(r"^### (EB\d\d) (\S+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(eb[^)]*)\)", TEXT)) == headings
    assert len(headings) == len(attempts())


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
