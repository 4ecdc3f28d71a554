"""The bypass battery: what was tried to get around the gateway, and what became of each attempt.

Example: `Tried("EB01", asked="http://203.0.113.7/", nonce="5f2b...")` is judged to an `Attempted` that is OPEN: the
request left through PassthroughCluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from egressaudit.model.flows import Confidence
from egressaudit.model.probes import Probe, Target
from egressaudit.model.proxies import ObjectRef
from egressaudit.model.verdicts import Outcome, Verdict


class BypassStanding(StrEnum):
    """Whether a way around the gateway is open."""

    OPEN = "open"
    """It left another way: a violation, with its evidence."""
    NOT_PROVABLE = "not provable"
    """Nothing proves that it left, and nothing proves that it was stopped."""
    CLOSED = "closed"
    """Something is proven to have stopped it, or it still went through the gateway."""
    NOT_TRIED = "not tried"
    """It makes no sense here, and does not count."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was done about one attempt, before any judging. `code` is that of the catalogue (`egressaudit/bypass`)."""

    code: str
    asked: str = ""
    """What curl was asked, as a person reads it: the URL, and the options that make the attempt."""
    dialled: str = ""
    """The `IP:port` that curl was told to use, '' if it was given a name."""
    nonce: str = ""
    """The nonce of its probe, '' if none was sent."""
    control: str = ""
    """The nonce of the probe with which its own pod connected to an address of the mesh, '' if none was sent."""
    refused: str = ""
    """What the API server said when it refused the pod of the attempt."""
    failed: str = ""
    """Why it could not be carried out, one clause."""
    not_tried: str = ""
    """Why it makes no sense here, one clause."""


@dataclass(frozen=True, slots=True)
class Battery:
    """All attempts of a run on one host from one pod."""

    target: Target
    source: ObjectRef
    control: str
    """The nonce of the probe that went the ordinary way; it is in `probes` too."""
    tried: tuple[Tried, ...]
    probes: tuple[Probe, ...]
    admitted: str = ""
    """The unchanged probe pod that the same namespace admitted (`namespace/name`), '' if none was."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of one attempt."""

    code: str
    name: str
    title: str
    standing: BypassStanding
    because: str
    """One sentence: what closed it, what shows that it left, what is missing, or why it was not tried."""
    asked: str = ""
    control: str = ""
    """One sentence: what the positive control showed; '' where none was needed."""
    confidence: Confidence | None = None
    """What proves it; None where nothing is proven."""
    verdict: Verdict | None = None
    """The judgement on its probe, with the lines; None if none was sent."""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BypassReport:
    """The battery on one host from one pod, judged."""

    target: Target
    source: ObjectRef
    attempts: tuple[Attempted, ...] = field(default_factory=tuple)

    def standing(self, standing: BypassStanding) -> tuple[Attempted, ...]:
        """The attempts with this standing."""
        return tuple(each for each in self.attempts if each.standing is standing)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The judgements on the probes of the attempts."""
        return tuple(each.verdict for each in self.attempts if each.verdict is not None)

    @property
    def outcome(self) -> Outcome:
        """FAIL if one way is open. INCONCLUSIVE if one is not provable, or if nothing was tried."""
        found = {each.standing for each in self.attempts} - {BypassStanding.NOT_TRIED}
        if BypassStanding.OPEN in found:
            return Outcome.FAIL
        return Outcome.PASS if found == {BypassStanding.CLOSED} else Outcome.INCONCLUSIVE
