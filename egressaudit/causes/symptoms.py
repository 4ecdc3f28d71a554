"""Everything that is known about one flow, or one group of flows, that did not go its way: what every cause is held to.

In: nothing; `diagnosis` fills it, for `verify` and for `audit`. Example: `Symptoms(mesh, target, Path.DIRECT,
source=shop/cart-1, hops=(...), faults=(<mesh-gateway-missing>,))` is what EC26 is found in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from egressaudit.addresses import ip_of
from egressaudit.mesh import Mesh
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.places import Place
from egressaudit.mesh.steering.registry import entries
from egressaudit.model import (
    BlindSpot,
    Claim,
    CurlResult,
    DataplaneMode,
    Fault,
    FlowGroup,
    Hop,
    LineCount,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Reporter,
    Step,
    Target,
)


@dataclass(frozen=True)
class Symptoms:
    """One flow that did not go its way, as its lines and the snapshot show it."""

    mesh: Mesh
    target: Target
    path: Path
    """The path that was seen."""
    code: str = ""
    """The control that it falls under, `EA101`."""
    message: str = ""
    """What a finding says that is not about flows; '' for flows."""
    reason: str = ""
    """Why the path is what it is, in a word (`judge.words.REASONS`)."""
    source: Pod | None = None
    container: str = ""
    """The container that sent it; '' if it is not known."""
    expected: Path | None = None
    via: ObjectRef | None = None
    """The gateway or waypoint that should have carried it."""
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints that it may pass."""
    through: tuple[ObjectRef, ...] = ()
    """The gateways and waypoints that it passed."""
    hops: tuple[Hop, ...] = ()
    """The lines of one of its flows, in the order of the way, as far as they are known."""
    near: tuple[Hop, ...] = ()
    """Lines that may be about it, and that no key joins: they prove nothing, and may say why."""
    faults: tuple[Fault, ...] = ()
    """What is wrong in the configuration of its way (`Claim.faults`)."""
    steps: tuple[Step, ...] = ()
    """What each proxy on its way does with it by its configuration, where that is known."""
    spots: tuple[BlindSpot, ...] = ()
    """What no proxy sees of the source, and which proxies on the way do not log."""
    curl: CurlResult | None = None
    """What the probe's own client said; None for a group of flows."""
    redirected: bool = False
    """Whether the client was sent here by a redirect of another host or port."""
    unclean: bool = False
    """Whether there are lines that may be about it and prove nothing, because a sender may have written them."""
    ambiguous: str = ""
    """Why a line could not be chosen among several; '' if it could."""
    gaps: tuple[str, ...] = ()
    """What is missing of the logs of its way, one sentence each."""
    counts: Mapping[LogSource, LineCount] = field(default_factory=dict)
    """What became of the lines of each log, where it is known."""
    group: FlowGroup | None = None
    """The group of flows that it stands for, None for a probe."""
    peers: tuple[FlowGroup, ...] = ()
    """Other groups of flows to the same host, or through the same gateway."""

    @cached_property
    def claim(self) -> Claim:
        """What the configuration claims for the target, as seen from the source; nothing without a source."""
        return Claim(None) if self.source is None else self.mesh.claim(self.source, self.target)

    # ------------------------------------------------------------ its lines

    @property
    def source_line(self) -> Hop | None:
        """The line of the proxy at the source."""
        return self.hops[0] if self.hops and self.hops[0].reporter.at_source else None

    @property
    def proxy_line(self) -> Hop | None:
        """The line of the last gateway or waypoint."""
        known = self.hops[-1] if self.hops and not self.hops[-1].reporter.at_source else None
        return known or self.unjoined_failure

    @property
    def unjoined_failure(self) -> Hop | None:
        """The only line that may be about it at the proxy that it was sent to, if that one connected to no host.

        Where nothing was connected to, a waypoint's line has no bytes, by which alone it is matched to a ztunnel's; and
        a sidecar whose peer closes within the handshake logs no socket of its own.
        """
        line, only = self.source_line, self.near[0] if len(self.near) == 1 else None
        if line is None or only is None or (not self.by_ztunnel and line.text("upstream_local_address")):
            return None
        client = line.text("src_addr" if self.by_ztunnel else "downstream_remote_address")
        failed = {"UF", "UH", "NC"} & set((only.text("response_flags") or "").split(","))
        nobody = only.text("upstream_local_address") is None
        same = ip_of(only.text("downstream_remote_address")) == ip_of(client)
        return only if same and nobody and (failed or only.text("response_flags") is None) else None

    @property
    def cluster_kind(self) -> str:
        """The kind of cluster that the source's Envoy chose (`cluster_name.KINDS`), '' if it is not known."""
        line = self.source_line
        return "" if line is None else line.text("cluster_kind") or ""

    @property
    def by_ztunnel(self) -> bool:
        """Whether a ztunnel carried it from its source."""
        return self.source_line is not None and self.source_line.reporter is Reporter.ZTUNNEL

    @cached_property
    def sent_to(self) -> tuple[ObjectRef, ...]:
        """The gateway or waypoint at the address to which the source sent it; empty if there is none."""
        line = self.source_line
        reached = None if line is None else ip_of(line.text("dst_addr") or line.text("upstream_host"))
        known = self.mesh.places.proxies.get(reached or "")
        return (known[1],) if known else ()

    # ------------------------------------------------------------ the snapshot

    @property
    def mode(self) -> DataplaneMode:
        """How the source is captured."""
        return DataplaneMode.NONE if self.source is None else self.source.mode

    @cached_property
    def entries(self) -> tuple[Obj, ...]:
        """The ServiceEntries of the host."""
        return entries(self.mesh.world.objects, self.target.host)

    @cached_property
    def is_external(self) -> bool:
        """Whether it is about a host outside: no Service, gateway, pod or node of the cluster, nor an address of it."""
        if not self.mesh.places.is_outside_host(self.target.host):
            return False
        return self._reached in (Place.OUTSIDE, Place.VIRTUAL, Place.PRIVATE, Place.NONE)

    @property
    def _reached(self) -> Place:
        """Where the proxy at the source sent it; NONE if that is not known."""
        line = self.source_line
        if line is None:
            first = self.group.reached[0] if self.group and self.group.reached else None
            return Place.NONE if first is None else self.mesh.places.place(f"{first[0]}:{first[1]}").place
        if self.cluster_kind not in ("passthrough", "dynamic-dns") and not self.by_ztunnel:
            return Place.NONE
        return self.mesh.places.place(line.text("dst_addr" if self.by_ztunnel else "upstream_host")).place

    @property
    def workload(self) -> str:
        """The source's workload as an object: `Deployment shop/cart`; '' if it is not known."""
        if self.source is None:
            return ""
        kind, _, name = (self.source.owner or f"Pod/{self.source.name}").partition("/")
        return f"{kind} {self.source.namespace}/{name}"

    def faults_of(self, *slugs: str, kind: str = "") -> tuple[Fault, ...]:
        """The faults with one of these slugs, whose first object is of this kind if one is given."""
        return tuple(
            each
            for each in self.faults
            if each.slug in slugs and (not kind or (each.objects and each.objects[0].split(" ")[0].endswith(kind)))
        )

    def spots_of(self, *kinds: str) -> tuple[BlindSpot, ...]:
        """The blind spots of these kinds."""
        return tuple(each for each in self.spots if each.kind in kinds)
