"""The report of `analyze` in every format: the same facts, nothing that a consumer could take for a clean one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support.hostile import poisoned
from support.scenarios import mesh
from support.tools import ROOT

from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.model import (
    Act,
    Call,
    Choice,
    LogFormat,
    ObjectRef,
    Outcome,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
    Way,
    WayLeg,
)
from egressaudit.model.analysis import (
    AnalyzeReport,
    ControlPlane,
    LiveFindings,
    OperatorObject,
    Permission,
    ProgrammedDifference,
    ServedApi,
    Written,
)
from egressaudit.pipeline.analyze import AnalyzeSettings, analyzed
from egressaudit.report import Screen, render, render_error
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "analyze-report.schema.json").read_text("utf-8"))
STEP = Step(
    ObjectRef("shop", "web-0"),
    Reporter.SIDECAR,
    Call("docs.redhat.com", 80, Scheme.HTTP),
    "0.0.0.0_80",
    (
        Choice(
            Act.SEND,
            "r",
            RuleRef("VirtualService a/b", "spec.http[0]"),
            (RouteDestination("outbound|80||gw", "gw", 80),),
            ("headers x",),
        ),
        Choice(Act.REFUSE, reason="no-route"),
    ),
)
LIVE = LiveFindings(
    permissions=(
        Permission("list", "", "pods", "", "", ("analyze", "audit", "verify"), True),
        Permission("create", "", "pods/exec", "curl", "", ("verify",), False, "no request can be sent"),
        Permission("get", "", "configmaps", "istio-system", "istio", ("audit",), None),
    ),
    grant="kind: Role\nrules: []",
    control_planes=(ControlPlane(ObjectRef("istio-system", "istiod"), "default", "1.28.0", ready=False),),
    operator=(OperatorObject("Istio", "default", "istio-system", "v1.28.0", "ReconcileError", "it is broken"),),
    apis=(ServedApi("networking.istio.io", ("v1",), ("virtualservices",)),),
)


def report_on(name: str, *more: str) -> AnalyzeReport:
    return analyzed(mesh(name, *more), AnalyzeSettings(), WrittenPlaces())


def full() -> AnalyzeReport:
    """A report with something in every field."""
    report = report_on("whole-mesh")
    faults = tuple(replace(each, written=Written("mesh.json", 7)) for each in report.faults)
    logging = tuple(
        replace(hop, outputs=tuple(replace(each, format=LogFormat("x", labels={"a": "b"})) for each in hop.outputs))
        for hop in report.logging
    )
    ways = (
        replace(report.ways[0], way=Way(WayLeg(STEP))),
        *report.ways[1:],
        replace(report.ways[0], path=None, via=None),
    )
    return replace(
        report,
        ways=ways,
        faults=faults,
        logging=logging,
        live=LIVE,
        programmed=(ProgrammedDifference("shop/web-0", "a.com", "gateway", "direct", "it is stale"),),
        undecided=("Gateways were not read",),
        notes=("a note",),
    )


FULL = full()
PASSING, NOTHING = replace(report_on("istio-apis"), undecided=()), AnalyzeReport((), (), ())


def text_of(report: AnalyzeReport, output_format: str, screen: Screen | None = None) -> str:
    return str(render(report, output_format, screen))


@pytest.mark.parametrize("report", [FULL, PASSING, NOTHING], ids=["full", "passing", "nothing"])
def test_the_json_report_fits_its_schema_and_says_what_was_found(report: AnalyzeReport) -> None:
    document = json.loads(text_of(report, "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["outcome"] == report.outcome
    assert len(document["ways"]) == len(report.ways)
    for way in document["ways"]:
        assert all(document["faults"][each] for each in way["faults"])


def keys(schema: Any) -> set[str]:
    """Every key that an object of the schema has."""
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


def test_every_key_of_the_document_that_a_reader_starts_from_is_documented() -> None:
    page = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "analyze.md").read_text("utf-8")))
    shown = {"WayRow", "FaultRow", "SourceRow", "LoggingRow", "ProxyRow", "LiveRow", "WhereWritten"}
    defs = {name: part for name, part in SCHEMA["$defs"].items() if name in shown}
    assert defs.keys() == shown
    assert keys({**SCHEMA, "$defs": defs}) - page == set()


def test_an_error_fits_the_schema_and_is_no_result() -> None:
    document = json.loads(render_error("analyze", "json", "no cluster", "Name one."))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (document["outcome"], document["error"]["message"]) == ("NOT_PERFORMED", "no cluster")
    assert "error" not in json.loads(text_of(NOTHING, "json"))


def test_text_has_every_fact_of_a_small_report() -> None:
    text = re.sub(r"\s+", " ", text_of(FULL, "text"))
    for fact in (
        "FAIL: payments (ambient) → egress gateway egress-gateway/egressgateway → docs.redhat.com:80 (fault 1)",
        "ambient-skips-routes (EC40) goes around",
        "mesh.json:7",
        "hits httpbin.org:80 from curl (sidecar), shop (sidecar)",
        "if headers x: outbound|80||gw (route r, by VirtualService a/b spec.http[0]); refuse (no-route)",
        "ztunnel payments (ambient): logs everything to standard output as json",
        "istiod istio-system/istiod: revision default, version 1.28.0, NOT READY",
        "Istio default in istio-system: v1.28.0, ReconcileError",
        "NO create pods/exec curl verify",
        "without create pods/exec: no request can be sent",
        "kind: Role",
        "a.com is declared as gateway, and it has direct",
        "no declared way",
        "not decided: Gateways were not read",
        "note: a note",
    ):
        assert fact in text, fact
    assert text_of(FULL, "text").rstrip().splitlines()[-2].startswith("FAIL: ")


def test_junit_fails_for_what_goes_around_and_is_in_error_for_what_is_open() -> None:
    cases = ET.fromstring(text_of(FULL, "junit").encode()).findall(".//testcase")
    found = {case.get("name"): [child.tag for child in case] for case in cases}
    assert found["outcome"] == ["failure"]
    assert found["docs.redhat.com:80 from payments (ambient)"] == ["failure"]
    assert found["httpbin.org:80 from payments (ambient)"] == ["system-out"]
    assert [case.tag for case in ET.fromstring(text_of(NOTHING, "junit").encode()).iter("error")] == ["error"]


def test_sarif_has_each_fault_at_its_line_and_a_run_with_something_undecided_was_not_successful() -> None:
    [run] = json.loads(text_of(FULL, "sarif"))["runs"]
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("ambient-skips-routes", "error")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "mesh.json"},
        "region": {"startLine": 7},
    }
    assert run["results"][-1]["ruleId"] == "no-declared-way"
    assert {each["ruleId"] for each in run["results"]} == {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert run["invocations"][0]["executionSuccessful"] is False
    [clean] = json.loads(text_of(PASSING, "sarif"))["runs"]
    assert clean["results"] == []
    [failed] = json.loads(render_error("analyze", "sarif", "no cluster", ""))["runs"]
    assert failed["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("output_format", names_of("analyze"))
def test_the_same_report_gives_the_same_bytes(output_format: str) -> None:
    assert text_of(full(), output_format) == text_of(full(), output_format)


NASTY = st.one_of(
    st.sampled_from(
        ["\x1b[2J", "[bold]x[/bold]", "<script>&]]>", "\u202ee\u2028 \udcff\ud800\x00", "x" * 300, "", "日本" * 50]
    ),
    st.text(max_size=30),
)


@pytest.mark.parametrize("output_format", names_of("analyze"))
@given(text=NASTY)
def test_no_report_holds_a_character_that_moves_the_terminal(output_format: str, text: str) -> None:
    rendered = text_of(poisoned(FULL, text), output_format)
    rendered.encode("utf-8")
    assert all(character == "\n" or printable(character) == character for character in rendered)
    if output_format == "junit":
        ET.fromstring(rendered.encode())
    elif output_format != "text":
        json.loads(rendered)


@given(text=NASTY, width=st.integers(40, 200))
def test_no_line_of_text_is_wider_than_the_screen(text: str, width: int) -> None:
    rendered = text_of(poisoned(FULL, text), "text", Screen(width=width))
    assert max(cell_len(line) for line in rendered.split("\n")) <= width


@pytest.mark.parametrize(
    ("report", "outcome"), [(FULL, Outcome.FAIL), (PASSING, Outcome.PASS), (NOTHING, Outcome.INCONCLUSIVE)]
)
def test_an_outcome_is_no_better_than_its_worst_way(report: AnalyzeReport, outcome: Outcome) -> None:
    assert report.outcome is outcome
    if outcome is Outcome.PASS:
        assert replace(report, undecided=("x",)).outcome is Outcome.INCONCLUSIVE
