"""Reports of a window's audit: what each format says, and that nothing a workload wrote is more than text in it."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from io import BytesIO, StringIO
from itertools import product
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from support.reports import AROUND, CLEAN, END, LINE, PASSED, RAW, START, TAKEN, WANTED, WHOLE, text_of
from support.tools import ROOT, load_tool

from egressaudit.model import (
    AuditReport,
    BlindSpot,
    Confidence,
    Coverage,
    Finding,
    Judged,
    LineCount,
    Outcome,
    Reporter,
    Severity,
    SourceCoverage,
    Waived,
    Window,
)
from egressaudit.report.audit_columns import COLUMNS
from egressaudit.report.audit_markdown import inert
from egressaudit.report.audit_render import render_window, render_window_error, write_window
from egressaudit.report.audit_text import MAX_GROUPS
from egressaudit.report.audit_words import last_line, percent
from egressaudit.report.output_formats import names_of
from egressaudit.report.safe import printable

SCHEMA = ROOT / "docs" / "schemas" / "audit-report.schema.json"

FAILED = Judged(AROUND, WANTED, Outcome.FAIL, "It left around the gateway.")
WAIVED_GROUP = Judged(
    replace(AROUND, workload="Pod/old", server_names=("other.example.com",)),
    replace(WANTED, waived=Waived("CHG-1234", "2027-01-31")),
    Outcome.FAIL,
    "It left around the gateway.",
)
VIOLATION = Finding(
    *("EA101", Severity.HIGH, Outcome.FAIL, Confidence.REPORTED, "shop/Deployment/cart"),
    "3 flows left around the gateway.",
    advice=("Add port 443 to the ServiceEntry.",),
    judged=FAILED,
    rule="docs",
    controls=("nist-800-53/SC-7",),
    evidence=(LINE,),
    evidence_total=3,
)
UNPROVEN = Finding(
    *("EA301", Severity.MEDIUM, Outcome.INCONCLUSIVE, Confidence.OBSERVED, "shop/cart-2/istio-proxy"),
    "The log was not read.",
)
WAIVED = replace(VIOLATION, judged=WAIVED_GROUP, subject="shop/Pod/old", waived=Waived("CHG-1234", "2027-01-31"))
READ = SourceCoverage(
    *("istio-egress/gateway-1/istio-proxy", Reporter.EGRESS_GATEWAY, True, True, LineCount(100, 90, 2, 8, 2)),
    *(START, END, 3600.0, 3427.2, ("Rotated at 10:20.",), True),
)
UNREAD = SourceCoverage("shop/cart-2/istio-proxy", None, True, False, expected_seconds=600)
SPOTS = (
    BlindSpot("host-network", "kube-system/agent-1", "DaemonSet/agent", "The pod uses its node's network."),
    BlindSpot("logging-off", "shop/mute-1/istio-proxy", "", "accessLogFile is empty."),
)
FULL = AuditReport(
    Window(START, END),
    Coverage((READ, WHOLE, UNREAD), SPOTS, {"not a log": 2}, ("shop/x.log is cut.",)),
    (PASSED, FAILED, WAIVED_GROUP),
    (VIOLATION, UNPROVEN, WAIVED),
    *("baseline", "ab" * 32, 40, {"inbound": 7}, ("a note",)),
    trusted=("egress gateway istio-egress/gateway is believed because you say so",),
)

WHOLLY = "100.0 % of expected log time covered"
UNKNOWN = "no log was expected, so coverage is not known"

TEXT = """\
COVERAGE
  window    2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z
  policy    baseline (SHA-256
            abababababababababababababababababababababababababababababababab)
  logs      2 of 3 expected logs read
  time      90.0 % of expected log time covered
  lines     109 = 99 access (2 not clean) + 8 other + 2 unparsed
  flows     1206 out, 40 inside
  no flow   inbound 7
  skipped   not a log 2
  broken    shop/x.log is cut.

LOGS WITH PROBLEMS (2 of 3)
  istio-egress/gateway-1/istio-proxy (egress-gateway): 95.2 % covered, flows
  cannot be proven without it
    2 unparsed, 2 not clean
    Rotated at 10:20.
  shop/cart-2/istio-proxy (unknown): NOT READ

