"""Everything that is known about one flow, or one group of flows, that did not go its way: what every cause is held to.

In: nothing; `of_verdict` and `of_group` fill it. Example: `Symptoms(mesh, source=shop/cart-1, target=..., hops=(...))`
with the path DIRECT and the fault `mesh-gateway-missing` is what EC26 is found in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.mesh import Mesh
from egressaudit.model import (
    BlindSpot,
    CurlResult,
    DataplaneMode,
    Fault,
    FlowGroup,
    Hop,
    LineCount,
    LogSource,
    ObjectRef,
    Outcome,
    Path,
    Pod,
    Step,
    Target,
)


@dataclass(frozen=True, slots=True)
class Symptoms:
    """One flow that did not go its way, as its lines and the snapshot show it."""

    mesh: Mesh
    target: Target
    path: Path
    """The path that was seen."""
    code: str = ""
    """The control that it falls under, `EA101`."""
    outcome: Outcome | None = None
    reason: str = ""
    """Why the path is what it is, in a word (`judge.words.REASONS`)."""
    source: Pod | None = None
    expected: Path | None = None
    via: ObjectRef | None = None
    """The gateway or waypoint that should have carried it."""
    hops: tuple[Hop, ...] = ()
    """The lines of one of its flows, in the order of the way, as far as they are known."""
    faults: tuple[Fault, ...] = ()
    """What is wrong in the configuration of its way (`Claim.faults`)."""
    steps: tuple[Step, ...] = ()
    """What each proxy on its way does with it by its configuration, where that is known."""
    spots: tuple[BlindSpot, ...] = ()
    """What no proxy sees of the source, and which proxies of the way do not log."""
    curl: CurlResult | None = None
    """What the probe's own client said; None for a group of flows."""
    counts: Mapping[LogSource, LineCount] = field(default_factory=dict)
    """What became of the lines of each log, where it is known."""
    peers: tuple[FlowGroup, ...] = ()
    """Other groups of flows to the same host, or through the same gateway."""
    group: FlowGroup | None = None

    @property
    def mode(self) -> DataplaneMode:
        """How the source is captured."""
        return DataplaneMode.NONE if self.source is None else self.source.mode
