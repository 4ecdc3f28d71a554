"""The seam of the bypass battery: an `Attempt` is a row of the catalogue, as data.

In: a `Scene`, what is known about the host, the pod and its curl. Out: an `Asking`, what curl is asked. Example: the
row EB01 makes `Asking(Target("203.0.113.7", 80, Scheme.HTTP))` of docs.example.com.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from egressaudit.model import DataplaneMode, Target

PORT = "{port}"
"""Placeholder in an annotation's value: the port that the ordinary request goes to."""

NONCE = "{nonce}"
"""Placeholder in a URL: the nonce of the probe."""

BOTH = frozenset({DataplaneMode.SIDECAR, DataplaneMode.AMBIENT})
ONLY_SIDECAR = frozenset({DataplaneMode.SIDECAR})
ONLY_AMBIENT = frozenset({DataplaneMode.AMBIENT})


class Transport(StrEnum):
    """What carries an attempt. The mesh redirects only TCP, and of UDP at most DNS on port 53.

    istio/istio tools/istio-iptables/pkg/capture/run.go (sidecars), cni/pkg/iptables/iptables.go (ambient mode).
    """

    TCP = "tcp"
    UDP = "udp"


class Need(StrEnum):
    """What an attempt requires."""

    HTTP = "http"
    """A host that speaks HTTP or HTTPS."""
    ADDRESS = "address"
    """An address of the host that is proven to be outside."""
    IPV6 = "ipv6"
    """An IPv6 address of the pod."""
    HTTP3 = "http3"
    TFTP = "tftp"
    OTHER_PROXY = "other-proxy"
    """A gateway or waypoint that is not on the expected way."""


class PositiveControl(StrEnum):
    """The positive control: the same tool or pod where traffic is allowed. What is broken must not look closed."""

    STEERED = "the ordinary request from the same pod takes the expected way and is answered"
    SAME_POD = "the changed pod connects to an address of the mesh, and the same pod without the change is admitted"


@dataclass(frozen=True, slots=True)
class OtherProxy:
    """A gateway or waypoint that is not on the expected way: its name, and a socket of one of its pods."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when attempts are planned."""

    target: Target
    mode: DataplaneMode
    """How the source is captured."""
    addresses: tuple[str, ...]
    """The IPs of the source pod."""
    outside: str = ""
    """An IP of the host that is proven to be outside, '' if none is known."""
    features: frozenset[str] = frozenset()
    """The features and protocols of the source's curl, in lower case: `http3`, `tftp`."""
    other: OtherProxy | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """What curl is asked. Lines are judged as being about `target`."""

    target: Target
    options: tuple[str, ...] = ()
    """Options of curl besides those of every probe."""
    url: str = ""
    """The URL, '' for that of the target."""
    dialled: str = ""
    """The `IP:port` that curl is told to use, '' where it is given a name."""

    @property
    def words(self) -> str:
        """The URL and the options, as a person reads them."""
        return " ".join((self.url or str(self.target), *map(shlex.quote, self.options)))


@dataclass(frozen=True, slots=True)
class PodChange:
    """How the probe pod of an attempt differs from an ordinary one."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    """The user id of its container."""
    host_network: bool = False

    @property
    def words(self) -> str:
        """The change as a person reads it: `sidecar.istio.io/inject: "false"`."""
        said = [f'{key}: "{value}"' for key, value in (*self.labels.items(), *self.annotations.items())]
        said += [] if self.user is None else [f"runAsUser: {self.user}"]
        return ", ".join([*said, *(["hostNetwork: true"] if self.host_network else [])])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way around the gateway. A code never changes its meaning and is never reused."""

    code: str
    name: str
    title: str
    tries: str
    """What it tries, and why that may get around the gateway: one or two sentences."""
    closed_by: str
    """What would close it: noun phrases, one or two sentences."""
    control: PositiveControl
    request: Callable[[Scene], Asking]
    """What curl is asked; called only if every need is met."""
    modes: frozenset[DataplaneMode] = BOTH
    """The modes of the source in which it makes sense."""
    needs: frozenset[Need] = frozenset()
    pod: PodChange | None = None
    """The change of the pod that it is made from; None for the source itself."""
    transport: Transport = Transport.TCP
    only_named: bool = False
    """Whether it needs more permissions, and is made only if it is named."""
