"""An earlier report as the baseline: what it gives back, and what is refused with which words."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from support.changed_documents import LEAVES, PATHS, changed
from support.reports import FULL, text_of
from support.tools import ROOT

from egressaudit.errors import BadLogs
from egressaudit.findings.kept_reports import kept_report
from egressaudit.model import Outcome
from egressaudit.report import render_error
from egressaudit.report.earlier_report import earlier_report

DOCUMENT = json.loads(text_of(FULL, "json"))


def read(document: Any) -> Any:
    return earlier_report(json.dumps(document).encode(), "before.json")


def test_a_report_reads_back_as_it_was_kept() -> None:
    wanted, found = kept_report(FULL, "before.json"), read(DOCUMENT)
    assert found.findings == wanted.findings
    assert found.flows == wanted.flows
    assert (found.window, found.policy_digest, found.outcome) == (wanted.window, wanted.policy_digest, Outcome.FAIL)
    assert found.coverage.fraction == wanted.coverage.fraction


REFUSED = {
    "not text": (b"\xff\xfe\x00", "is not a JSON report: it is not text"),
    "cut": (json.dumps(DOCUMENT).encode()[:-9], "is not a JSON report (line 1, column"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "something else": (b'{"a": 1}', "is not a report of egressaudit"),
    "a list": (b"[]", "is not a report of egressaudit"),
    "verify": ((ROOT / "reports" / "gateway-down.json").read_bytes(), "is a report of verify"),
    "another schema": (json.dumps({**DOCUMENT, "schema_version": 2}).encode(), "has schema_version 2"),
    "no audit": (str(render_error("audit", "json", "no cluster", "")).encode(), "no audit was performed: no cluster"),
    "no window": (json.dumps({**DOCUMENT, "window": None}).encode(), "which window it is of"),
    "pseudonyms": (
        json.dumps({**DOCUMENT, "run": {**DOCUMENT["run"], "redacted": ["hosts", "queries"]}}).encode(),
        "has pseudonyms for hosts",
    ),
    "older": (
        json.dumps({**DOCUMENT, "flows": [{**DOCUMENT["flows"][0], "fingerprint": ""}]}).encode(),
        "without a fingerprint, as an older egressaudit wrote them",
    ),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_baseline_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BadLogs) as refused:
        earlier_report(content, "before.json")
    assert words in refused.value.message


@given(path=PATHS, leaf=LEAVES)
def test_no_value_is_trusted_to_have_the_right_type(path: list[int], leaf: Any) -> None:
    with suppress(BadLogs):
        assert read(changed(DOCUMENT, path, leaf)).name == "before.json"


@pytest.mark.parametrize("waived", [{}, [], "no", {"reason": "x"}, False])
def test_whatever_stands_for_a_waiver_makes_no_known_violation(waived: object) -> None:
    finding = {**DOCUMENT["findings"][0], "waived": waived}
    assert read({**DOCUMENT, "findings": [finding]}).findings[0].waived
