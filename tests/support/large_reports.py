"""Reports on a large mesh for what shows reports: many workloads with few causes, and logs that explain flows.

In: how many workloads. Out: an `AuditReport`. Example: `large(40)` has 40 violations of one cause, 40 unproven flows of
which the silent gateway explains half, and what each proxy's log lacks.
"""

from __future__ import annotations

from dataclasses import replace

from egressaudit.causes import causes
from egressaudit.model import (
    AuditReport,
    BlindSpot,
    Confidence,
    Coverage,
    Finding,
    FoundCause,
    Judged,
    Outcome,
    Path,
    Severity,
)
from support.reports import CLEAN, FAILED, PASSED, VIOLATION, WHOLE

GATEWAY_LOG = "istio-egress/gateway-1/istio-proxy"
OFF = f"Telemetry istio-egress/off turns access logging off at {GATEWAY_LOG.rpartition('/')[0]}"
GAP = "it ends 20 min before the window does"
SILENT = Finding(
    *("EA307", Severity.HIGH, Outcome.INCONCLUSIVE, Confidence.OBSERVED, GATEWAY_LOG, OFF),
    causes=(FoundCause(causes()["EC73"], (OFF,)),),
)
CUT = Finding(
    *("EA302", Severity.HIGH, Outcome.INCONCLUSIVE, Confidence.OBSERVED, "shop/cart-1/istio-proxy", GAP),
    causes=(FoundCause(causes()["EC72"], (GAP,)),),
)
CUT_LOG = replace(WHOLE, covered_seconds=2400, problems=(GAP,), gaps=(GAP,))


def bypass(number: int) -> Finding:
    """A workload that goes around the gateway, because no rule leads its host there."""
    host = f"h{number}.example.com"
    cause = FoundCause(causes()["EC88"], (f"no rule and no label leads {host} on port 443 to a gateway or waypoint",))
    group = replace(FAILED.group, workload=f"Deployment/app-{number}", host=host)
    judged = replace(FAILED, group=group, causes=(cause,))
    return replace(VIOLATION, judged=judged, subject=group.subject, message=f"{host}:443: around", causes=(cause,))


def unproven(number: int, code: str, cause: str, fact: str) -> Finding:
    """A flow of which the gateway has no line."""
    found = FoundCause(causes()[cause], (fact,))
    group = replace(FAILED.group, workload=f"Deployment/app-{number}", path=Path.UNKNOWN, reason="no-gateway-line")
    judged = replace(FAILED, group=group, outcome=Outcome.INCONCLUSIVE, because="no line of the gateway is about it")
    return replace(
        VIOLATION,
        code=code,
        outcome=Outcome.INCONCLUSIVE,
        judged=replace(judged, causes=(found,)),
        subject=group.subject,
        causes=(found,),
    )


def report_of(findings: tuple[Finding, ...], *, coverage: Coverage | None = None) -> AuditReport:
    """A report with these findings, and a flow that passed."""
    judged: tuple[Judged, ...] = tuple(each.judged for each in findings if each.judged is not None)
    return replace(CLEAN, judged=(PASSED, *judged), findings=findings, coverage=coverage or CLEAN.coverage)


def large(workloads: int) -> AuditReport:
    """A report on so many workloads."""
    spots = tuple(
        BlindSpot("host-network", f"node/agent-{number}", "", "The pod uses its node's network.")
        for number in range(workloads)
    )
    findings = (
        *map(bypass, range(workloads)),
        SILENT,
        CUT,
        *(unproven(number, "EA303", "EC73", OFF) for number in range(workloads // 2)),
        *(unproven(number, "EA303", "EC71", "logs are written late") for number in range(workloads // 2, workloads)),
    )
    return report_of(findings, coverage=Coverage((CUT_LOG,), spots))
