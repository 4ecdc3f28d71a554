"""What is declared: which way the configuration gives each host from each group of sources, and what is wrong with it.

Example: `DeclaredWay("docs.redhat.com", 80, ...)` with the path VIA_GATEWAY, from the groups `shop (sidecar)` and
`cart (ambient)`, and one fault whose effect is `Effect.AROUND`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from egressaudit.model.faults import Fault
from egressaudit.model.found_causes import SuggestedFix
from egressaudit.model.lines import LogFormat
from egressaudit.model.network import NetworkView
from egressaudit.model.paths import Path
from egressaudit.model.probes import Scheme
from egressaudit.model.proxies import DataplaneMode, ObjectRef, Pod, Reporter
from egressaudit.model.routes import Way
from egressaudit.model.run import MadeFrom, Run
from egressaudit.model.verdicts import Outcome


class Effect(StrEnum):
    """What a fault does to traffic for the host."""

    AROUND = "goes-around"
    """Some of it leaves another way than the one that is declared."""
    FAILS = "fails"
    """It does not get out."""
    UNSEEN = "not-logged"
    """It may go the right way, and no log proves it."""
    OPEN = "open"
    """The configuration alone does not tell."""


class Logged(StrEnum):
    """How much of what a proxy forwards it logs where we can read it."""

    ALL = "all"
    SOME = "some"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """Workloads of a namespace that no rule of the configuration tells apart."""

    namespace: str
    mode: DataplaneMode
    marks: tuple[str, ...]
    """The labels and annotations by which the configuration tells them from others: `app=cart`."""
    workloads: tuple[str, ...]
    """`Kind/name`, sorted."""
    pods: int
    example: Pod = field(compare=False)
    """One of their pods; it stands for all."""

    @property
    def name(self) -> str:
        """`shop (sidecar)`, `shop (sidecar, app=cart)`, `shop (not captured)`."""
        mode = "not captured" if self.mode is DataplaneMode.NONE else self.mode.value
        return f"{self.namespace} ({', '.join((mode, *self.marks))})"


@dataclass(frozen=True, slots=True)
class DeclaredWay:
    """What is declared for one host and port, from some groups of sources."""

    host: str
    port: int
    scheme: Scheme
    sources: tuple[str, ...]
    """The names of the groups."""
    path: Path | None
    """None if nothing is declared."""
    via: ObjectRef | None = None
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints on the way, in front of `via`."""
    because: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    outcome: Outcome = Outcome.INCONCLUSIVE
    """PASS if a way is declared without a fault, FAIL if a fault leads around it."""
    found: tuple[int, ...] = ()
    """The places of its faults in `AnalyzeReport.faults`, from 0."""
    way: Way | None = None
    """Every step as the proxies have it; None where the model of routes was not asked."""


@dataclass(frozen=True, slots=True, order=True)
class Written:
    """Where something is written; `line` is 1 or more, 0 if only the file is known."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A fault of the configuration, once, with everything that it hits."""

    fault: Fault
    code: str
    effect: Effect
    hosts: tuple[str, ...]
    """`host:port`, sorted."""
    sources: tuple[str, ...]
    """The names of the groups, sorted."""
    written: Written | None = None
    """Where the first object, or its field, is written; None if it did not come from a file."""
    fixes: tuple[SuggestedFix, ...] = ()
    """What would fix it as it hits the first of them, the smallest first."""


@dataclass(frozen=True, slots=True)
class LogOutput:
    """One place to which a proxy writes its access log."""

    where: str
    """`standard output`, else what takes it instead: a file, a log provider."""
    format: LogFormat | None
    """None where it is not known, or a program other than Envoy writes it."""
    read: bool
    """Whether it is the container's log, which we can read."""

    @property
    def encoding(self) -> Literal["", "text", "json"]:
        """'' if it is not known."""
        return "" if self.format is None else "text" if self.format.labels is None else "json"


