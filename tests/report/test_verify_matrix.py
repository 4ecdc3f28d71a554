"""Reports of several hosts and sources: one answer first and last, the matrix, and the evidence of what is not PASS."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from support.probes import VIA_GATEWAY, gateway, probe, sidecar
from support.reports import text_of

from egressaudit.model import (
    Cause,
    Expectation,
    Flow,
    FoundCause,
    MatrixCell,
    ObjectRef,
    Outcome,
    Path,
    Scheme,
    Stage,
    Target,
    Verdict,
    VerifyReport,
    Waived,
)
from egressaudit.report import render
from egressaudit.report.screen import Screen

SOURCES = {"curl/curl": ObjectRef("curl", "curl-1"), "shop/cart": ObjectRef("shop", "cart-1")}


def verdict(
    host: str, source: str, outcome: Outcome, path: Path, nonce: str, *, after: str = "", waived: bool = False
) -> Verdict:
    sent = replace(
        probe(),
        nonce=nonce,
        target=Target(host, 80, Scheme.HTTP),
        source=SOURCES[source],
        redirected_from=after or None,
    )
    flow = Flow(sent, hops=(sidecar(), gateway()), joined_by=("a", "b"))
    excused = Waived("known", "2099-01-01") if waived else None
    return Verdict(
        outcome,
        path,
        replace(VIA_GATEWAY, waived=excused),
        flow,
        reason=f"reason of {nonce}",
        code="EA101" if outcome is Outcome.FAIL else "",
    )


def cell(host: str, source: str, nonce: str) -> MatrixCell:
    return MatrixCell(host, source, Target(host, 80, Scheme.HTTP), SOURCES[source], nonce=nonce)


PASSED = verdict("a.example", "curl/curl", Outcome.PASS, Path.VIA_GATEWAY, "1" * 16)
ALSO = verdict("a.example", "shop/cart", Outcome.PASS, Path.VIA_GATEWAY, "2" * 16)
MOVED = verdict("b.example", "curl/curl", Outcome.PASS, Path.VIA_GATEWAY, "3" * 16)
ESCAPED = verdict("c.example", "curl/curl", Outcome.FAIL, Path.DIRECT, "4" * 16, after="3" * 16)
EXCUSED = verdict("b.example", "shop/cart", Outcome.FAIL, Path.DIRECT, "5" * 16, waived=True)
CELLS = (
    cell("a.example", "curl/curl", "1" * 16),
    cell("a.example", "shop/cart", "2" * 16),
    cell("b.example", "curl/curl", "3" * 16),
    cell("b.example", "shop/cart", "5" * 16),
)
WILDCARD = MatrixCell("*.d.example", "", rule="docs", reason="a wildcard cannot be probed", counts=False)
WITHOUT_CURL = MatrixCell("e.example", "shop/cart", Target("e.example", 443, Scheme.HTTPS), reason="no curl there")


def report(*verdicts: Verdict, cells: tuple[MatrixCell, ...] = CELLS) -> VerifyReport:
    return VerifyReport(verdicts, {}, {}, asked=cells)


ALL = report(PASSED, ALSO, MOVED, ESCAPED, EXCUSED, cells=(*CELLS, WILDCARD))


def lines(of: VerifyReport, screen: Screen | None = None) -> list[str]:
    written = render(of, "text", screen)
    assert isinstance(written, str)
    return written.splitlines()


def test_one_line_says_all_first_and_last_and_the_matrix_has_each_host_and_source() -> None:
    shown = lines(ALL)
    assert shown[0] == shown[-1] == "FAIL  3 hosts from 2 sources: 2 PASS, 1 FAIL, 1 FAIL waived, 1 not probed"
    assert shown[2:6] == [
        "                   curl/curl         shop/cart",
        "http://a.example/  PASS via-gateway  PASS via-gateway",
        "http://b.example/  FAIL direct       FAIL waived direct",
        "*.d.example        not probed        not probed",
    ]
    assert "not probed: *.d.example (rule docs)" in shown
    assert "  a wildcard cannot be probed" in shown


def test_the_evidence_of_what_passed_is_shown_on_request() -> None:
    usual, verbose = "\n".join(lines(ALL)), "\n".join(lines(ALL, Screen(verbose=True)))
    assert "FAIL  http://c.example/  direct  from curl/curl-1" in usual
    assert "reason of 1" not in usual
    assert "PASS  http://a.example/  via-gateway  from curl/curl-1" in verbose


def test_a_matrix_wider_than_the_screen_is_a_list() -> None:
    sources = [f"namespace-{n}/workload" for n in range(6)]
    cells = tuple(
        MatrixCell("a.example", each, Target("a.example", 80, Scheme.HTTP), SOURCES["curl/curl"], nonce="1" * 16)
        for each in sources
    )
    assert "PASS via-gateway  http://a.example/  from namespace-5/workload" in lines(report(PASSED, cells=cells))


def test_the_first_cause_stands_beside_the_path() -> None:
    catalogued = Cause("EC26", "mesh-missing", "title", Stage.STEERED, "I", "looks", "remedy")
    cause = FoundCause(catalogued, ("why",))
    failed = replace(
        ESCAPED, flow=replace(ESCAPED.flow, probe=replace(ESCAPED.flow.probe, redirected_from=None)), causes=(cause,)
    )
    shown = lines(report(PASSED, failed, cells=(CELLS[0], cell("c.example", "curl/curl", "4" * 16))))
    assert "http://c.example/  FAIL direct EC26" in shown


def test_one_host_from_one_source_is_reported_as_ever() -> None:
    shown = lines(report(PASSED, cells=(CELLS[0],)))
    assert shown[0] == "PASS  http://a.example/  via-gateway"
    assert not any("sources" in each for each in shown)


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (report(PASSED, ALSO, cells=CELLS[:2]), Outcome.PASS),
        (report(PASSED, EXCUSED, cells=(CELLS[0], CELLS[3])), Outcome.PASS),
        (report(EXCUSED, cells=(CELLS[3],)), Outcome.INCONCLUSIVE),
        (report(PASSED, cells=(CELLS[0], WILDCARD)), Outcome.PASS),
        (report(PASSED, cells=(CELLS[0], WITHOUT_CURL)), Outcome.INCONCLUSIVE),
        (report(cells=(WITHOUT_CURL,)), Outcome.INCONCLUSIVE),
        (report(cells=(WILDCARD,)), Outcome.INCONCLUSIVE),
        (report(PASSED, cells=(replace(CELLS[0], reason="its redirect could not be sent"),)), Outcome.INCONCLUSIVE),
        (ALL, Outcome.FAIL),
    ],
)
def test_the_outcome_of_all(made: VerifyReport, outcome: Outcome) -> None:
    assert made.outcome is outcome
    assert json.loads(text_of(made, "json"))["outcome"] == outcome


def test_json_has_a_row_for_each_host_from_each_source() -> None:
    document = json.loads(text_of(ALL, "json"))
    rows = [
        (row["url"], row["source"], row["outcome"], row["path_seen"], row["code"], row["waived"])
        for row in document["matrix"]
    ]
    assert rows == [
        ("http://a.example/", "curl/curl", "PASS", "via-gateway", "", ""),
        ("http://a.example/", "shop/cart", "PASS", "via-gateway", "", ""),
        ("http://b.example/", "curl/curl", "FAIL", "direct", "EA101", ""),
        ("http://b.example/", "shop/cart", "FAIL", "direct", "EA101", "until 2099-01-01: known"),
        ("", "", None, None, "", ""),
    ]
    assert [row["reason"] for row in document["matrix"]][2:] == [
        f"reason of {'4' * 16}",
        f"reason of {'5' * 16}",
        "a wildcard cannot be probed",
    ]
    assert len(document["verdicts"]) == 5


def test_junit_has_a_case_for_each_with_names_that_stay_and_redirects_within() -> None:
    made = replace(ALL, asked=(*ALL.asked, WITHOUT_CURL))
    cases = [
        (each.get("classname"), each.get("name"), each)
        for each in ET.fromstring(text_of(made, "junit")).iter("testcase")
    ]
    assert [(classname, name) for classname, name, _ in cases] == [
        ("egressaudit.curl.curl", "http://a.example/"),
        ("egressaudit.shop.cart", "http://a.example/"),
        ("egressaudit.curl.curl", "http://b.example/"),
        ("egressaudit.shop.cart", "http://b.example/"),
        ("egressaudit.not-probed", "*.d.example (rule docs)"),
        ("egressaudit.shop.cart", "https://e.example/"),
    ]
    found = [[child.tag for child in case] for _, _, case in cases]
    assert found == [["system-out"], ["system-out"], ["failure"], ["skipped"], ["skipped"], ["error"]]
    escaped = cases[2][2].find("failure")
    assert escaped is not None
    assert (escaped.get("type"), escaped.get("message")) == ("direct", f"reason of {'4' * 16}")
    assert "PASS http://b.example/\n" in str(escaped.text)
    assert "FAIL http://c.example/\n" in str(escaped.text)


def test_a_host_that_nothing_claims_says_so_and_what_to_do() -> None:
    unclaimed = replace(
        PASSED, outcome=Outcome.INCONCLUSIVE, path_seen=Path.PASSTHROUGH, expectation=Expectation(None), code="EA406"
    )
    shown = " ".join(" ".join(lines(report(unclaimed, cells=(CELLS[0],)))).split())
    assert "expected nothing: no object leads this host and port to a gateway or waypoint" in shown
    [row] = json.loads(text_of(report(unclaimed, cells=(CELLS[0],)), "json"))["matrix"]
    assert (row["path_expected"], row["code"]) == (None, "EA406")
