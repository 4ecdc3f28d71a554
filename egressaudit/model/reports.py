"""What a run found: the reports of `verify` and `audit`, findings and coverage.

Example: `AuditReport` with a `Finding` EA101 FAIL for shop/Deployment/cart, and `Coverage` of 12 logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from egressaudit.model.asked_proxies import ProxyView
from egressaudit.model.battery import BypassReport
from egressaudit.model.flows import Confidence, Evidence, Window
from egressaudit.model.found_causes import FoundCause
from egressaudit.model.lines import LineCount, LogFormat, LogSource
from egressaudit.model.matrix import MatrixCell, MatrixRow, matrix_of
from egressaudit.model.network import NetworkReach, NetworkView
from egressaudit.model.proxies import Reporter
from egressaudit.model.run import MadeFrom, Run
from egressaudit.model.verdicts import Judged, Outcome, Severity, Verdict, Waived

if TYPE_CHECKING:
    from egressaudit.model.drift import Drift


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or could not be seen. `code` is one of `findings.controls()` and never used again."""

    code: str
    severity: Severity
    outcome: Outcome | None
    """FAIL for a proven violation, INCONCLUSIVE for what is not proven, None for what is informational."""
    confidence: Confidence
    subject: str
    """What it is about: `namespace/Kind/name`, a log, a pod, a policy rule."""
    message: str
    """One sentence: what was seen and what was expected."""
    advice: tuple[str, ...] = ()
    judged: Judged | None = None
    """The flows it is about, None if it is not about flows."""
    rule: str = ""
    controls: tuple[str, ...] = ()
    waived: Waived | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_total: int = 0
    """How many lines prove it, of which `evidence` shows the first few."""
    causes: tuple[FoundCause, ...] = ()
    """Why it is so, the first cause first; empty for what is only worth knowing."""
    about: str = ""
    """If it is not about flows: what it is about, the same although pods are replaced, for its fingerprint."""


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
    """Why none of its lines is judged: whole lines may be forged. One of `problems`; '' if its lines count."""
    gaps: tuple[str, ...] = ()
    """Those of `problems` that are time in which the proxy was there and nothing is proven."""
    workload: str = ""
    """Whose log it is, `shop/Deployment/cart`; '' if the snapshot has no such pod."""
    ran: tuple[Window, ...] = ()
    """When in the window the proxy was there; empty for a log that nothing expects."""
    missing: tuple[Window, ...] = ()
    """The parts of that time that the log does not cover."""


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """Traffic that no proxy logs: a pod outside capture, a part of its traffic, or a proxy that does not log."""

    kind: str
    """`host-network`, `not-injected`, `excluded`, `proxy-user`, `logging-off`, `logging-filtered` ..."""
    subject: str
    """`namespace/pod` or the proxy's log."""
    workload: str
    reason: str
    network: NetworkReach | None = None
    """Where the network lets its traffic go; None for what is about logs, or where no policy was read."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the logs there should be was read; a report begins with it."""

    sources: tuple[SourceCoverage, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Files passed over, by reason."""
    broken: tuple[str, ...] = ()
    """Logs that could not be read to their end, one sentence each."""
    left_out: frozenset[str] = frozenset()
    """Workloads with a log that was not asked for, as `SourceCoverage.workload`."""

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
class VerifyReport:
    """Everything that a run of `verify` found."""

    verdicts: tuple[Verdict, ...]
    lines: Mapping[LogSource, LineCount]
    reporters: Mapping[LogSource, Reporter]
    notes: tuple[str, ...] = ()
    """What a reader must know about the collection, e.g. `log stream of x cut and resumed`."""
    trusted: tuple[str, ...] = ()
    """Why the proxies on the probes' ways are believed, and who could have changed their logs, one sentence each."""
    proxies: tuple[ProxyView, ...] = ()
    """The proxies that were asked for their own configuration, because a verdict is not PASS."""
    network: tuple[NetworkView, ...] = ()
    """What the network itself lets the sources, gateways and waypoints of the probes do."""
    asked: tuple[MatrixCell, ...] = ()
    """Each host from each source, in the order in which they were asked for."""
    policy: str = ""
    """The name of the policy that decided what was expected, '' without one."""
    bypass: tuple[BypassReport, ...] = ()
    """What became of the attempts to get around the gateway (`--bypass`)."""
    formats: tuple[LogFormat, ...] = ()
    """The access log formats that the mesh defines itself: they say where in a line secrets are."""
    run: Run = field(default_factory=Run)
    made_from: MadeFrom = field(default_factory=MadeFrom)

    @property
    def matrix(self) -> tuple[MatrixRow, ...]:
        """What became of each host from each source."""
        return matrix_of(self.asked, self.verdicts)

    @property
    def outcome(self) -> Outcome:
        """One FAIL that is not waived outweighs all; nothing proven at all is INCONCLUSIVE. Batteries count alike."""
        counted = {verdict.outcome for verdict in self.verdicts if verdict.waived is None}
        counted |= {each.outcome for each in self.bypass}
        if any(row.unsent for row in self.matrix):
            counted.add(Outcome.INCONCLUSIVE)
        if Outcome.FAIL in counted:
            return Outcome.FAIL
        return Outcome.PASS if counted == {Outcome.PASS} else Outcome.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Everything that an audit of a window found. Everything in it is sorted: the same input gives the same report."""

    window: Window
    coverage: Coverage
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    policy: str = ""
    """The policy's name, '' if the mesh configuration decided."""
    internal: int = 0
    """Flows inside the mesh, which are counted and not judged."""
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Access lines that are no flow of their own, by kind: `inbound`, `foreign`, `outside-window`, `unclean` ..."""
    notes: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()
    """What was left out on request, one sentence each: proxies not collected, kinds of objects that only explain."""
    trusted: tuple[str, ...] = ()
    """Why the proxies that a PASS rests on are believed, and who could have changed their logs, one sentence each."""
    formats: tuple[LogFormat, ...] = ()
    """The access log formats that the mesh defines itself: they say where in a line secrets are."""
    run: Run = field(default_factory=Run)
    made_from: MadeFrom = field(default_factory=MadeFrom)
    drift: Drift | None = None
    """What changed since an earlier report; None if none was named."""

    @property
    def policy_digest(self) -> str:
        """SHA-256 of the policy file."""
        return self.made_from.policy_digest

    @property
    def outcome(self) -> Outcome:
        """One FAIL that is not waived outweighs all; nothing proven at all is INCONCLUSIVE."""
        counted = [each.outcome for each in self.findings if each.waived is None]
        if Outcome.FAIL in counted or any(
            each.outcome is Outcome.FAIL and each.decision.waived is None for each in self.judged
        ):
            return Outcome.FAIL
        return self.outcome_without_violations

    @property
    def outcome_without_violations(self) -> Outcome:
        """The same as if every violation were waived: never FAIL."""
        counted = [each.outcome for each in self.findings if each.waived is None]
        proven = any(each.outcome is Outcome.PASS for each in self.judged)
        return Outcome.PASS if proven and Outcome.INCONCLUSIVE not in counted else Outcome.INCONCLUSIVE
