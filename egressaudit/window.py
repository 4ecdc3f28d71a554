"""The vocabulary of a window's audit: flows in groups, findings with their evidence, and what could not be seen.

A probe's flow is one object (`model.Flow`); a window has millions, so they are grouped by workload, host, port and path
as they are read, and only groups, findings and evidence are Python objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from egressaudit.model import DataplaneMode, LineCount, ObjectRef, Outcome, Path, Reporter, Scheme


class Severity(StrEnum):
    """How much a finding matters; `info` never changes the exit code. In order, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Confidence(StrEnum):
    """Which lines prove it."""

    JOINED = "joined"
    """The lines of two proxies, joined by the addresses of the connection between them."""
    MATCHED = "matched"
    """The lines of two proxies, matched by source IP, inner address and time (pooled HBONE connections)."""
    REPORTED = "reported"
    """The line of one proxy alone."""
    OBSERVED = "observed"
    """No access line: the snapshot, the policy, or the account of what was read."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is audited, both ends in UTC; a flow counts if it overlaps it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """One log line that proves something: `source` is the log's name as in the account, `line` counts from 1."""

    source: str
    line: int
    raw: str
    role: str
    """Whose line: `source`, `gateway` or `waypoint`."""


@dataclass(frozen=True, slots=True)
class FlowGroup:
    """The flows of one workload to one host and port that went one way.

    `namespace` and `workload` are '' where no pod of the snapshot owns the source address; a workload is
    `Kind/name`, a bare pod's `Pod/name`. `host` is the host that the proxies' cluster names; for hosts that they do
    not know, the requested server name or the address.
    """

    namespace: str
    workload: str
    host: str
    port: int | None
    path: Path
    flows: int
    first: datetime
    last: datetime
    mode: DataplaneMode = DataplaneMode.NONE
    via: tuple[ObjectRef, ...] = ()
    """The gateways and waypoints whose own lines (or, unconfirmed, whose addresses) are in it, in order."""
    reason: str = ""
    """A word for why the path is what it is: `no-gateway-line`, `upstream-failed` ...; in full in docs/evidence.md."""
    confidence: Confidence = Confidence.REPORTED
    scheme: Scheme | None = None
    """What the last proxy took it for: a request, TLS that it passes on, or bytes; None where only a ztunnel saw it."""
    server_names: tuple[str, ...] = ()
    """TLS server names or authorities that are not the host: the sender's words, never believed."""
    reached: tuple[tuple[str, int | None], ...] = ()
    """The IPs and ports that the last proxy sent it to."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def subject(self) -> str:
        """Who sent it: `namespace/Kind/name`, `(unknown)` where no pod is known."""
        return f"{self.namespace}/{self.workload}" if self.workload else "(unknown)"


@dataclass(frozen=True, slots=True)
class Waived:
    """Why a finding does not count: the waiver's reason and last day (ISO date)."""

    reason: str
    expires: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy (or, without one, the mesh configuration) says about one workload, host and port.

    `expected` is VIA_GATEWAY, VIA_WAYPOINT, DIRECT or BLOCKED, None where nothing says anything. `via` are the
    gateways or waypoints that are allowed to carry it; empty where any of that kind may.
    """

    expected: Path | None
    via: tuple[ObjectRef, ...] = ()
    rule: str = ""
    """The policy rule's name, `default` for the policy's default, '' where the configuration decides."""
    severity: Severity = Severity.HIGH
    controls: tuple[str, ...] = ()
    """Controls of compliance frameworks that the rule serves, e.g. `nist-800-53/SC-7`."""
    because: tuple[str, ...] = ()
    """The objects or rules that say so."""
    gaps: tuple[str, ...] = ()
    """Faults of the mesh configuration that explain a bypass, one sentence each."""
    waived: Waived | None = None
    passing: tuple[ObjectRef, ...] = ()
    """Gateways and waypoints that it may also pass on its way to one of `via`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A group held against what is expected of it."""

    group: FlowGroup
    decision: Decision
    outcome: Outcome | None
    """None where there is nothing to judge: a request that failed on its right way out; nothing left."""
    because: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or could not be seen. `code` is one of `controls.CONTROLS` and never used again."""

    code: str
    severity: Severity
    outcome: Outcome | None
    """FAIL for a proven violation, INCONCLUSIVE for what is not proven, None for what is only said."""
    confidence: Confidence
    subject: str
    """What it is about: `namespace/Kind/name`, a log, a pod, a policy rule."""
    message: str
    """One sentence: what was seen and what was expected."""
    advice: tuple[str, ...] = ()
    judged: Judged | None = None
    """The flows it is about, None where it is not about flows."""
    rule: str = ""
    controls: tuple[str, ...] = ()
    waived: Waived | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_total: int = 0
    """How many lines prove it, of which `evidence` shows the first few."""


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """What was read of one proxy's log."""

    name: str
    """The log's name: `namespace/pod/container`, else its path."""
    reporter: Reporter | None
    expected: bool
    """Whether the snapshot has a proxy that writes it."""
    read: bool
    lines: LineCount = field(default_factory=LineCount)
    first: datetime | None = None
    last: datetime | None = None
    expected_seconds: float = 0.0
    """How much of the window the proxy was there."""
    covered_seconds: float = 0.0
    """How much of that its log covers."""
    problems: tuple[str, ...] = ()
    """Rotated, cut, restarted, starts late, read twice ...: one sentence each."""
    critical: bool = False
    """Whether flows cannot be proven without it: a gateway's, a waypoint's, a ztunnel's."""
    unproven: str = ""
    """Why no line of it is judged: whole lines may be forged. One of `problems`; '' where lines count."""
    gaps: tuple[str, ...] = ()
    """Those of `problems` that are time in which the proxy was there and nothing is proven."""


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Traffic that no proxy logs: a pod outside capture, a part of its traffic, or a proxy that does not log."""

    kind: str
    """`host-network`, `not-injected`, `excluded`, `proxy-user`, `logging-off`, `logging-filtered` ..."""
    subject: str
    """`namespace/pod` or the proxy's log."""
    workload: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was seen of what there was to see; the first thing a report says."""

    sources: tuple[SourceCoverage, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Files passed over, by reason."""
    broken: tuple[str, ...] = ()
    """Logs that could not be read to their end, one sentence each."""

    @property
    def expected(self) -> int:
        """How many logs the snapshot makes us expect."""
        return sum(each.expected for each in self.sources)

    @property
    def read(self) -> int:
        """How many of those were read."""
        return sum(each.expected and each.read for each in self.sources)

    @property
    def fraction(self) -> float:
        """Seconds covered of seconds expected, over all expected logs; 0 where nothing is expected."""
        expected = sum(each.expected_seconds for each in self.sources if each.expected)
        return sum(each.covered_seconds for each in self.sources if each.expected) / expected if expected else 0.0

    @property
    def lines(self) -> LineCount:
        """The account of all lines of all logs."""
        return sum((each.lines for each in self.sources), LineCount())


