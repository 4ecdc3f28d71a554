"""Reports of an audit that people read: text and Markdown, and what every format says in words."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from io import StringIO

import pytest
from support.reports import (
    CLEAN,
    FAILED,
    FULL,
    PASSED,
    READ,
    SPOTS,
    TAKEN,
    UNPROVEN,
    VIOLATION,
    WAIVED,
    WAIVED_GROUP,
    WHOLE,
    text_of,
)

from egressaudit.model import (
    AuditReport,
    Coverage,
)
from egressaudit.report.audit_text_parts import MAX_GROUPS
from egressaudit.report.screen import UNFOLDED
from egressaudit.report.totals import MAX_LISTED
from egressaudit.report.wording import last_line, percent

WHOLLY = "100.0 % of expected log time covered"
UNKNOWN = "no log was expected, so coverage is not known"

TEXT = """\
FAIL: 1 violation, 1 unproven, 1 waived
  coverage    90.0 % of log time, 2 of 3 expected logs read
  not covered 1 blind spot, 1 log off or filtered, 2 lines not clean, 2 not
              parsed, 1 broken log, 2 files passed over; the list is at the end
  window      2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z; policy baseline
  violations  1 high; EA101 1
  unproven    1 medium; EA301 1
  waived      1 high; EA101 1

TOP FINDINGS (3 of 3 blocks)
  1 FAIL         EA101 high   left around the gateway or waypoint: shop/Deploym…
  1 INCONCLUSIVE EA301 medium a proxy's log was not read: shop/cart-2/istio-pro…
  1 waived       EA101 high   left around the gateway or waypoint: shop/Pod/old

FINDINGS (2 in 2 blocks)

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

COVERAGE
  window    2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z
  policy    baseline (SHA-256
            abababababababababababababababababababababababababababababababab)
  logs      90.0 % of expected log time covered; 2 of 3 expected logs read
  lines     109 = 99 access (2 not clean) + 8 other + 2 unparsed
  flows     1206 out, 40 inside
  ignored   not counted as flows: 7 inbound
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

FLOWS (3 groups)
  from shop/Deployment/cart
    docs.example.com:80  via-gateway  istio-egress/gateway     1200 PASS
    docs.example.com:443 direct                                   3 FAIL
  from shop/Pod/old
    docs.example.com:443 direct                                   3 FAIL waived

TRUSTED FOR WHAT PASSED (1)
  - egress gateway istio-egress/gateway is believed because you say so

NOT COVERED BY THIS REPORT
  - Traffic before 2026-03-01T10:00:00Z or from 2026-03-01T11:00:00Z on, by the
  clocks of the nodes.
  - Traffic without a line in any of the logs that were read.
  - Connections that were still open at the end: a proxy writes a connection's
  line when it ends.
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

| What | How much |
|---|---|
| coverage | 95.2 % of log time, 1 of 1 expected log read |
| not covered | 1 blind spot, 2 lines not clean, 2 not parsed; the list is at the end |
| window | `2026-03-01T10:00:00Z` to `2026-03-01T11:00:00Z`; no policy |
| violations | 1 high; `EA101` 1 |

## Top findings (1 of 1 block)

| Number | Outcome | Code | Severity | Cause |
|---|---|---|---|---|
| 1 | FAIL | `EA101` | high | left around the gateway or waypoint: `shop/Deployment/cart` |

## Findings (1 in 1 block)

### FAIL `EA101` high `shop/Deployment/cart`

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

None.

## Coverage

| What | How much |
|---|---|
| window | `2026-03-01T10:00:00Z` to `2026-03-01T11:00:00Z` |
| policy | none: the mesh configuration |
| logs | 95.2 % of expected log time covered; 1 of 1 expected log read |
| lines | 100: 90 access (2 not clean), 8 other, 2 unparsed |
| flows inside the mesh | 0 |

### Logs with problems (1 of 1)

| Log | Proxy | Covered | Unparsed | Not clean | Problems |
|---|---|---|---|---|---|
| `istio-egress/gateway-1/istio-proxy` | egress-gateway | 95.2 % covered | 2 | 2 | Rotated at `10:20`. |

### Blind spots (1)

| Kind | Number | Subjects | Why |
|---|---|---|---|
| host-network | 1 | `kube-system/agent-1` (`DaemonSet/agent`) | The pod uses its node's network. |

## Flows (1 group)

| From | To | Path | Flows | Times | Rule | Outcome |
|---|---|---|---|---|---|---|
| `shop/Deployment/cart` | `docs.example.com:443` | direct | 3 | `2026-03-01T10:00:00Z` to \
`2026-03-01T11:00:00Z` | docs | FAIL |

## Trusted for what passed (1)

- egress gateway `istio-egress/gateway` is believed because you say so

## Not covered by this report

- Traffic before `2026-03-01T10:00:00Z` or from `2026-03-01T11:00:00Z` on, by the clocks of the nodes.
- Traffic without a line in any of the logs that were read.
- Connections that were still open at the end: a proxy writes a connection's line when it ends.
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
    assert "Traffic without a line in any of the logs that were read." in words
    assert "Traffic before 2026-03-01T10:00:00Z or from 2026-03-01T11:00:00Z on, by the clocks of the nodes." in words


@pytest.mark.parametrize("output_format", ["text", "markdown", "json", "junit"])
def test_every_blind_spot_is_named(output_format: str) -> None:
    rendered = text_of(FULL, output_format)
    assert all(spot.subject in rendered and spot.kind in rendered for spot in SPOTS)


def test_logs_that_were_not_expected_do_not_read_as_full_coverage() -> None:
    report = replace(CLEAN, coverage=Coverage((replace(WHOLE, expected=False),)))
    rendered = text_of(report, "text")
    assert "0 of 0 expected logs read, 1 more that nothing expects" in " ".join(rendered.split())
    assert "How much is missing: nothing says which logs there should be." in rendered
    assert json.loads(text_of(report, "json"))["coverage"]["fraction"] is None


@pytest.mark.parametrize(("width", "most"), [(80, MAX_LISTED), (UNFOLDED, MAX_GROUPS)])
def test_of_many_flows_totals_are_shown_and_nothing_is_left_out(width: int, most: int) -> None:
    passed = tuple(replace(PASSED, group=replace(TAKEN, port=port)) for port in range(most))
    table = text_of(replace(CLEAN, judged=passed), "text", width=width).partition("\nFLOWS")[2]
    assert len(re.findall(r"^    docs", table, flags=re.MULTILINE)) == most
    table = text_of(replace(CLEAN, judged=(*passed, FAILED)), "text", width=max(width, 120))
    assert table.partition("\nFLOWS")[2].splitlines()[:3] == [
        f" ({most + 1} groups)",
        "  FAIL  direct: 3 flows of 1 workload to 1 host and port",
        f"  PASS  via-gateway istio-egress/gateway: {most * 1200} flows of 1 workload to {most} hosts and ports",
    ]


def test_a_waiver_that_fits_a_flow_that_passed_is_not_said() -> None:
    judged = replace(PASSED, decision=WAIVED_GROUP.decision)
    assert "PASS waived" not in text_of(replace(CLEAN, judged=(judged,)), "text")
    [row] = csv.DictReader(StringIO(text_of(replace(CLEAN, judged=(judged,)), "csv")))
    assert (row["outcome"], row["waived_reason"]) == ("PASS", "")
