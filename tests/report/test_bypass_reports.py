"""The section of the battery in each format: every attempt, what matters most first, and nothing that could be run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.batteries import BLOCKED, attempted, connected, uncaptured
from support.probes import SOURCE, curl, probe
from support.tools import SAMPLES
from support.verdicts import PASSTHROUGH, verdict

from egressaudit.evidence.saved_run import load
from egressaudit.model import (
    Attempted,
    BypassReport,
    BypassStanding,
    MatrixCell,
    ObjectRef,
    Outcome,
    Scheme,
    Target,
    VerifyReport,
)
from egressaudit.pipeline.replay import audit, report_on
from egressaudit.report import Screen, render
from egressaudit.report.bypass_words import ORDER

EVIL = "denied request: \x1b[31mno\x07"
ATTEMPTS = (
    attempted("other-port", verdict(BLOCKED, sent=probe(curl(http_code=502)))),
    attempted("udp", failed="the stream was cut"),
    attempted("ipv6", not_tried="the pod has no IPv6 address"),
    attempted("address", verdict(PASSTHROUGH)),
    attempted("inject-false", refused=EVIL),
    attempted("exclude-ports", uncaptured(), control=connected()),
)


def report(*attempts: Attempted) -> VerifyReport:
    battery = BypassReport(Target("docs.redhat.com", 80, Scheme.HTTP), SOURCE, attempts)
    return VerifyReport(verdicts=(), lines={}, reporters={}, bypass=(battery,))


def text(*attempts: Attempted) -> str:
    return str(render(report(*attempts), "text", Screen(verbose=True)))


def test_text_has_open_ways_first_and_every_attempt_once() -> None:
    written = text(*ATTEMPTS)
    said = "5 ways around the gateway tried from curl/curl-1: 2 open, 1 not provable, 2 closed, 1 not tried"
    assert said in " ".join(written.split())
    heads = [line.split("  ")[1] for line in written.splitlines() if " EB" in line]
    assert heads == ["open", "open", "not provable", "closed", "closed", "not tried"]
    assert "BlackHole" not in written.split("EB01")[0]
    assert "\x1b" not in written
    assert "\\x1b[31mno" in written


def test_json_has_the_catalogues_words_the_counts_and_the_lines() -> None:
    document: dict[str, Any] = json.loads(render(report(*ATTEMPTS), "json", None))
    [battery] = document["bypass"]
    assert (battery["outcome"], battery["url"], battery["source"]) == ("FAIL", "http://docs.redhat.com/", "curl/curl-1")
    assert battery["counts"] == {"open": 2, "not provable": 1, "closed": 2, "not tried": 1}
    rows = {each["name"]: each for each in battery["attempts"]}
    assert list(rows) == ["other-port", "udp", "ipv6", "address", "inject-false", "exclude-ports"]
    assert rows["address"]["confidence"] == "reported"
    assert rows["address"]["hops"][0]["fields"]["upstream_cluster"] == "PassthroughCluster"
    assert (rows["udp"]["probe"], rows["udp"]["source"], rows["udp"]["hops"]) == (None, None, [])
    assert rows["inject-false"]["because"] == "admission refuses the pod: denied request: \\x1b[31mno\\x07"
    assert json.loads(render(report(), "json", None))["bypass"][0]["attempts"] == []


def test_junit_has_a_case_for_each_attempt_and_none_that_is_not_closed_succeeds() -> None:
    root = ET.fromstring(render(report(*ATTEMPTS), "junit", None))
    [suite] = [each for each in root if each.get("name") == "egressaudit.bypass"]
    found = {
        str(case.get("name")).split()[0]: [each.tag for each in case if each.tag != "system-out"] for case in suite
    }
    assert found == {
        "EB03": [],
        "EB06": ["error"],
        "EB07": ["skipped"],
        "EB01": ["failure"],
        "EB21": [],
        "EB23": ["failure"],
    }


def test_junit_has_no_two_cases_of_one_name() -> None:
    """Of two cases with one name some readers keep the first alone."""
    https = Target("docs.redhat.com", 443, Scheme.HTTPS)
    http = Target("docs.redhat.com", 80, Scheme.HTTP)
    other = ObjectRef("shop", "cart-1")
    cells = (MatrixCell("docs.redhat.com", "curl/curl", http, SOURCE),)
    batteries = tuple(BypassReport(*each, ATTEMPTS) for each in ((http, SOURCE), (https, SOURCE), (http, other)))
    root = ET.fromstring(render(VerifyReport((), {}, {}, asked=cells, bypass=batteries), "junit", None))
    found = [
        (case.get("classname"), case.get("name")) for case in root.iter("testcase") if "EB" in str(case.get("name"))
    ]
    assert len(found) == len(set(found)) == 3 * len(ATTEMPTS)
    assert {classname for classname, _ in found} == {
        "egressaudit.bypass.curl.curl",
        "egressaudit.bypass.curl.curl-1",
        "egressaudit.bypass.shop.cart-1",
    }


# One row: the attempts by name, and the outcome of the report.
@pytest.mark.parametrize(
    ("chosen", "outcome"),
    [
        (ATTEMPTS, Outcome.FAIL),
        ((ATTEMPTS[0], ATTEMPTS[1]), Outcome.INCONCLUSIVE),
        ((ATTEMPTS[0], ATTEMPTS[2]), Outcome.PASS),
        ((ATTEMPTS[2],), Outcome.INCONCLUSIVE),
        ((), Outcome.INCONCLUSIVE),
    ],
)
def test_the_outcome_of_a_battery(chosen: tuple[Attempted, ...], outcome: Outcome) -> None:
    assert report(*chosen).bypass[0].outcome is outcome
    assert report(*chosen).outcome is outcome


def test_a_battery_never_improves_the_outcome_of_a_verdict() -> None:
    failed = verdict(PASSTHROUGH)
    closed = report(ATTEMPTS[0])
    assert closed.outcome is Outcome.PASS
    both = VerifyReport(verdicts=(failed,), lines={}, reporters={}, bypass=closed.bypass)
    assert both.outcome is Outcome.FAIL
    assert BypassStanding.CLOSED in {each.standing for each in closed.bypass[0].attempts}


def test_the_proxies_whose_lines_an_attempt_rests_on_are_named_among_those_that_are_believed() -> None:
    saved = audit(SAMPLES / "bypass-open")
    assert any("other-egress/othergateway" in sentence for sentence in saved.trusted)
    ordinary = {hop.line.source.namespace for each in saved.verdicts for hop in each.flow.hops}
    assert "other-egress" not in ordinary


@pytest.mark.parametrize(("sample", "counts"), [("bypass-open", (14, 0, 2, 3)), ("bypass-closed", (0, 0, 16, 3))])
def test_a_saved_battery_is_judged_again_alike(sample: str, counts: tuple[int, ...]) -> None:
    [battery] = audit(SAMPLES / sample).bypass
    assert tuple(len(battery.standing(each)) for each in ORDER) == counts


def test_without_any_one_line_no_way_is_told_open_that_was_not_and_none_closed_that_was_open() -> None:
    for sample in ("bypass-open", "bypass-closed"):
        capture = load(SAMPLES / sample)
        [whole] = report_on(capture).bypass
        before = {each.code: each.standing for each in whole.attempts}
        lines = {hop.line for each in whole.verdicts for hop in each.flow.hops}
        for gone in lines:
            left = replace(capture, lines=tuple(line for line in capture.lines if line != gone))
            [found] = report_on(left).bypass
            for each in found.attempts:
                assert each.standing in (before[each.code], BypassStanding.NOT_PROVABLE), (each.code, gone)
