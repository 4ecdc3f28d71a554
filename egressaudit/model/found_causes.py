"""Causes: why a flow did not go the way it should, as the catalogue names them and as one flow shows them.

Example: `FoundCause(cause=<EC26 mesh-missing>, because=("VirtualService egress/docs does not list `mesh`",),
objects=("VirtualService egress/docs",), field="spec.gateways", host="docs.example.com", port=443)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model.probes import Scheme
from egressaudit.model.proxies import ObjectRef

_MOST_FACTS = 3
"""Facts that a sentence names; the cause has all of them."""


class Stage(StrEnum):
    """The questions about a flow, in their order: the first that is answered with no has the cause."""

    CAPTURED = "captured"
    """Does a proxy of the mesh carry what the source sends?"""
    KNOWN = "known"
    """Does that proxy know the host?"""
    STEERED = "steered"
    """Does a rule or a label send it to the gateway or waypoint?"""
    DELIVERED = "delivered"
    """Does the gateway or waypoint take it?"""
    OUTSIDE = "outside"
    """Does the host take it from the gateway or waypoint?"""
    EVIDENCE = "evidence"
    """Do the logs show what happened?"""


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A cause that shows itself in the same way, and the fact that tells the two apart."""

    code: str
    fact: str
    """What is so where it is the look-alike; a clause that begins with `there`."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of the catalogue, without what finds it: plain text, for a terminal as well as for docs/causes.md."""

    code: str
    """`EC26`; never used again for anything else."""
    name: str
    """A word or a few for it: `mesh-missing`."""
    title: str
    """What is wrong, at most 60 characters."""
    stage: Stage
    modes: str
    """Where it can be: `I` sidecars and Istio's APIs, `G` sidecars and the Gateway API, `A` ambient mode."""
    looks: str
    """How it shows, in the lines and in the configuration."""
    remedy: str
    """What to do, one sentence."""
    unlike: tuple[LookAlike, ...] = ()
    fix: str = ""
    """The kind of manifest that fixes it; '' where no manifest does. It is what the writer of fixes goes by."""
    search: tuple[str, ...] = ()
    """What istioctl and Kiali call it, and conditions and flags to search for: `IST0109`, `KIA1106`."""
    sources: tuple[str, ...] = ()
    """Where it is known from: files of istio/istio, envoyproxy/envoy or istio/ztunnel, and issues."""


@dataclass(frozen=True, slots=True)
class SuggestedFix:
    """What would fix a cause. It is shown, and never applied."""

    title: str
    """What it does, one sentence without a full stop."""
    affects: tuple[str, ...]
    """What it would do to others, one clause each."""
    yaml: str
    """All of it: new objects are complete; a change of an object that is there is a comment with its command."""
    command: str = ""
    """If it is one change: the command that shows what it would change, as a diff."""
    patch: str = ""
    """The patch of this command, as JSON."""


@dataclass(frozen=True, slots=True)
class FoundCause:
    """A cause, found of one flow or group of flows: what shows it, and what a fix must know."""

    cause: Cause
    because: tuple[str, ...]
    """The facts that show it, one clause each, without a full stop."""
    objects: tuple[str, ...] = ()
    """The objects to look at, as `Kind namespace/name`, the one to change first."""
    field: str = ""
    """The field of the first object that is to be changed, e.g. `spec.gateways`; '' if it is not known."""
    host: str = ""
    port: int | None = None
    scheme: Scheme | None = None
    source: ObjectRef | None = None
    """The pod that sent it."""
    via: ObjectRef | None = None
    """The gateway or waypoint that should have carried it."""
    excluded: tuple[LookAlike, ...] = ()
    """The look-alikes that it is not, and what would be so if it were one of them."""
    fixes: tuple[SuggestedFix, ...] = ()
    """What would fix it, the smallest first; empty if no object does, or if the snapshot does not say enough."""

    @property
    def code(self) -> str:
        """The code of its cause."""
        return self.cause.code

    @property
    def sentence(self) -> str:
        """`rule not for the mesh: VirtualService egress/docs does not list ...`."""
        more = len(self.because) - _MOST_FACTS
        facts = [*self.because[:_MOST_FACTS], *([f"and {more} more"] if more > 0 else [])]
        return f"{self.cause.title}: {'; '.join(facts)}" if facts else self.cause.title
