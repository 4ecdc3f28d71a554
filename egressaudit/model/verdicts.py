"""What was expected, what was seen, and the verdict on it.

Example: `Expectation(Path.VIA_GATEWAY, via=egress/gw)` and a path DIRECT make a `Verdict` with `Outcome.FAIL`, EA101.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from egressaudit.model.faults import Fault, sentences
from egressaudit.model.flows import Flow, FlowGroup
from egressaudit.model.found_causes import FoundCause
from egressaudit.model.paths import Path
from egressaudit.model.proxies import ObjectRef, Pod
from egressaudit.model.routes import Way


class Outcome(StrEnum):
    """The path that was seen against the path that was expected."""

    PASS = "PASS"  # noqa: S105  a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Severity(StrEnum):
    """How much a finding matters, the most severe first. `info` never changes the exit code."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the configuration says about one host and port: which gateway or waypoint should carry it.

    `path` is VIA_GATEWAY or VIA_WAYPOINT, or None if nothing claims the host. `because` names the objects of
    the claim in order, as `Kind namespace/name`. `faults` are the configuration's own that explain a bypass (for
    instance a VirtualService that does not list the `mesh` gateway); `fault_texts` are their sentences.
    """

    path: Path | None
    via: ObjectRef | None = None
    pods: tuple[Pod, ...] = ()
    because: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints on the configured way: e.g. the waypoint in front of a gateway."""
    way: Way | None = field(default=None, compare=False, repr=False)
    """What the proxies do with it; None where nothing captures the source."""
    rivalled: bool = False
    """Whether the snapshot leaves it open which of several gateways carries it: it does not say how old rules are."""

    @property
    def fault_texts(self) -> tuple[str, ...]:
        """The sentences of the faults, as reports call them."""
        return sentences(self.faults)


@dataclass(frozen=True, slots=True)
class Waived:
    """Why a finding is waived: the waiver's reason and last day (ISO date)."""

    reason: str
    expires: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """The way one flow should go: `path` is VIA_GATEWAY, VIA_WAYPOINT, DIRECT or BLOCKED; None if nothing says it."""

    path: Path | None
    via: ObjectRef | None = None
    pods: tuple[Pod, ...] = ()
    """The pods of the expected gateway or waypoint; proof needs one of their addresses."""
    because: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints that it may pass on its way."""
    last: bool = False
    """Whether it must leave through `via` itself, because the user named it. A claim may name the first of a chain."""
    rule: str = ""
    """The policy's rule that says so, `default` for the policy's default; '' without a policy."""
    allowed: tuple[ObjectRef, ...] = ()
    """All gateways or waypoints that a policy's rule allows, `via` among them."""
    waived: Waived | None = None
    """Why a violation of the policy's rule doesn't count."""

    @property
    def fault_texts(self) -> tuple[str, ...]:
        """The sentences of the faults, as reports call them."""
        return sentences(self.faults)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one probe: the path seen against the path expected, with the proof."""

    outcome: Outcome
    path_seen: Path
    expectation: Expectation
    flow: Flow
    reason: str
    """One sentence: what proves it, or what is missing."""
    advice: tuple[str, ...] = ()
    """What to do next, one sentence each."""
    final: bool = True
    """False while further log lines could still change the verdict; the live run waits for those."""
    soon: bool = False
    """Not final, but what could change it comes within seconds or never: the snapshot or the lines say why."""
    code: str = ""
    """The control that it falls under (`egressaudit controls`), '' for a PASS."""
    word: str = ""
    """Why the path is what it is, in one word, as `FlowGroup.reason`."""
    causes: tuple[FoundCause, ...] = ()
    """Why it is no PASS, the first cause first; empty for a PASS."""

    @property
    def waived(self) -> Waived | None:
        """The waiver of the policy that keeps it from counting: only a violation can be waived."""
        return self.expectation.waived if self.outcome is Outcome.FAIL else None


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy (or, without one, the mesh configuration) says about one workload, host and port.

    `expected` is VIA_GATEWAY, VIA_WAYPOINT, DIRECT or BLOCKED, None if nothing says anything. `via` are the
    gateways or waypoints that are allowed to carry it; empty if any of that kind may.
    """

    expected: Path | None
    via: tuple[ObjectRef, ...] = ()
    rule: str = ""
    """The policy rule's name, `default` for the policy's default, '' if the configuration decides."""
    severity: Severity = Severity.HIGH
    controls: tuple[str, ...] = ()
    """Controls of compliance frameworks that the rule serves, e.g. `nist-800-53/SC-7`."""
    because: tuple[str, ...] = ()
    """The objects or rules that say so."""
    faults: tuple[Fault, ...] = ()
    """What is wrong in the mesh configuration and explains a bypass."""
    waived: Waived | None = None
    passing: tuple[ObjectRef, ...] = ()
    """Gateways and waypoints that it may also pass on its way to one of `via`."""

    @property
    def fault_texts(self) -> tuple[str, ...]:
        """The sentences of the faults, as reports call them."""
        return sentences(self.faults)


@dataclass(frozen=True, slots=True)
class Judged:
    """A group held against what is expected of it."""

    group: FlowGroup
    decision: Decision
    outcome: Outcome | None
    """None if there is nothing to judge: a request that failed on its right way out; nothing left."""
    because: str
    """One sentence."""
    causes: tuple[FoundCause, ...] = ()
    """Why it is no PASS, the first cause first; empty for a PASS."""
