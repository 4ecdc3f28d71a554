"""Which way the configuration steers a host: through which gateway or waypoint, by which of the APIs.

In: the objects of a snapshot and one host and port. Out: `model.Claim`: the way, what says so, and what is wrong.

    istio │ gateway_api │ waypoint ──▶ ways.Ways ──▶ claim.claim ──▶ model.Claim

To add an API: a module here that does what `Steering` says, and its name in `_NAMES`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from egressaudit.mesh.apis import Resource
    from egressaudit.mesh.steering.ways import Ways
    from egressaudit.mesh.world import World
    from egressaudit.model import Pod, Target


class Steering(Protocol):
    """One API by which a configuration steers a host: what a module of this package holds."""

    RESOURCES: tuple[Resource, ...]
    """The kinds of objects that it reads; each says what a snapshot keeps of them."""

    def ways(self, world: World, source: Pod, target: Target) -> Ways:
        """Everything that its objects say about a host and port, as seen from a pod."""


_NAMES = (
    "istio",
    "gateway_api",
    "waypoint",
)

STEERING: tuple[Steering, ...] = tuple(cast("Steering", import_module(f"{__name__}.{name}")) for name in _NAMES)
"""Every API, in the order in which their faults are listed."""
