"""The vocabulary: lines, hops, probes, mesh objects, flows, verdicts. No behaviour beyond reading itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Reporter(StrEnum):
    """The kind of proxy that wrote a log."""

    SIDECAR = "sidecar"
    EGRESS_GATEWAY = "egress-gateway"
    WAYPOINT = "waypoint"
    ZTUNNEL = "ztunnel"


class DataplaneMode(StrEnum):
    """How a pod's traffic is captured by the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    NONE = "none"


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


class Outcome(StrEnum):
    """Path seen against path expected."""

    PASS = "PASS"  # noqa: S105  a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Scheme(StrEnum):
    """What a probe speaks."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """A namespaced object, written `namespace/name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


# ---------------------------------------------------------------- lines and hops


@dataclass(frozen=True, slots=True, order=True)
class LogSource:
    """One container's log. `str()` is also its path below a folder of saved logs, less `.log`."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}/{self.container}"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as the container wrote it, without its line end.

    `text` is UTF-8 decoded with `surrogateescape`, so that bytes which are not UTF-8 survive; `number` counts
    from 1 within its source, as an editor counts.
    """

    source: LogSource
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One proxy's record of handling one request or connection.

    `fields` maps the column names of `frames.HOP_COLUMNS` to converted values; absent values are None.
    `clean` is False where the line has quotes or spaces that its format does not make: its fields may have been
    written by the sender, and it never takes part in a proof.
    """

    line: LogLine
    reporter: Reporter
    dialect: str
    clean: bool
    fields: Mapping[str, object]

    def get(self, column: str) -> object:
        """The value of a column, None where absent."""
        return self.fields.get(column)

    def text(self, column: str) -> str | None:
        """The value of a text column, None where absent."""
        value = self.fields.get(column)
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class OtherLine:
    """A line that is known not to be an access line (proxy or agent application log, blank line)."""

    line: LogLine
    kind: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A line that no grammar takes, with where it broke: `column` counts from 1."""

    line: LogLine
    reason: str
    column: int


@dataclass(frozen=True, slots=True)
class LineCount:
    """What became of the lines of one source: `access + other + unparsed == read`; unclean is part of access."""

    read: int = 0
    access: int = 0
    unclean: int = 0
    other: int = 0
    unparsed: int = 0

    def __add__(self, more: LineCount) -> LineCount:
        """Both together: `sum(counts, LineCount())` is the account of several logs."""
        return LineCount(
            read=self.read + more.read,
            access=self.access + more.access,
            unclean=self.unclean + more.unclean,
            other=self.other + more.other,
            unparsed=self.unparsed + more.unparsed,
        )


@dataclass(frozen=True, slots=True)
class LogFormat:
    """An access log format that a mesh's configuration asks for, and where it stands there.

    `text` is the format string of a text log, `labels` the object (or the text of one) of a JSON log, the other is
    None; empty is Istio's default. With `omit_empty` absent values are left out.
    """

    where: str
    text: str | None = None
    labels: Mapping[str, object] | str | None = None
    omit_empty: bool = False


# ---------------------------------------------------------------- the mesh


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """What a pod's status says about the present run of one container, and about the run before it.

    Times are UTC by the node's clock, whole seconds; None where the status does not say.
    """

    container: str
    started: datetime | None = None
    ended: datetime | None = None
    restarts: int = 0
    previous_started: datetime | None = None
    previous_ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """What judging needs to know of a pod. `addresses` are its IPs without port."""

    namespace: str
    name: str
    addresses: tuple[str, ...]
    mode: DataplaneMode = DataplaneMode.NONE
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """`kind/name` of the workload: the Deployment for a ReplicaSet's pod; empty for a bare pod."""
    containers: tuple[str, ...] = ()
    init_containers: tuple[str, ...] = ()
    ready: bool = False
    host_network: bool = False
    started: datetime | None = None
    """When the node took it on, None where the snapshot does not say."""
    deleted: datetime | None = None
    """When it is, or was, to be gone; None while nobody deleted it."""
    runs: tuple[ContainerRun, ...] = ()
    role: Reporter | None = None
    """The kind of proxy that it is proven to run; None where nothing is proven, whatever its marks say."""
    claimed: Reporter | None = None
    """The kind of proxy that its labels, annotations and containers claim."""
    gateway: ObjectRef | None = None
    """What a proven gateway or waypoint belongs to: its Gateway API Gateway, else its workload."""
    owners: tuple[str, ...] = ()
    """The chain of its owners, nearest first, as `Kind/name`."""
    service_account: str = ""
    """Empty where the snapshot does not say."""

    def run(self, container: str) -> ContainerRun:
        """What the snapshot says about the runs of a container; one without times where it says nothing."""
        return next((each for each in self.runs if each.container == container), ContainerRun(container))

    @property
    def ref(self) -> ObjectRef:
        """Its `namespace/name`."""
        return ObjectRef(self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the configuration says about one host and port: which gateway or waypoint should carry it.

    `path` is VIA_GATEWAY or VIA_WAYPOINT, or None where nothing claims the host. `because` names the objects of
    the claim in order, as `Kind namespace/name`. `gaps` are the configuration's own faults that explain a bypass,
    one sentence each (for instance a VirtualService that does not list the `mesh` gateway).
    """

    path: Path | None
    via: ObjectRef | None = None
    pods: tuple[Pod, ...] = ()
    because: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints that the configuration leads it through: the waypoint in front of a gateway."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The way one flow should go: `path` is VIA_GATEWAY, VIA_WAYPOINT, DIRECT or BLOCKED."""

    path: Path
    via: ObjectRef | None = None
    pods: tuple[Pod, ...] = ()
    """The pods of the expected gateway or waypoint; proof needs one of their addresses."""
    because: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    passing: tuple[ObjectRef, ...] = ()
    """Other gateways and waypoints that it may pass on its way."""
    last: bool = False
    """Whether it must leave through `via` itself: so where the user named it. A claim may name the first of a chain."""


# ---------------------------------------------------------------- probes


@dataclass(frozen=True, slots=True)
class Target:
    """What a probe asks for. `path` is the request path with its query, for HTTP and HTTPS."""

    host: str
    port: int
    scheme: Scheme
    path: str = "/"

    @property
    def url(self) -> str:
        """The target as curl is given it; tcp uses curl's telnet scheme, which only connects."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.scheme is Scheme.TCP:
            return f"telnet://{host}:{self.port}"
        default = {Scheme.HTTP: 80, Scheme.HTTPS: 443}[self.scheme]
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def __str__(self) -> str:
        """The target as a person reads it: `http://docs.redhat.com/`, `tcp://db.example.com:5432`."""
        return self.url.replace("telnet://", "tcp://", 1) if self.scheme is Scheme.TCP else self.url


