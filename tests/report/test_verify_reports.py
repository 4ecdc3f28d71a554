"""Reports neutralise what workloads write, in every format."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.probes import GATEWAY_LOG, SIDECAR_LOG, SOURCE, VIA_GATEWAY, counts, gateway, probe, sidecar
from support.reports import text_of

from egressaudit.model import (
    Act,
    AskedProxy,
    Call,
    Choice,
    Flow,
    Hop,
    LogLine,
    Outcome,
    Path,
    ProxyView,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
    Verdict,
    VerifyReport,
)
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable

NASTY = "\x1b[2J\x1b[31mPASS\x07 [bold]x[/bold] <b>&]]> \u202eevil\u2028 \udcff \x00 \ufffe"


def report_with(text: str) -> VerifyReport:
    """A FAIL whose evidence, reason and fields hold this text."""
    hops = tuple(
        Hop(LogLine(hop.line.source, 1, text), hop.reporter, hop.dialect, hop.clean, {**hop.fields, "user_agent": text})
        for hop in (sidecar(), gateway())
    )
    flow = Flow(probe=probe(), hops=hops, joined_by=("a", "b"), unclean=(hops[0],))
    verdict = Verdict(Outcome.FAIL, Path.DIRECT, VIA_GATEWAY, flow, reason=text, advice=(text,))
    reporters = {SIDECAR_LOG: Reporter.SIDECAR, GATEWAY_LOG: Reporter.EGRESS_GATEWAY}
    to = (RouteDestination(text, text, 80, text),)
    choice = Choice(Act.SEND, text, RuleRef(text, text), to, (text,), text, reason=text)
    call = Call(text, 80, Scheme.HTTP)
    step = Step(SOURCE, Reporter.SIDECAR, call, text, (choice,))
    asked = AskedProxy(probe().nonce, SOURCE, Reporter.SIDECAR, call, step, {text: (text,)}, (text,), text)
    views = (ProxyView(asked, step, (text, text), (text,)), ProxyView(replace(asked, step=None)))
    counted = counts(SIDECAR_LOG, GATEWAY_LOG)
    return VerifyReport((verdict,), counted, reporters, notes=(text,), trusted=(text,), proxies=views)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 100%", "plain text, 100%"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\nc\r", "a\tb\\x0ac\\x0d"),
        ("\udcff", "\\xff"),
        ("\u202e", "\\u202e"),
        ("\U000e0001", "\\U000e0001"),
        ("héllo → 日本", "héllo → 日本"),
    ],
)
def test_what_does_not_print_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut_with_a_note() -> None:
    assert printable("x" * 1000, limit=10) == "xxxxxxxxxx… (990 more characters)"


@pytest.mark.parametrize("output_format", names_of("verify"))
@given(text=st.text(alphabet=st.characters() | st.sampled_from(NASTY), max_size=60) | st.just(NASTY))
def test_no_report_holds_a_character_that_moves_the_terminal(output_format: str, text: str) -> None:
    for verbose in (False, True):
        rendered = text_of(report_with(text), output_format, verbose=verbose)
        rendered.encode("utf-8")
        assert all(character == "\n" or printable(character) == character for character in rendered)


@given(text=st.text(max_size=40) | st.just(NASTY))
def test_json_and_xml_stay_well_formed(text: str) -> None:
    report = report_with(text)
    [verdict] = json.loads(text_of(report, "json"))["verdicts"]
    assert verdict["reason"] == printable(text)
    failure = ET.fromstring(text_of(report, "junit")).find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "direct"
    assert printable(f"sidecar {SOURCE}: {text}").strip() in str(failure.text)


def test_rich_markup_of_a_workload_is_text() -> None:
    assert "[bold]x[/bold]" in text_of(report_with("[bold]x[/bold]"), "text")


def test_what_the_objects_the_proxy_and_its_line_say_stands_side_by_side() -> None:
    text = " ".join(text_of(report_with("xyz"), "text", verbose=True).split())
    step = "if xyz: xyz (xyz, route xyz, by xyz xyz)"
    assert f"sidecar {SOURCE}, asked for its own configuration declared {step} programmed {step}" in text
    assert "observed xyz (route xyz)" in text
    assert "it could not be asked: xyz" in text
    assert f"→ sidecar {SOURCE}: xyz" in text


def test_colour_is_only_on_request() -> None:
    assert "\x1b" not in text_of(report_with("x"), "text")
    assert "\x1b" in text_of(report_with("x"), "text", color=True)


def test_the_text_report_states_what_became_of_every_line() -> None:
    assert "5 lines = 5 access (0 not clean) + 0 other + 0 unparsed" in text_of(report_with("x"), "text", verbose=True)


@pytest.mark.parametrize(("outcome", "tag"), [(Outcome.FAIL, "failure"), (Outcome.INCONCLUSIVE, "error")])
def test_junit_consumers_take_neither_for_success(outcome: Outcome, tag: str) -> None:
    flow = Flow(probe=probe())
    report = VerifyReport((Verdict(outcome, Path.UNKNOWN, VIA_GATEWAY, flow, reason="because"),), {}, {})
    case = ET.fromstring(text_of(report, "junit")).find("testsuite/testcase")
    assert case is not None
    assert case.find(tag) is not None
