"""The vocabulary of a simulated world: pods, external hosts, lines, flows with their truth, and the world itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

START = 1_794_060_000_000
"""2026-11-07T14:00:00Z, in milliseconds: where every window begins."""
END = START + 3_600_000
GRACE = 60_000
"""A collection keeps the lines of the minute after the window: a proxy writes a request's line when it has ended."""

PROXY = "istio-proxy"


@dataclass(slots=True)
class Pod:
    """A pod. `role` is what it really is: `app`, `gateway`, `waypoint`, `ztunnel`; never what its labels claim."""

    namespace: str
    name: str
    ips: tuple[str, ...]
    node: int
    role: str
    owner: str
    """`Kind/name` of its workload; `Pod/name` of a bare pod."""
    mode: str = "none"
    """How it is captured: `sidecar`, `ambient` or `none`."""
    ref: str = ""
    """Of a gateway or waypoint: its `namespace/name` as policies call it."""
    account: str = "default"
    log_format: str = "text"
    ports: int = 0
    """How many sockets it has opened; each has a port of its own."""

    @property
    def ip(self) -> str:
        """Its first address."""
        return self.ips[0]

    @property
    def log(self) -> str:
        """Its proxy's log, as the folder has it."""
        return f"{self.namespace}/{self.name}/{PROXY}"

    def address(self, six: bool) -> str:
        """Its address of a family."""
        return next((each for each in self.ips if (":" in each) is six), self.ips[0])


@dataclass(slots=True)
class Proxy:
    """A gateway or waypoint: its pods, and what its Service and listeners are called."""

    kind: str
    namespace: str
    name: str
    pods: list[Pod]
    api: str
    """`istio` or `gateway-api`: which objects make it."""
    service: str
    vip: str
    listens: dict[int, int]
    """Service port -> port on which its pods listen."""

    @property
    def ref(self) -> str:
        """`namespace/name` as a policy names it."""
        return f"{self.namespace}/{self.name}"

    @property
    def host(self) -> str:
        """Its Service's name."""
        return f"{self.service}.{self.namespace}.svc.cluster.local"


@dataclass(slots=True)
class Host:
    """An external host and the way that the mesh's configuration has for it.

    `way` is `gateway`, `chain` (two gateways), `waypoint`, `waypoint-gateway`, `direct` (registered, not routed) or `none`
    (not registered). `through` are the proxies of that way, in order.
    """

    name: str
    addresses: tuple[str, ...]
    port: int
    scheme: str
    way: str
    through: tuple[Proxy, ...] = ()
    far_port: int = 0
    """Where the last proxy connects to; another than `port` where it originates TLS."""
    vip: str = ""
    resolution: str = "DNS"
    namespace: str = ""
    """Of its ServiceEntry."""
    registered: bool = True


@dataclass(slots=True)
class Line:
    """One line of a log: when what it tells began and ended (true time), and what it says."""

    log: str
    begin: int
    end: int
    kind: str
    """`envoy`, `ztunnel`, `agent` or `raw` (`fields['text']`)."""
    fields: dict[str, Any]
    flow: int | None = None
    lost: str = ""
    """Why it is in no file that is read: the loss's name; '' where it is."""
    hurt: str = ""
    """Why it is there and says something untrue, or proves nothing."""


@dataclass(slots=True)
class Flow:
    """What really happened, whatever logs say."""

    number: int
    namespace: str
    workload: str
    host: str
    """The name that was asked for; '' where only an address was."""
    address: str
    """Where it went, or was to go."""
    port: int
    reached: int
    scheme: str
    chain: tuple[str, ...]
    """The gateways and waypoints that it passed, in order, as `kind ns/name`."""
    way: str
    """`through`, `direct` or `passthrough`."""
    fate: str
    """`left`, `not-left`, `refused`, `inside`."""
    ending: str
    begin: int
    end: int
    violates: bool | None = None
    """None where no verdict is wrong: nothing left, but it was tried the wrong way."""
    decidable: bool = True
    """Whether complete logs prove it by the rules; not where a line cannot show it (retries, mirrors, chosen addresses)."""
    in_scope: bool = True
    """Whether a log audit can see it at all: not where the pod is outside capture."""
    lines: list[Line] = field(default_factory=list)
    attack: str = ""
    called: str = ""
    """What the sender calls its host where that is a lie."""

    @property
    def names(self) -> set[str]:
        """All that a report may call its host."""
        return {each for each in (self.host, self.address, self.called) if each}

    @property
    def seen(self) -> bool:
        """Whether it overlaps the window."""
        return self.begin < END and self.end >= START


@dataclass(slots=True)
class Rule:
    """A policy's rule; `hosts` are names, `*.suffixes` or networks."""

    name: str
    hosts: tuple[str, ...]
    via: str
    proxies: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    namespaces: tuple[str, ...] = ()


@dataclass(slots=True)
class Policy:
    """A policy as its file says it."""

    rules: list[Rule]
    default: str
    gateways: list[str]
    waypoints: list[str]


@dataclass(slots=True)
class Manifest:
    """What `collection.json` says of one log."""

    state: str = "complete"
    reason: str = ""
    covered_from: int | None = START
    covered_to: int | None = END
    rotated: bool = False
    claims_more: int = 0
    """Lines that it says the file has, beside those that it has."""
    previous: str = ""
    """`fetched`, `missing` or ''."""


@dataclass(slots=True)
class World:
    """A mesh, its objects, its traffic, what was lost, and the truth."""

    seed: int
    kind: str
    """`honest`, `lossy` or `adversary`."""
    mode: str
    """`sidecar`, `sidecar-gateway-api`, `ambient` or `mixed`."""
    tags: list[str] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    nodes: int = 2
    dual: bool = False
    registry_only: bool = False
    policy: Policy | None = None
    lines: list[Line] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    manifest: dict[str, Manifest] = field(default_factory=dict)
    collection: bool = True
    finished: bool = True
    skew: dict[int, int] = field(default_factory=dict)
    """Node -> milliseconds by which its clock is ahead."""
    must_tell: bool = False
    """Whether something is lost that no report may pass over: exit 0 would be wrong."""
    must_name: list[str] = field(default_factory=list)
    """Words that a report must have: pods outside capture."""
    extra_files: dict[str, str] = field(default_factory=dict)

    def captured(self, mode: str = "") -> list[Pod]:
        """The pods that send, of one mode."""
        return [
            each
            for each in self.pods
            if (each.role == "app" and each.mode == mode) or (not mode and each.role == "app")
        ]

    def tag(self, *names: str) -> None:
        """Note features."""
        for name in names:
            if name and name not in self.tags:
                self.tags.append(name)
