"""Flows: the chain of one probe, and the groups of a window, with the lines that prove them.

Example: a `FlowGroup` of `shop` and `Deployment/cart`, host `docs.example.com`, port 443, path `direct` and 3 flows:
three times the workload went around the gateway. Its `subject` is `shop/Deployment/cart`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from egressaudit.model.lines import Hop
from egressaudit.model.paths import Path
from egressaudit.model.probes import Probe, Scheme
from egressaudit.model.proxies import DataplaneMode, ObjectRef


@dataclass(frozen=True, slots=True)
class Flow:
    """The hops of one probe, in the order they were passed; by which key they were joined; what was ambiguous."""

    probe: Probe
    hops: tuple[Hop, ...] = ()
    joined_by: tuple[str, ...] = ()
    """One key for each hop, e.g. `curl socket = downstream_remote_address`."""
    ambiguous: str = ""
    """Why a hop could not be chosen among several; empty if the chain is unique."""
    unclean: tuple[Hop, ...] = ()
    """Unclean hops that may belong to this flow: shown, never used as proof."""
    near: tuple[Hop, ...] = ()
    """Lines of the proxy that it was sent to that may be about it, joined by no key: for causes, never proof."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is audited, both ends in UTC. A flow counts if it overlaps the window."""

    start: datetime
    end: datetime


class Confidence(StrEnum):
    """Which lines prove it."""

    JOINED = "joined"
    """Two proxies' lines, joined by the addresses of the connection between them."""
    MATCHED = "matched"
    """The lines of two proxies, matched by source IP, inner address and time (pooled HBONE connections)."""
    REPORTED = "reported"
    """One proxy's line alone."""
    OBSERVED = "observed"
    """No access line: the snapshot, the policy, or the account of what was read."""


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

    `namespace` and `workload` are '' if no pod of the snapshot owns the source address; a workload is
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
    spread: tuple[int, ...] = ()
    """How many of the flows began in each equal part of the window; those from before it count in the first. Empty if
    nobody asked."""

    @property
    def subject(self) -> str:
        """Who sent it: `namespace/Kind/name`, `(unknown)` where no pod is known."""
        return f"{self.namespace}/{self.workload}" if self.workload else "(unknown)"