@dataclass(frozen=True, slots=True)
class CurlResult:
    """What curl said of itself, in-band (`-w '%{json}'` behind a sentinel that holds the probe's nonce).

    All None where the sentinel never came: the exec stream was cut, or curl did not run to its end.
    """

    exit_code: int | None = None
    http_code: int | None = None
    local_address: str | None = None
    """curl's own socket, `ip:port`; `[v6]:port`."""
    remote_address: str | None = None
    connected: bool | None = None
    redirect_url: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One curl from one pod to one target, and its result."""

    nonce: str
    target: Target
    source: ObjectRef
    container: str
    started: datetime
    ended: datetime
    result: CurlResult
    redirected_from: str | None = None
    """The nonce of the probe whose `Location` this one follows."""


# ---------------------------------------------------------------- flows and verdicts


@dataclass(frozen=True, slots=True)
class Flow:
    """The hops of one probe, in the order they were passed; by which key they were joined; what was ambiguous."""

    probe: Probe
    hops: tuple[Hop, ...] = ()
    joined_by: tuple[str, ...] = ()
    """One key for each hop, e.g. `curl socket = downstream_remote_address`."""
    ambiguous: str = ""
    """Why a hop could not be chosen among several; empty where the chain is unique."""
    unclean: tuple[Hop, ...] = ()
    """Hops that may belong to this flow but are not clean: shown, never used as proof."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Path seen against path expected, for one probe, with its proof."""

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
    code: str = ""
    """The control that it falls under (`egressaudit controls`), '' for a PASS."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run found."""

    verdicts: tuple[Verdict, ...]
    lines: Mapping[LogSource, LineCount]
    reporters: Mapping[LogSource, Reporter]
    notes: tuple[str, ...] = ()
    """What a reader must know of the collection, e.g. `log stream of x cut and resumed`."""
    trusted: tuple[str, ...] = ()
    """Why the proxies on the probes' ways are believed, and who could have changed their logs, one sentence each."""


@dataclass(frozen=True, slots=True)
class Capture:
    """All that one run collected, before any judging: what `--save-logs` writes and `--replay` reads.

    `mesh` is the snapshot in its saved form (`mesh.json`); `expect` the text of `--expect`, None where the mesh
    configuration decides.
    """

    mesh: Mapping[str, object]
    expect: str | None
    probes: tuple[Probe, ...]
    lines: tuple[LogLine, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[LogSource, ...] = ()
    """The logs that were followed, whether or not a line came."""
    before: Mapping[LogSource, int] = field(default_factory=dict)
    """How many lines of each log had come before the first probe was sent."""
