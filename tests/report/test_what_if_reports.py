"""What another policy would make of past flows: the words, the schema, and nothing that a workload wrote but text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile import poisoned
from support.tools import ROOT

from egressaudit.model import ObjectRef, Outcome, Path, Waived, Window
from egressaudit.model.what_if import WhatIfReport, WhatIfRow, WouldBe
from egressaudit.report import render, render_error
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "what-if-report.schema.json").read_text("utf-8"))
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
BREAKS = WhatIfRow(
    *(WouldBe.BREAKS, "shop", "Deployment/cart", "docs.example.com", 443),
    *(Path.VIA_GATEWAY, (ObjectRef("egress", "gw"),)),
    *(120, START, END, Outcome.PASS, Outcome.FAIL, "EA104", "default", "it left, and no rule allows it"),
)
ESCAPES = replace(BREAKS, would=WouldBe.ESCAPES, path=Path.DIRECT, via=(), before=Outcome.FAIL, code="EA101")
SAME = replace(BREAKS, would=WouldBe.SAME, workload="", after=Outcome.PASS, code="", port=None)
REPORT = WhatIfReport(
    *("egress.duckdb", Window(START, END), 30, "new", "ab" * 32, (BREAKS, ESCAPES, SAME), 0, ("Windows overlap.",))
)
NASTY = ("\x1b[2J\x07", "a\nb\r\n  c", "\u202eevil \udcff\ud800\x00", "[bold]x[/bold] <script>", "   ", "")


def test_the_text_reads_like_this() -> None:
    assert render(REPORT, "text") == (
        "WHAT IF\n"
        f"  policy   new (SHA-256 {'ab' * 32})\n"
        "  history  egress.duckdb: 30 runs, 2026-03-01T00:00:00Z to 2026-03-31T00:00:00Z\n"
        "\n"
        "WOULD BREAK (1)\n"
        "  shop/Deployment/cart\n"
        "    docs.example.com:443 via-gateway egress/gw: PASS then, FAIL EA104 now\n"
        "      it left, and no rule allows it; rule default; 120 flows, 2026-03-01T00:00:00Z to\n"
        "      2026-03-31T00:00:00Z\n"
        "\n"
        "WOULD STILL ESCAPE (1)\n"
        "  shop/Deployment/cart\n"
        "    docs.example.com:443 direct: FAIL then, FAIL EA101 now\n"
        "      it left, and no rule allows it; rule default; 120 flows, 2026-03-01T00:00:00Z to\n"
        "      2026-03-31T00:00:00Z\n"
        "\n"
        "WOULD NO LONGER BE PROVEN (none)\n"
        "\n"
        "WOULD BE SETTLED (none)\n"
        "\n"
        "1 more group of flows would get the same verdict as before.\n"
        "note: Windows overlap.\n"
        "\n"
        "FAIL: 1 workload would break, 1 would still escape; 30 runs judged again by policy new\n"
    )


WAIVED = replace(ESCAPES, waived=Waived("CHG-1", "2027-01-31"))
OUTCOMES = [
    ((BREAKS, SAME), 0, Outcome.FAIL),
    ((SAME,), 0, Outcome.PASS),
    ((SAME, WAIVED), 0, Outcome.PASS),
    ((SAME, replace(WAIVED, after=Outcome.INCONCLUSIVE)), 0, Outcome.INCONCLUSIVE),
    ((SAME,), 1, Outcome.INCONCLUSIVE),
    ((), 0, Outcome.INCONCLUSIVE),
    ((replace(SAME, after=None),), 0, Outcome.INCONCLUSIVE),
]


@pytest.mark.parametrize(("rows", "incomplete", "outcome"), OUTCOMES)
def test_a_pass_is_all_proven(rows: tuple[WhatIfRow, ...], incomplete: int, outcome: Outcome) -> None:
    assert replace(REPORT, rows=rows, incomplete=incomplete).outcome is outcome


def test_the_json_fits_its_schema() -> None:
    empty, error = render(replace(REPORT, rows=()), "json"), render_error("what-if", "json", "x", "")
    for each in (render(REPORT, "json"), empty, error):
        document = json.loads(each)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (document["outcome"], document["error"]["message"], document["flows"]) == ("NOT_PERFORMED", "x", [])


@given(text=st.one_of(st.sampled_from(NASTY), st.text(max_size=40)))
def test_nothing_that_a_workload_wrote_is_more_than_text(text: str) -> None:
    report = poisoned(REPORT, text)
    shown = str(render(report, "text", Screen(width=80)))
    assert all(character == "\n" or printable(character) == character for character in shown)
    assert shown.count("\nWOULD BREAK (1)\n") == shown.count("\nWOULD BE SETTLED (none)\n") == 1
    written = str(render(report, "json"))
    assert written.isascii()
    assert json.loads(written)["flows"][0]["host"] == printable(text)
