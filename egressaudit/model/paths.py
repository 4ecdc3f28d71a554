"""The ways out of the mesh, as reports name them: `via-gateway`, `direct`, `blocked`.

Example: `Path.VIA_GATEWAY.word` is `gateway`, as a policy writes it.
"""

from __future__ import annotations

from enum import StrEnum


class Path(StrEnum):
    """The way a flow left, or was meant to leave, the mesh."""

    VIA_GATEWAY = "via-gateway"
    VIA_WAYPOINT = "via-waypoint"
    DIRECT = "direct"
    """Left from the source, around the gateway or waypoint."""
    PASSTHROUGH = "passthrough"
    """Left from the source because the host is not in the registry (PassthroughCluster)."""
    BLOCKED = "blocked"
    """Refused by mesh policy (BlackHoleCluster, `block_all`, RBAC): proven by the line that says so."""
    FAILED = "failed"
    """Steered right as far as it went, but it did not arrive at the external host."""
    UNKNOWN = "unknown"
    UNATTRIBUTED = "unattributed"
    """In a window's audit: a gateway or waypoint passed it on, but no line of a source fits."""

    @property
    def word(self) -> str:
        """The way as `--expect` and `via` of a policy name it: `gateway`, `waypoint`, `direct`, `blocked`."""
        return self.value.removeprefix("via-")
