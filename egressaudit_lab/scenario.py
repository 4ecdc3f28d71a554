"""A scenario: what a user applied (`applied.yaml`), the cluster around it (`cluster.yaml`), how its proxies behave.

The behaviour (`lab.yaml`) is what istiod would have made of the YAML, written by hand: the lab has no control plane, so
a mistake in how we read the YAML cannot hide there. Its keys are the fields of `Behaviour`.

In: the name of a scenario, or its folder. Out: a `Scenario`.
Example: `load_scenario("ambient")` expects that `verify` ends with 0 and sees the path `via-waypoint`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from egressaudit.errors import LabError, NotFound
from egressaudit_lab.typed import read
from egressaudit_lab.world import Fault, Manifest

_FOLDER = Path(__file__).parent / "scenarios"
_HEX = re.compile(r"([0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True)
class Serves:
    """What an external host does on one port.

    `nothing` refuses connections; `tcp` echoes, then closes; `tftp` answers by UDP that it has no such file.
    """

    port: int
    serves: Literal["http", "https", "tcp", "tftp", "nothing"]
    status: int = 200
    location: str = ""


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """A server outside the mesh, on an address of its own."""

    host: str
    ports: tuple[Serves, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a proxy sends requests (`http`, by authority) or connections (`tls`, by SNI) for one host and port.

    `cluster` is the name istiod gives it. The endpoints are the pods of `gateway` (NAMESPACE/WORKLOAD), or where that
    is empty the external host itself. `name` is the route name in the log.
    """

    host: str
    port: int
    cluster: str
    protocol: Literal["http", "tls"] = "http"
    name: str = ""
    gateway: str = ""
    http2: bool = False


@dataclass(frozen=True, slots=True)
class Sidecars:
    """What every sidecar knows. `unknown` is the outboundTrafficPolicy: ALLOW_ANY or REGISTRY_ONLY.

    `http_ports` are the ports with an HTTP listener: those of any HTTP service of the cluster. Elsewhere an unknown
    destination is plain TCP to a sidecar.
    """

    unknown: Literal["allow", "block"] = "allow"
    http_ports: tuple[int, ...] = (80,)
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Proxy:
    """An egress gateway or waypoint. `workload` is its Deployment as NAMESPACE/NAME.

    `allow_only` is the namespace that an AuthorizationPolicy lets in; everybody else is answered 403.
    """

    workload: str
    kind: Literal["gateway", "waypoint"]
    routes: tuple[Route, ...] = ()
    access_log: bool = True
    policy: str = ""
    allow_only: str = ""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What ztunnel knows about a host: its service, its virtual IP, and the waypoint that it goes through, if any."""

    host: str
    port: int
    vip: str
    waypoint: str = ""


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """A stand-in for a ValidatingAdmissionPolicy: pods with this label, annotation or user are refused.

    `value` is that of the label, empty for any; `says` is the policy's message.
    """

    policy: str
    says: str
    label: str = ""
    annotation: str = ""
    value: str = ""
    user: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests that a pod keeps sending, one keep-alive connection each for `connections`.

    `user_agents` are sent in turn. `workload` is a Deployment or a bare pod as NAMESPACE/NAME.
    """

    workload: str
    host: str
    port: int
    per_second: float
    connections: int = 1
    requests: int = 0
    """How many requests a connection has before a new one is made, 0 for no end."""
    user_agents: tuple[str, ...] = ("noise/1.0",)


@dataclass(frozen=True, slots=True)
class OddLine:
    """A line that is in a container's log from the start: `text` and the bytes `hex`, `repeat` times in one line."""

    workload: str
    text: str = ""
    hex: str = ""
    repeat: int = 1
    container: str = "istio-proxy"

    def line(self) -> bytes:
        """The line, without its end."""
        return (self.text.encode() + bytes.fromhex(self.hex)) * self.repeat


@dataclass(frozen=True, slots=True)
class ExpectedVerdict:
    """One verdict that `verify` must give."""

    outcome: str
    path_seen: str


