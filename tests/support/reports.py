"""A window's report with one group of each sort, for renderers and whoever else needs a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from egressaudit.model import (
    AuditReport,
    Confidence,
    Coverage,
    DataplaneMode,
    Decision,
    Evidence,
    Fault,
    FlowGroup,
    Judged,
    LineCount,
    ObjectRef,
    Outcome,
    Path,
    Reporter,
    Severity,
    SourceCoverage,
    VerifyReport,
    Window,
)
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


def text_of(report: AuditReport | VerifyReport, output_format: str, **screen: Any) -> str:
    rendered = render(report, output_format, Screen(**screen))
    assert isinstance(rendered, str)
    return rendered