@dataclass(frozen=True, slots=True)
class WindowReport:
    """All that an audit of a window found. Everything in it is sorted: the same input gives the same report."""

    window: Window
    coverage: Coverage
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    policy: str = ""
    """The policy's name, '' where the mesh configuration decided."""
    policy_digest: str = ""
    """SHA-256 of the policy file."""
    internal: int = 0
    """Flows inside the mesh, which are counted and not judged."""
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Access lines that are no flow of their own, by kind: `inbound`, `foreign`, `outside-window`, `unclean` ..."""
    notes: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()
    """What nobody asked for, one sentence each: proxies that were not collected, kinds of objects that only explain."""
    trusted: tuple[str, ...] = ()
    """Why the proxies that a PASS rests on are believed, and who could have changed their logs, one sentence each."""

    @property
    def outcome(self) -> Outcome:
        """One FAIL that is not waived outweighs all; nothing proven at all is INCONCLUSIVE."""
        counted = [each.outcome for each in self.findings if each.waived is None]
        if Outcome.FAIL in counted or any(
            each.outcome is Outcome.FAIL and each.decision.waived is None for each in self.judged
        ):
            return Outcome.FAIL
        proven = any(each.outcome is Outcome.PASS for each in self.judged)
        return Outcome.PASS if proven and Outcome.INCONCLUSIVE not in counted else Outcome.INCONCLUSIVE