@dataclass(frozen=True, slots=True)
class HopLogging:
    """Whether one hop writes an access log, and how."""

    proxy: str
    """A gateway or waypoint as `namespace/name`; a group of sources by its name."""
    reporter: Reporter
    writes: Logged
    outputs: tuple[LogOutput, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it does not write everything, one sentence each."""


@dataclass(frozen=True, slots=True)
class ProxyState:
    """A gateway or waypoint of the mesh."""

    kind: Reporter
    name: ObjectRef
    gateway_class: str = ""
    """Of the Gateway API; '' for a gateway that is a workload alone."""
    programmed: str = ""
    """The status of the condition `Programmed`: `True`, `False`, `Unknown`; '' where there is none to have it."""
    reason: str = ""
    """What its status says if it is not programmed."""
    ready: int = 0
    """Its ready pods."""
    versions: tuple[str, ...] = ()
    """The tags of its proxies' images, sorted."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether the caller may do one thing, in RBAC's terms."""

    verb: str
    group: str
    resource: str
    namespace: str
    """'' for the whole cluster."""
    name: str
    """'' for all objects."""
    commands: tuple[str, ...]
    """What needs it: `snapshot`, `audit`, `verify`."""
    allowed: bool | None
    """None if the server did not say."""
    without: str = ""
    """What is not known, or not done, without it."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """An istiod that is there."""

    name: ObjectRef
    revision: str
    version: str
    """The tag of its image, '' if it has none."""
    ready: bool


@dataclass(frozen=True, slots=True)
class OperatorObject:
    """An object of the Sail operator: Istio, IstioRevision, IstioRevisionTag, IstioCNI, ZTunnel."""

    kind: str
    name: str
    namespace: str
    """Where it puts what it installs."""
    version: str
    state: str
    """Its `status.state`: `Healthy`, `ReconcileError` ..."""
    reason: str
    """Why it is not ready; '' if it is."""


@dataclass(frozen=True, slots=True)
class ServedApi:
    """An API group that the server has; `kinds` by their plural names."""

    group: str
    versions: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveFindings:
    """What only a cluster can say."""

    permissions: tuple[Permission, ...] = ()
    grant: str = ""
    """The manifests that grant what is missing; '' if nothing is."""
    control_planes: tuple[ControlPlane, ...] = ()
    operator: tuple[OperatorObject, ...] = ()
    apis: tuple[ServedApi, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgrammedDifference:
    """What one proxy itself has for a host, where that is not what the objects declare."""

    proxy: str
    host: str
    declared: str
    programmed: str
    reason: str
    """Why they may differ, one sentence."""


@dataclass(frozen=True, slots=True)
class AnalyzeReport:
    """Everything that `analyze` found. Everything in it is sorted: the same input gives the same report."""

    ways: tuple[DeclaredWay, ...]
    faults: tuple[FoundFault, ...]
    groups: tuple[SourceGroup, ...]
    logging: tuple[HopLogging, ...] = ()
    proxies: tuple[ProxyState, ...] = ()
    network: tuple[NetworkView, ...] = ()
    """What the network itself lets sources, gateways and waypoints do."""
    live: LiveFindings | None = None
    """None without a cluster."""
    programmed: tuple[ProgrammedDifference, ...] | None = None
    """None if no proxy was asked."""
    undecided: tuple[str, ...] = ()
    """What is missing to decide: kinds of objects that were not read, one sentence each."""
    notes: tuple[str, ...] = ()
    """What a reader must know beside that, one sentence each."""
    run: Run = field(default_factory=Run)
    made_from: MadeFrom = field(default_factory=MadeFrom)

    @property
    def outcome(self) -> Outcome:
        """One fault that leads around a gateway outweighs all; nothing declared, or something undecided, is no PASS."""
        outcomes = {each.outcome for each in self.ways}
        if Outcome.FAIL in outcomes:
            return Outcome.FAIL
        return Outcome.PASS if outcomes == {Outcome.PASS} and not self.undecided else Outcome.INCONCLUSIVE
