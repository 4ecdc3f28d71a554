"""What is kept of a report, to compare a later one with it: a baseline file and a history both give this.

Example: `KeptReport("audit-1.json", <its window>, flows=(KeptFlow("9f2c...", "shop", "Deployment/cart", ...),))`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egressaudit.model.flows import Window
from egressaudit.model.paths import Path
from egressaudit.model.proxies import Reporter
from egressaudit.model.verdicts import Outcome, Severity


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """A group of flows, as far as it can be compared."""

    fingerprint: str
    namespace: str
    workload: str
    """`Kind/name`; '' if no pod of the snapshot owned the source address."""
    host: str
    port: int | None
    path: Path | None
    via: tuple[str, ...] = ()
    ambient: bool = False
    """Whether ztunnel captured it: then the log of the source is ztunnel's."""
    outcome: Outcome | None = None
    waived: bool = False

    @property
    def sender(self) -> str:
        """`shop/Deployment/cart`, `(unknown)` where no pod was known."""
        return f"{self.namespace}/{self.workload}" if self.workload else "(unknown)"


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A finding, as far as it can be compared."""

    fingerprint: str
    code: str
    severity: Severity
    outcome: Outcome | None
    subject: str
    message: str
    about: str = ""
    """As in `Finding`."""
    waived: bool = False
    flow: KeptFlow | None = None
    log: str = ""
    """If it is about a log: the log's stable name, as in `KeptLog`."""


@dataclass(frozen=True, slots=True)
class KeptLog:
    """One log that should have been read."""

    name: str
    """Its stable name: `shop/Deployment/cart/istio-proxy`."""
    workload: str
    reporter: Reporter | None
    read: bool
    whole: bool
    """Whether it covers all the time in which its proxy was there, and all its lines count."""
    throughout: bool
    """Whether its proxy was there from the window's start to its end."""


@dataclass(frozen=True, slots=True)
class KeptCoverage:
    """What was read, as far as it decides whether something that is absent would have been seen."""

    fraction: float | None = None
    """As `Coverage.fraction`; None if no log was expected, or it is not known."""
    logs: tuple[KeptLog, ...] = ()
    unlogged: frozenset[tuple[str, str]] = frozenset()
    """Workloads (all: '') whose proxies do not log everything, or with traffic outside capture; and what that is."""
    left_out: frozenset[str] = frozenset()
    """Workloads some of whose logs were not asked for."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report, as far as it can be compared."""

    name: str
    """What it is called: its file, or its run in a history."""
    window: Window
    outcome: Outcome | None = None
    policy: str = ""
    policy_digest: str = ""
    cluster_uid: str = ""
    """'' is not known."""
    findings: tuple[KeptFinding, ...] = ()
    flows: tuple[KeptFlow, ...] = ()
    coverage: KeptCoverage = field(default_factory=KeptCoverage)
