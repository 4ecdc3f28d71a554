"""The vocabulary: one module for each noun. No behaviour beyond reading its own fields, no import of other rooms.

    lines ──▶ paths, proxies, probes ──▶ routes, flows, causes ──▶ verdicts, asked_proxies, matrix ──▶ captures, reports

A probe's flow is one object (`Flow`); a window has millions, so they are grouped by workload, host, port and path as
they are read (`FlowGroup`), and only groups, findings and evidence are Python objects.

`analysis` and `drift` are imported by their own names: few commands need them, and dataclasses take long to make.
"""

from egressaudit.model.asked_proxies import AskedProxy, ProxyView
from egressaudit.model.battery import Attempted, Battery, BypassReport, BypassStanding, Tried
from egressaudit.model.captures import Capture
from egressaudit.model.faults import Fault
from egressaudit.model.flows import Confidence, Evidence, Flow, FlowGroup, Window
from egressaudit.model.found_causes import Cause, FoundCause, LookAlike, Stage, SuggestedFix
from egressaudit.model.lines import Hop, LineCount, LogFormat, LogLine, LogSource, OtherLine, Unparsed
from egressaudit.model.matrix import MatrixCell, MatrixRow
from egressaudit.model.network import NetworkReach, NetworkView, ReachState
from egressaudit.model.paths import Path
from egressaudit.model.probes import CurlResult, Probe, Scheme, Target
from egressaudit.model.proxies import PROXY_CONTAINER, ContainerRun, DataplaneMode, Family, ObjectRef, Pod, Reporter
from egressaudit.model.reports import AuditReport, BlindSpot, Coverage, Finding, SourceCoverage, VerifyReport
from egressaudit.model.routes import (
    Act,
    Call,
    Choice,
    Onward,
    RouteDestination,
    RuleRef,
    Step,
    Tls,
    Way,
    WayEnd,
    WayLeg,
)
from egressaudit.model.run import MadeFrom, Run
from egressaudit.model.verdicts import Claim, Decision, Expectation, Judged, Outcome, Severity, Verdict, Waived

__all__ = [
    "PROXY_CONTAINER",
    "Act",
    "AskedProxy",
    "Attempted",
    "AuditReport",
    "Battery",
    "BlindSpot",
    "BypassReport",
    "BypassStanding",
    "Call",
    "Capture",
    "Cause",
    "Choice",
    "Claim",
    "Confidence",
    "ContainerRun",
    "Coverage",
    "CurlResult",
    "DataplaneMode",
    "Decision",
    "Evidence",
    "Expectation",
    "Family",
    "Fault",
    "Finding",
    "Flow",
    "FlowGroup",
    "FoundCause",
    "Hop",
    "Judged",
    "LineCount",
    "LogFormat",
    "LogLine",
    "LogSource",
    "LookAlike",
    "MadeFrom",
    "MatrixCell",
    "MatrixRow",
    "NetworkReach",
    "NetworkView",
    "ObjectRef",
    "Onward",
    "OtherLine",
    "Outcome",
    "Path",
    "Pod",
    "Probe",
    "ProxyView",
    "ReachState",
    "Reporter",
    "RouteDestination",
    "RuleRef",
    "Run",
    "Scheme",
    "Severity",
    "SourceCoverage",
    "Stage",
    "Step",
    "SuggestedFix",
    "Target",
    "Tls",
    "Tried",
    "Unparsed",
    "Verdict",
    "VerifyReport",
    "Waived",
    "Way",
    "WayEnd",
    "WayLeg",
    "Window",
]