@dataclass(frozen=True, slots=True)
class Expect:
    """What `verify` must answer: exit code, and the verdicts in the order of the probes."""

    exit: int
    verdicts: tuple[ExpectedVerdict, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """lab.yaml."""

    shows: str
    verify: tuple[str, ...]
    expect: Expect
    audit: int | None = None
    """The exit code of `audit -A --policy policy.yaml` on the scenario's own traffic, with its policy.yaml."""
    hosts: tuple[ExternalHost, ...] = ()
    sidecars: Sidecars = field(default_factory=Sidecars)
    proxies: tuple[Proxy, ...] = ()
    ztunnel: tuple[Tunnel, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    encoding: Literal["TEXT", "JSON"] = "TEXT"
    native_sidecars: bool = False
    without_curl: tuple[str, ...] = ()
    """Containers without curl, by name."""
    clock_skew: dict[str, float] = field(default_factory=dict)
    """By how many seconds a workload's clock is ahead."""
    lines: tuple[OddLine, ...] = ()
    admission: tuple[AdmissionRule, ...] = ()
    denied_outside: tuple[str, ...] = ()
    """Namespaces whose pods a NetworkPolicy lets connect to nobody outside: a stand-in for a CNI that enforces it.

    It refuses what no proxy of the mesh captures; a real CNI drops it.
    """
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario's three files."""

    name: str
    behaviour: Behaviour
    manifests: tuple[Manifest, ...]
    """Cluster first, then what was applied."""
    policy: Path | None = None
    """The egress policy of its audit, None if it has none."""

    def namespace_labels(self, namespace: str) -> dict[str, str]:
        """The labels of a namespace; none for one that the scenario does not have."""
        for each in self.manifests:
            if each["kind"] == "Namespace" and each["metadata"]["name"] == namespace:
                return dict(each["metadata"].get("labels") or {})
        return {}

    def replicas(self, workload: str) -> int:
        """How many pods a Deployment (NAMESPACE/NAME) has; 0 for one that the scenario does not have."""
        for each in self.manifests:
            meta = each["metadata"]
            if each["kind"] == "Deployment" and f"{meta.get('namespace')}/{meta['name']}" == workload:
                return int(each["spec"].get("replicas", 1))
        return 0


def scenario_names() -> tuple[str, ...]:
    """The scenarios that come with the lab, sorted."""
    return tuple(sorted(each.parent.name for each in _FOLDER.glob("*/lab.yaml")))


def load_scenario(name: str) -> Scenario:
    """A scenario by its name, or by the path of a folder of the same three files.

    NotFound for an unknown name; LabError for files that cannot be read or used.
    """
    folder = _FOLDER / name if name in scenario_names() else Path(name)
    if not (folder / "lab.yaml").is_file():
        raise NotFound(
            f"there is no scenario {name!r}",
            hint=f"Scenarios: {', '.join(scenario_names())}; or the path of a folder with a lab.yaml.",
        )
    documents = _documents(folder / "lab.yaml")
    if len(documents) != 1:
        raise LabError(f"{folder / 'lab.yaml'}: expected one YAML document, got {len(documents)}")
    behaviour = read(Behaviour, documents[0], str(folder / "lab.yaml"))
    manifests = (*_manifests(folder / "cluster.yaml"), *_manifests(folder / "applied.yaml"))
    policy = folder / "policy.yaml"
    scenario = Scenario(
        name=folder.name, behaviour=behaviour, manifests=manifests, policy=policy if policy.is_file() else None
    )
    _check(scenario, str(folder / "lab.yaml"))
    return scenario


def _documents(file: Path) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8")
        return [each for each in yaml.safe_load_all(text) if each is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LabError(f"{file}: {error}") from error


def _manifests(file: Path) -> list[Manifest]:
    found = _documents(file)
    for number, each in enumerate(found, start=1):
        if not isinstance(each, dict) or not {"apiVersion", "kind"} <= each.keys():
            raise LabError(f"{file}: document {number} is not a Kubernetes object")
        if not isinstance(each.get("metadata"), dict) or not each["metadata"].get("name"):
            raise LabError(f"{file}: document {number} ({each['kind']}) has no metadata.name")
    return found


def _check(scenario: Scenario, where: str) -> None:
    """LabError for a behaviour that names what is not there."""
    behaviour = scenario.behaviour
    served = {(each.host, port.port) for each in behaviour.hosts for port in each.ports}
    proxies = {each.workload for each in behaviour.proxies}
    every = (*behaviour.sidecars.routes, *(route for each in behaviour.proxies for route in each.routes))
    for route in every:
        if route.gateway and route.gateway not in proxies:
            raise LabError(f"{where}: the route for {route.host} goes to {route.gateway}, which is not in `proxies`")
        if not route.gateway and (route.host, route.port) not in served:
            raise LabError(f"{where}: the route for {route.host}:{route.port} has no such port in `hosts`")
    for tunnel in behaviour.ztunnel:
        if tunnel.waypoint and tunnel.waypoint not in proxies:
            raise LabError(f"{where}: ztunnel's {tunnel.host} goes to {tunnel.waypoint}, which is not in `proxies`")
    for traffic in behaviour.traffic:
        if (traffic.host, traffic.port) not in served:
            raise LabError(f"{where}: traffic goes to {traffic.host}:{traffic.port}, which is not in `hosts`")
    for odd in behaviour.lines:
        if not _HEX.fullmatch(odd.hex):
            raise LabError(f"{where}: {odd.hex!r} is not hexadecimal")
