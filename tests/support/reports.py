"""A window's report with one group of each sort, for renderers and whoever else needs a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from egressaudit.model import (
    AuditReport,
    BlindSpot,
    Confidence,
    Coverage,
    DataplaneMode,
    Decision,
    Evidence,
    Fault,
    Finding,
    FlowGroup,
    Judged,
    LineCount,
    MadeFrom,
    ObjectRef,
    Outcome,
    Path,
    Reporter,
    Severity,
    SourceCoverage,
    VerifyReport,
    Waived,
    Window,
)
from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.report import render
from egressaudit.report.screen import Screen

START = datetime(2026, 3, 1, 10, tzinfo=UTC)

END = START + timedelta(hours=1)

GATEWAY = ObjectRef("istio-egress", "gateway")

RAW = '[2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com" PassthroughCluster `x|y`'

LINE = Evidence("shop/cart-1/istio-proxy", 12, RAW, "source")

TAKEN = FlowGroup(
    *("shop", "Deployment/cart", "docs.example.com", 80, Path.VIA_GATEWAY, 1200, START, END),
    mode=DataplaneMode.SIDECAR,
    via=(GATEWAY,),
    confidence=Confidence.JOINED,
)

AROUND = replace(TAKEN, port=443, path=Path.DIRECT, flows=3, via=(), reason="no-gateway", evidence=(LINE,))

WANTED = Decision(
    *(Path.VIA_GATEWAY, (GATEWAY,), "docs", Severity.HIGH, ("nist-800-53/SC-7",)),
    because=("rule docs",),
    faults=(Fault.of("mesh-gateway-missing", "VirtualService docs does not list mesh."),),
)

PASSED = Judged(TAKEN, WANTED, Outcome.PASS, "The gateway's line confirms it.")

WHOLE = SourceCoverage("shop/cart-1/istio-proxy", Reporter.SIDECAR, True, True, LineCount(9, 9), START, END, 3600, 3600)

CLEAN = AuditReport(Window(START, END), Coverage((WHOLE,)), (PASSED,), ())

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
DRIFT = Drift(
    "audit-1.json",
    Window(START - timedelta(hours=1), START),
    (
        DriftRow(
            *(DriftChange.NEW, DriftOf.FINDING, "1" * 32, "shop/Deployment/cart", "3 flows left around the gateway."),
            *("EA101", Severity.HIGH, None, Outcome.FAIL, True),
        ),
        DriftRow(DriftChange.NOT_SEEN, DriftOf.FLOW, "2" * 32, "shop/Pod/old", "x.example.com:443 direct (no log)"),
    ),
    ("Changes may come from the policy: policy baseline has changed since.",),
)
FULL = AuditReport(
    Window(START, END),
    Coverage((READ, WHOLE, UNREAD), SPOTS, {"not a log": 2}, ("shop/x.log is cut.",)),
    (PASSED, FAILED, WAIVED_GROUP),
    (VIOLATION, UNPROVEN, WAIVED),
    *("baseline", 40, {"inbound": 7}, ("a note",)),
    trusted=("egress gateway istio-egress/gateway is believed because you say so",),
    made_from=MadeFrom(policy_digest="ab" * 32),
)


def text_of(report: AuditReport | VerifyReport, output_format: str, **screen: Any) -> str:
    rendered = render(report, output_format, Screen(**screen))
    assert isinstance(rendered, str)
    return rendered