BLIND SPOTS (1)
  host-network  kube-system/agent-1 (DaemonSet/agent): The pod uses its node's
  network.

NOT LOGGING (1)
  logging-off  shop/mute-1/istio-proxy: accessLogFile is empty.

FINDINGS (2)

FAIL  EA101 high  shop/Deployment/cart
  3 flows left around the gateway.
  seen      3 flows to docs.example.com:443, direct (no-gateway),
            2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z
  expected  via-gateway istio-egress/gateway; rule docs
  gap       VirtualService docs does not list mesh.
  rule      docs (nist-800-53/SC-7)
  proof     reported: the line of one proxy alone
  evidence, 1 of 3 lines:
    shop/cart-1/istio-proxy:12 (source)
      [2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com"
      PassthroughCluster `x|y`
  → Add port 443 to the ServiceEntry.

INCONCLUSIVE  EA301 medium  shop/cart-2/istio-proxy
  The log was not read.
  proof     observed: no access line, but the snapshot, the policy or the
            account of what was read

WAIVED, NOT COUNTED (1)

FAIL  EA101 high  shop/Pod/old
  3 flows left around the gateway.
  waived    until 2027-01-31: CHG-1234
  seen      3 flows to docs.example.com:443, direct (no-gateway),
            2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z
  expected  via-gateway istio-egress/gateway; rule docs
  gap       VirtualService docs does not list mesh.
  rule      docs (nist-800-53/SC-7)
  proof     reported: the line of one proxy alone
  evidence, 1 of 3 lines:
    shop/cart-1/istio-proxy:12 (source)
      [2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com"
      PassthroughCluster `x|y`
  → Add port 443 to the ServiceEntry.

FLOWS (3 groups)
  from shop/Deployment/cart
    docs.example.com:80  via-gateway  istio-egress/gateway     1200 PASS
    docs.example.com:443 direct                                   3 FAIL
  from shop/Pod/old
    docs.example.com:443 direct                                   3 FAIL waived

TRUSTED FOR WHAT PASSED (1)
  - egress gateway istio-egress/gateway is believed because you say so

NOT COVERED BY THIS REPORT
  - Traffic before 2026-03-01T10:00:00Z or from 2026-03-01T11:00:00Z on.
  - Traffic that none of the logs read has a line of.
  - Connections that were still open at the end: a proxy writes a connection's
  line when it has ended.
  - Expected log time without a log: 90.0 % is covered, 2 of 3 expected logs
  read.
  - 1 blind spot: traffic that is captured by no proxy, named under coverage.
  - 1 proxy with logging off or filtered, named under coverage.
  - 2 lines that could not be parsed.
  - 2 lines not clean, which prove nothing.
  - 1 log that could not be read to the end.
  - 2 files passed over.
  - 40 flows inside the mesh, counted and not judged.
  - 1 waived finding, printed and not counted.
  note: a note

FAIL: 1 violation, 1 unproven, 1 waived; 90.0 % of expected log time covered; 2
blind spots
"""

MARKDOWN = """\
# Egress audit: FAIL

FAIL: 1 violation, 0 unproven, 0 waived; 95.2 % of expected log time covered; 1 blind spot

## Coverage

| What | How much |
|---|---|
| window | `2026-03-01T10:00:00Z` to `2026-03-01T11:00:00Z` |
| policy | none: the mesh configuration |
| logs read | 1 of 1 expected |
| time | 95.2 % of expected log time covered |
| lines | 100: 90 access (2 not clean), 8 other, 2 unparsed |
| flows inside the mesh | 0 |

### Logs with problems (1 of 1)

| Log | Proxy | Covered | Unparsed | Not clean | Problems |
|---|---|---|---|---|---|
| `istio-egress/gateway-1/istio-proxy` | egress-gateway | 95.2 % covered | 2 | 2 | Rotated at `10:20`. |

### Blind spots (1)

| Kind | Subject | Workload | Why |
|---|---|---|---|
| host-network | `kube-system/agent-1` | `DaemonSet/agent` | The pod uses its node's network. |

## Findings (1)

### FAIL `EA101` high: `shop/Deployment/cart`

3 flows left around the gateway.

- seen: 3 flows to `docs.example.com:443`, direct (no-gateway), `2026-03-01T10:00:00Z` to `2026-03-01T11:00:00Z`
- expected: via-gateway `istio-egress/gateway`; rule docs
- gap: VirtualService docs does not list mesh.
- rule: docs (`nist-800-53/SC-7`)
- proof: reported: the line of one proxy alone
- advice: Add port 443 to the ServiceEntry.

evidence, 1 of 3 lines:

```text
shop/cart-1/istio-proxy:12 (source)
  [2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com" PassthroughCluster `x|y`
```

## Waived findings, not counted (0)

## Flows (1 group)

| From | To | Path | Flows | First | Last | Rule | Outcome |
|---|---|---|---|---|---|---|---|
| `shop/Deployment/cart` | `docs.example.com:443` | direct | 3 | `2026-03-01T10:00:00Z` | `2026-03-01T11:00:00Z` \
| docs | FAIL |

## Trusted for what passed (1)

- egress gateway `istio-egress/gateway` is believed because you say so

## Not covered by this report

- Traffic before `2026-03-01T10:00:00Z` or from `2026-03-01T11:00:00Z` on.
- Traffic that none of the logs read has a line of.
- Connections that were still open at the end: a proxy writes a connection's line when it has ended.
- Expected log time without a log: 95.2 % is covered, 1 of 1 expected log read.
- 1 blind spot: traffic that is captured by no proxy, named under coverage.
- 2 lines that could not be parsed.
- 2 lines not clean, which prove nothing.
"""


def test_the_text_report_reads_like_this() -> None:
    assert text_of(FULL, "text") == TEXT


def test_the_markdown_report_reads_like_this() -> None:
    report = AuditReport(FULL.window, Coverage((READ,), SPOTS[:1]), (FAILED,), (VIOLATION,), trusted=FULL.trusted)
    assert text_of(report, "markdown") == MARKDOWN


# ---------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (
            CLEAN,
            f"PASS: 0 violations, 0 unproven, 0 waived, 1200 flows proven; {WHOLLY}",
        ),
        (
            replace(CLEAN, judged=(WAIVED_GROUP, PASSED), coverage=Coverage((WHOLE,), SPOTS)),
            f"PASS: 0 violations, 0 unproven, 0 waived, 1200 flows proven; {WHOLLY}; 2 blind spots",
        ),
        (
            replace(CLEAN, findings=(UNPROVEN,)),
            f"INCONCLUSIVE: 0 violations, 1 unproven, 0 waived, 1200 flows proven; {WHOLLY}",
        ),
        (
            replace(CLEAN, findings=(WAIVED,)),
            f"PASS: 0 violations, 0 unproven, 1 waived, 1200 flows proven; {WHOLLY}",
        ),
        (
            replace(CLEAN, judged=(), coverage=Coverage()),
            f"INCONCLUSIVE: 0 violations, 0 unproven, 0 waived, nothing proven; {UNKNOWN}",
        ),
    ],
)
def test_the_last_line_is_the_outcome_in_words(report: AuditReport, line: str) -> None:
    assert last_line(report) == line
    assert " ".join(text_of(report, "text").rpartition("\n\n")[2].split()) == line


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.0, "0.0 %"), (0.952, "95.2 %"), (0.29, "29.0 %"), (0.99999, "99.9 %"), (1.0, "100.0 %")]
)
def test_coverage_is_rounded_down(fraction: float, shown: str) -> None:
    assert percent(fraction) == shown


@pytest.mark.parametrize("output_format", ["text", "markdown", "json", "junit"])
def test_even_a_clean_pass_says_what_it_does_not_cover(output_format: str) -> None:
    words = " ".join(text_of(CLEAN, output_format).replace("`", "").split())
    assert "Traffic that none of the logs read has a line of." in words
    assert "Traffic before 2026-03-01T10:00:00Z or from 2026-03-01T11:00:00Z on." in words


@pytest.mark.parametrize("output_format", ["text", "markdown", "json", "junit"])
def test_every_blind_spot_is_named(output_format: str) -> None:
    rendered = text_of(FULL, output_format)
    assert all(spot.subject in rendered and spot.kind in rendered for spot in SPOTS)


def test_logs_that_were_not_expected_do_not_read_as_full_coverage() -> None:
    report = replace(CLEAN, coverage=Coverage((replace(WHOLE, expected=False),)))
    rendered = text_of(report, "text")
    assert "0 of 0 expected logs read, 1 more that nothing expects" in rendered
    assert "How much is missing: nothing says which logs there should be." in rendered
    assert json.loads(text_of(report, "json"))["coverage"]["fraction"] is None


def test_a_flow_table_that_is_cut_keeps_what_did_not_pass() -> None:
    judged = (*(replace(PASSED, group=replace(TAKEN, port=port)) for port in range(MAX_GROUPS)), FAILED)
    table = text_of(replace(CLEAN, judged=judged), "text").partition("\nFLOWS (501 groups)\n")[2]
    assert table.startswith("  1 group left out here")
    assert "docs.example.com:443 direct" in table
    assert len(re.findall(r"^    docs", table, flags=re.MULTILINE)) == MAX_GROUPS


def test_a_waiver_that_fits_a_flow_that_passed_is_not_said() -> None:
    judged = replace(PASSED, decision=WAIVED_GROUP.decision)
    assert "PASS waived" not in text_of(replace(CLEAN, judged=(judged,)), "text")
    [row] = csv.DictReader(StringIO(text_of(replace(CLEAN, judged=(judged,)), "csv")))
    assert (row["outcome"], row["waived_reason"]) == ("PASS", "")


# ---------------------------------------------------------------- programs read it


def test_json_fits_its_schema_and_the_schema_is_the_one_of_its_types() -> None:
    tool = load_tool("report_schema")
    assert tool.schema() == SCHEMA.read_text("utf-8"), "run: python tools/report_schema.py"
    check = jsonschema.Draft202012Validator(json.loads(tool.schema()))
    for report in (FULL, CLEAN, replace(CLEAN, judged=(), coverage=Coverage())):
        check.validate(json.loads(text_of(report, "json")))
    check.validate(json.loads(str(render_window_error("no logs", "give some", "json"))))


def test_json_holds_the_whole_report() -> None:
    document = json.loads(text_of(FULL, "json"))
    assert (document["schema_version"], document["kind"], document["outcome"]) == (1, "egressaudit-window", "FAIL")
    assert document["summary"] == {
        "violations": 1,
        "unproven": 1,
        "waived": 1,
        "informational": 0,
        "flows_proven": 1200,
        "groups": 3,
    }
    assert [each["code"] for each in document["findings"]] == ["EA101", "EA301", "EA101"]
    assert [each["waived"] is None for each in document["findings"]] == [True, True, False]
    assert document["findings"][0]["evidence"][0]["raw"] == RAW
    assert document["coverage"]["fraction"] == pytest.approx((3427.2 + 3600) / 7800)


def test_rows_are_the_same_in_json_lines_csv_and_parquet() -> None:
    lines = [json.loads(line) for line in text_of(FULL, "jsonl").splitlines()]
    rows = list(csv.DictReader(StringIO(text_of(FULL, "csv"))))
    rendered = render_window(FULL, "parquet")
    assert isinstance(rendered, bytes)
    table = pq.read_table(BytesIO(rendered)).to_pylist()
    assert lines == json.loads(text_of(FULL, "json"))["flows"]
    for line, row, columns in zip(lines, rows, table, strict=True):
        for name in ("outcome", "because", "namespace", "workload", "host", "path", "rule", "confidence", "expected"):
            assert line[name] == row[name] == columns[name]
        for name in ("via", "server_names", "expected_via", "expected_because", "gaps", "controls"):
            assert line[name] == columns[name]
            assert "; ".join(line[name]) == row[name]
        assert line["flows"] == int(row["flows"]) == columns["flows"]
        assert line["port"] == int(row["port"]) == columns["port"]
        assert line["first"] == row["first"]
        assert columns["first"] == START
        assert [f"{each['source']}:{each['line']}" for each in line["evidence"]] == columns["evidence"]
    assert rows[2]["waived_reason"] == table[2]["waived_reason"] == lines[2]["waived"]["reason"] == "CHG-1234"


def test_every_column_is_documented() -> None:
    documented = set(
        re.findall(r"^\| `([a-z_]+)`", (ROOT / "docs" / "audit-reports.md").read_text("utf-8"), re.MULTILINE)
    )
    assert set(COLUMNS) - documented == set()
    assert set(json.loads(text_of(FULL, "json"))) - documented == set()
    assert set(json.loads(text_of(FULL, "json"))["coverage"]) - documented == set()


@pytest.mark.parametrize("output_format", names_of("audit"))
def test_the_same_report_gives_the_same_bytes_streamed_or_not(output_format: str) -> None:
    rendered = render_window(FULL, output_format)
    out = BytesIO()
    write_window(FULL, output_format, out)
    assert out.getvalue() == (rendered if isinstance(rendered, bytes) else rendered.encode("utf-8"))
    assert render_window(FULL, output_format) == rendered
    assert not out.closed


def case_states(report: AuditReport) -> dict[tuple[str | None, str | None], str]:
    """What each test case is: the tag of its result, `passed` without one."""
    states = {}
    for case in ET.fromstring(text_of(report, "junit")).iter("testcase"):
        tags = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        states[case.get("classname"), case.get("name")] = tags[0] if tags else "passed"
    return states


def test_junit_has_a_case_for_each_rule_workload_and_host_the_evidence_inside() -> None:
    assert case_states(FULL) == {
        ("egressaudit.coverage", "outcome of the window"): "failure",
        ("egressaudit.coverage.logs", "log istio-egress/gateway-1/istio-proxy"): "skipped",
        ("egressaudit.coverage.logs", "log shop/cart-1/istio-proxy"): "passed",
        ("egressaudit.coverage.logs", "log shop/cart-2/istio-proxy"): "skipped",
        ("egressaudit.coverage.blind", "host-network kube-system/agent-1"): "skipped",
        ("egressaudit.coverage.blind", "logging-off shop/mute-1/istio-proxy"): "skipped",
        ("egressaudit.shop.Deployment/cart", "docs: docs.example.com"): "failure",
        ("egressaudit.shop.Pod/old", "docs: docs.example.com"): "skipped",
        ("egressaudit.EA301", "EA301 shop/cart-2/istio-proxy"): "error",
    }
    failures = [each.text or "" for each in ET.fromstring(text_of(FULL, "junit")).iter("failure")]
    assert RAW in failures[1]


OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, None)


@pytest.mark.parametrize(("first", "second", "other"), list(product(OUTCOMES, OUTCOMES, OUTCOMES)))
@pytest.mark.parametrize("waived", [None, Waived("CHG-1234", "2027-01-31")])
def test_junit_succeeds_only_where_the_audit_does(
    first: Outcome | None, second: Outcome | None, other: Outcome | None, waived: Waived | None
) -> None:
    """`first` and `second` are two groups of one case, each with its finding; `other` is a finding of no flow."""
    judged = [replace(PASSED, outcome=first), replace(FAILED, outcome=second)]
    found = [
        replace(VIOLATION, judged=each, outcome=each.outcome, waived=waived)
        for each in judged
        if each.outcome is not Outcome.PASS
    ]
    report = replace(CLEAN, judged=tuple(judged), findings=(*found, replace(UNPROVEN, outcome=other)))
    bad = {"failure", "error"} & set(case_states(report).values())
    assert (not bad) == (report.outcome is Outcome.PASS)
    assert ("failure" in bad) == (report.outcome is Outcome.FAIL)


# ---------------------------------------------------------------- no audit was performed


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv", "parquet"])
def test_where_no_audit_was_performed_no_format_of_rows_reads_as_nothing_wrong(output_format: str) -> None:
    rendered = render_window_error("no log was given", "Name a folder.", output_format)
    match output_format:
        case "json":
            document = json.loads(rendered)
            assert document["error"] == {"message": "no log was given", "hint": "Name a folder."}
            outcomes = [document["outcome"]]
        case "jsonl":
            outcomes = [json.loads(line)["outcome"] for line in str(rendered).splitlines()]
        case "csv":
            outcomes = [row["outcome"] for row in csv.DictReader(StringIO(str(rendered)))]
        case _:
            assert isinstance(rendered, bytes)
            outcomes = pq.read_table(BytesIO(rendered)).column("outcome").to_pylist()
    assert outcomes == ["NOT_PERFORMED"]


def test_where_no_audit_was_performed_markdown_and_junit_say_so() -> None:
    assert str(render_window_error("no log", "Name one.", "markdown")) == (
        "# Egress audit: not performed\n\nno log\n\nName one.\n"
    )
    document = ET.fromstring(str(render_window_error("no log", "Name one.", "junit")))
    assert document.find("testsuite/testcase/error") is not None
    assert render_window_error("no log", "Name one.", "text") == ""


# ---------------------------------------------------------------- hostile text

NASTY = (
    "\x1b[2J\x1b]8;;http://evil.example\x07x\x1b]8;;\x07",
    "\x1b[31mPASS\x07 [bold]x[/bold] [link=http://evil.example]y[/link] :smile:",
    "<script>alert(1)</script><b>&]]>--> &lt;",
    "a|b `c` ``d`` ~~e~~ **f** _g_ \\| \\` ![h](http://i) [j][k] @team #1 www.evil.example",
    "# x\n- y\n1. z\n```\n| a |\n|---|\n\n    code\n<!-- -->",
    "=cmd|'/c calc'!A1",
    "@SUM(1)\t+1\r-1",
    "\u202eevil\u2028\u2029 \udcff\ud800 \x00\x7f\x85 \ufffe\uffff \U000e0001",
    "日本語" * 30,
    "x" * 200,
    "https://evil.example/ mailto:a@b.example",
    "",
)
hostile = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.sampled_from("`|\\<>[]()*_~#-+=.:!&@\"'{} \t\n\x1b\udcffab1"), max_size=30),
    st.text(alphabet=st.characters(), max_size=40),
)


def poisoned(value: Any, text: str) -> Any:
    """The same report with this text in every string that it has, whatever fields there are."""
    if isinstance(value, Enum | datetime):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(each, text) for each in value)
    if isinstance(value, Mapping):
        return {poisoned(key, text): each for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: poisoned(getattr(value, each.name), text) for each in fields(value)})
    return value


def test_poison_reaches_every_string() -> None:
    assert "shop" not in repr(poisoned(FULL, "x"))
    assert "EA" not in repr(poisoned(FULL, "x"))


@pytest.mark.parametrize("output_format", [each for each in names_of("audit") if each != "parquet"])
@given(text=hostile)
def test_no_report_holds_a_character_that_moves_the_terminal(output_format: str, text: str) -> None:
    rendered = text_of(poisoned(FULL, text), output_format)
    rendered.encode("utf-8")
    assert all(character == "\n" or printable(character) == character for character in rendered)
    error = str(render_window_error(text, text, output_format))
    assert all(character == "\n" or printable(character) == character for character in error)


@given(text=hostile)
def test_colour_is_ours_alone(text: str) -> None:
    rendered = render_window(poisoned(FULL, text), "text", color=True)
    assert isinstance(rendered, str)
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", rendered)
    assert {*re.findall(r"\x1b\[([0-9;]*)m", rendered)} <= {"0", "1", "2", "36", "1;31", "1;32", "1;33"}


@given(text=hostile, width=st.integers(40, 120))
def test_no_line_of_text_is_wider_than_the_screen(text: str, width: int) -> None:
    rendered = render_window(poisoned(FULL, text), "text", width=width)
    assert isinstance(rendered, str)
    assert max(cell_len(line) for line in rendered.split("\n")) <= width


@pytest.mark.parametrize("color", [False, True])
def test_a_tab_is_blanks_where_it_could_move_what_follows(*, color: bool) -> None:
    rendered = render_window(replace(CLEAN, notes=("a\tb",)), "text", color=color)
    assert isinstance(rendered, str)
    assert "\t" not in rendered
    assert re.search(r"note: a +b", rendered)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_folding_loses_nothing(width: int) -> None:
    mark = "".join(f"<{number}>" for number in range(60))
    rendered = render_window(poisoned(FULL, mark), "text", width=width)
    assert isinstance(rendered, str)
    squeezed = re.sub(r"\s", "", rendered.partition("\nFLOWS")[0])
    # 3 sources with 1 problem, 1 policy name and digest, no flow, skipped, broken, 2 blind spots with 4 strings each;
    # of 3 findings each has code, subject, message, then flows, decision, rule, evidence, advice.
    assert squeezed.count(mark) >= 3 + 1 + 2 + 3 + 7 + 3 * 3


@given(text=hostile)
def test_rich_markup_of_a_workload_is_text(text: str) -> None:
    report = replace(CLEAN, notes=(f"[bold]{text}[/bold] [red]",))
    words = "".join(text_of(report, "text").split())
    assert "".join(printable(f"note: [bold]{text}[/bold] [red]").split()) in words


@given(text=hostile)
def test_json_is_ascii_and_gives_the_text_back_as_it_is_shown(text: str) -> None:
    rendered = text_of(poisoned(FULL, text), "json")
    assert rendered.isascii()
    document = json.loads(rendered)
    assert document["findings"][0]["message"] == printable(text)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    lines = text_of(poisoned(FULL, text), "jsonl")
    assert lines.isascii()
    assert [json.loads(line)["host"] for line in lines.splitlines()] == [printable(text)] * 3


@given(text=hostile)
def test_xml_stays_well_formed_with_the_same_cases(text: str) -> None:
    document = ET.fromstring(text_of(poisoned(FULL, text), "junit"))
    assert {each.tag for each in document.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped"),
        "system-out",
    }
    [case] = [each for each in document.iter("testcase") if each.find("error") is not None]
    error = case.find("error")
    assert error is not None
    # XML gives an attribute's tabs back as blanks unless they are escaped.
    assert (error.get("message") or "").split() == printable(text).split()


@given(text=hostile)
def test_csv_has_its_columns_and_no_formula(text: str) -> None:
    head, *rows = csv.reader(StringIO(text_of(poisoned(FULL, text), "csv")))
    assert head == list(COLUMNS)
    assert len(rows) == 3
    for row in rows:
        assert len(row) == len(head)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(text=hostile)
def test_parquet_gives_the_text_back_as_it_is_shown(text: str) -> None:
    rendered = render_window(poisoned(FULL, text), "parquet")
    assert isinstance(rendered, bytes)
    assert pq.read_table(BytesIO(rendered)).column("host").to_pylist() == [printable(text)] * 3
    assert render_window(poisoned(FULL, text), "parquet") == rendered


GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ALLOWED = {"text", "code_inline", "softbreak"}


def spoken(token: Any) -> str:
    return "".join(child.content for child in token.children or [])


@given(text=hostile)
def test_markdown_takes_no_structure_from_a_workload(text: str) -> None:
    """The tree of blocks is that of the same report with a plain word in it; only words differ."""
    hostile_report, plain_report = (GFM.parse(text_of(poisoned(FULL, each), "markdown")) for each in (text, "plain"))
    assert {child.type for token in hostile_report for child in token.children or []} <= ALLOWED
    if text.strip():
        structure = [[token.type for token in tokens] for tokens in (hostile_report, plain_report)]
        assert structure[0] == structure[1]


@given(text=hostile)
def test_markdown_shows_the_words_as_they_are(text: str) -> None:
    [_, inline, _] = GFM.parse(f"x {inert(text)}")
    assert spoken(inline).split() == ["x", *printable(text).split()]


@given(text=hostile)
def test_markdown_leaves_nothing_to_be_linked_or_mentioned(text: str) -> None:
    """Renderers look for addresses and names in plain text, also after character references are resolved."""
    [_, inline, _] = GFM.parse(f"x {inert(text)}")
    plain = " ".join(child.content for child in inline.children or [] if child.type == "text")
    assert not re.search(r"@|#|://|www\.\S|:\w+:|<|>", plain)
