"""Meshes in which everything goes its way, and the same with one thing broken: one flow shows what.

In: a seed, a `WorldFault`. Out: a `World` whose flows are all right but those of the fault, and whose policy says so.
Nothing is lost and nobody lies. What a proxy logs of a fault is what real Envoys with istiod's configuration logged of
it (`tests/injected`), at this world's addresses.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from worlds import draw, inside
from worlds.endings import BY_NAME, NOT_LEFT, Ending
from worlds.lines import socket
from worlds.mesh import Builder
from worlds.model import END, START, Flow, Host, Manifest, Object, Pod, Policy, Proxy, Rule, World
from worlds.steering import declare
from worlds.traffic import Traffic

_TRIES = 400
_VIA = {"gateway": "gateway", "chain": "gateway", "waypoint-gateway": "gateway", "waypoint": "waypoint"}
SIDECAR, BY_ROUTES, AMBIENT = "sidecar", "sidecar-gateway-api", "ambient"


@dataclass(frozen=True)
class WorldFault:
    """One thing to break; its code is from the catalogue, by what is broken."""

    name: str
    code: str
    mode: str
    """The mode of the mesh: by which objects it steers."""
    breaks: Callable[[Broken], object]
    sends: Callable[[Broken, int], object]
    """One flow, which begins then."""
    schemes: tuple[str, ...] = ("http", "tls", "tcp")
    alone: bool = False
    """Whether it also breaks other hosts on the same gateway or waypoint."""
    local: bool = False
    """Whether it is of the source alone: others reach the host as they should."""
    kind: str = "worlds"


@dataclass
class Broken:
    """A world with the flow to break, before and after."""

    world: World
    traffic: Traffic
    builder: Builder
    pod: Pod
    host: Host
    number: int
    """The host's, by which its objects are called."""

    @property
    def proxy(self) -> Proxy:
        """The first gateway or waypoint on its way."""
        return self.host.through[0]

    def find(self, kind: str, name: str = "", namespace: str = "") -> Object:
        """An object of the host, or of another name."""
        usual = {"ServiceEntry": "se", "VirtualService": "egress", "Gateway": "egress"}
        wanted = (kind, namespace or self.host.namespace, name or f"{usual.get(kind, '')}-{self.number}")
        return next(each for each in self.world.objects if _key(each) == wanted)

    def rule(self) -> Object:
        """The VirtualService's rule from the mesh to the gateway."""
        return self.find("VirtualService")["spec"][self.host.scheme][0]

    def drop(self, kind: str, name: str = "") -> None:
        """Take an object away."""
        gone = self.find(kind, name)
        self.world.objects = [each for each in self.world.objects if each is not gone]

    def add(self, each: Object) -> None:
        """A further object."""
        self.world.objects.append(each)

    def without_pods(self) -> None:
        """The Deployment of its first proxy is scaled down: no pods, no endpoints, no logs."""
        proxy, names = self.proxy, {each.name for each in self.proxy.pods}
        here = {("Pod", proxy.namespace, name) for name in names}
        self.world.objects = [each for each in self.world.objects if _key(each) not in here]
        for each in self.world.objects:
            if _key(each) == ("Deployment", proxy.namespace, proxy.service):
                each["spec"]["replicas"] = 0
            if each["kind"] == "EndpointSlice" and each["metadata"]["name"].startswith(f"{proxy.service}-"):
                each["endpoints"] = []
        for pod in proxy.pods:
            self.world.pods.remove(pod)

    # ------------------------------------------------------------ what it sends

    def ending(self, name: str) -> Ending:
        """How a flow of this host's scheme ends."""
        return BY_NAME["http" if self.host.scheme == "http" else "tcp", name]

    def through(self, begin: int, ending: str = "ok") -> Flow:
        """Its own way, to an end."""
        return self.traffic.routed(self.pod, self.host, begin, 20, self.ending(ending))[0]

    def straight(self, begin: int, ending: str = "ok", *, known: bool = True, route: str = "") -> Flow:
        """Around every proxy but the source's."""
        host = replace(self.host, registered=known, far_port=self.host.port)
        flow = self.traffic.straight(self.pod, host, begin, 20, self.ending(ending))
        if route:
            flow.lines[-1].fields["route_name"] = route
        return flow

    def https(self, begin: int) -> Flow:
        """The same host on 443, which the mesh does not know."""
        other = Host(self.host.name, self.host.addresses, 443, "tls", "none", registered=False, far_port=443)
        return self.traffic.straight(self.pod, other, begin, 300, BY_NAME["tcp", "ok"])

    def refused(self, begin: int, **fields: object) -> Flow:
        """The proxy at the source sends it nowhere: what its line says of that."""
        flow = self.straight(begin, "no-cluster")
        flow.fate = NOT_LEFT
        flow.lines[-1].fields.update({"route_name": "-", "bytes_received": 0, **fields})
        return flow

    def to_proxy(self, begin: int, flags: str, failure: str, *, details: str) -> Flow:
        """The proxy at the source cannot connect to the gateway."""
        peer = self.proxy.pods[0]
        http = self.host.scheme == "http"
        said = {
            "upstream_host": socket(peer.ip, self.proxy.listens[self.host.port]),
            "upstream_cluster": f"outbound|{self.host.port}||{self.proxy.host}",
            "upstream_transport_failure_reason": failure,
        }
        shown = {"response_flags": flags, "response_code_details": details} if http else {"response_flags": "UF,URX"}
        return self.refused(begin, **said, **shown)

    def by_ztunnel(self, begin: int, error: str, *, early: bool, length: int = 0) -> Flow:
        """ztunnel does not bring it to the waypoint."""
        flow = self.traffic.flow(
            self.pod, self.host.name, self.host.addresses[0], self.host.port, self.host.scheme, begin, begin + length,
            chain=(f"waypoint {self.proxy.ref}",), way="through", fate=NOT_LEFT,
        )  # fmt: skip
        peer, own = self.proxy, self.traffic.own(self.pod, six=False)
        vip = f"{self.host.vip}:{self.host.port}"
        tunnel = {"dst.addr": vip, "early": True}
        if not early:
            to = peer.pods[0]
            tunnel = {
                "dst.addr": socket(to.ip, 15008), "dst.hbone_addr": vip, "dst.service": self.host.name,
                "dst.workload": to.name, "dst.namespace": to.namespace, "bytes_sent": 0, "bytes_recv": 0,
            }  # fmt: skip
        source = {"src.addr": own} if early else self.traffic.source(self.pod, own)
        said = {**source, **tunnel, "direction": "outbound", "error": error}
        self.traffic.log(self.traffic.ztunnel(self.pod), flow, begin, begin + length, "ztunnel", **said)
        return flow


def _key(each: Object) -> tuple[str, str, str]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def well(seed: int) -> World:
    """A world in which nothing is wrong."""
    rng = random.Random(seed)
    world, traffic, _, senders = _drawn(rng, seed, rng.choice((SIDECAR, BY_ROUTES, AMBIENT)))
    _others(traffic, senders)
    return _ended(world, traffic)


def broken(seed: int, fault: WorldFault) -> World:
    """A world with this fault. The first one drawn from the seed that has a flow which shows it."""
    for turn in range(_TRIES):
        rng = random.Random(seed * _TRIES + turn)
        world, traffic, builder, senders = _drawn(rng, seed, fault.mode)
        if (chosen := _chosen(world, rng, senders, fault)) is None:
            continue
        number, pod = chosen
        it = Broken(world, traffic, builder, pod, world.hosts[number], number)
        others = [each for each in senders if each.namespace != pod.namespace]
        _others(traffic, others, None if fault.local else it.host)
        fault.breaks(it)
        for begin in sorted(rng.randrange(START + 60_000, END - 120_000) for _ in range(rng.choice((1, 2, 4)))):
            fault.sends(it, begin)
        return _ended(world, traffic)
    raise AssertionError(f"no world shows {fault.name}")


def _drawn(rng: random.Random, seed: int, mode: str) -> tuple[World, Traffic, Builder, list[Pod]]:
    world = World(seed=seed, kind="broken", mode=mode)
    world.nodes = rng.choice((1, 2, 3))
    world.tag("json" if rng.random() < 0.3 else "")
    builder = Builder(world, rng)
    builder.base()
    senders, _, _ = draw.workloads(builder, rng)
    draw.proxies(builder, rng)
    while not world.hosts:
        draw.hosts(builder, rng)
        world.hosts = [each for each in world.hosts if each.way not in ("none", "waypoint-gateway")]
    declare(builder, world.hosts)
    world.policy = _policy(world)
    for pod in world.pods:
        pod.log_format = "json" if "json" in world.tags else "text"
    return world, Traffic(world, rng), builder, senders


def _policy(world: World) -> Policy:
    """What the configuration says too."""
    refs = {kind: [each.ref for each in world.proxies if each.kind == kind] for kind in ("gateway", "waypoint")}
    rules = [
        Rule(f"rule-{number}", (host.name,), _VIA.get(host.way, "direct")) for number, host in enumerate(world.hosts)
    ]
    return Policy(rules, "mesh", refs["gateway"], refs["waypoint"])


def _chosen(world: World, rng: random.Random, senders: list[Pod], fault: WorldFault) -> tuple[int, Pod] | None:
    """A host whose way the fault breaks, and who sends to it; None if this world has none."""
    way = "waypoint" if fault.mode == AMBIENT else "gateway"
    fitting = [n for n, each in enumerate(world.hosts) if each.way == way and each.scheme in fault.schemes]
    if fault.alone:
        fitting = [n for n in fitting if not _shares(world, world.hosts[n])]
    return (rng.choice(fitting), rng.choice(senders)) if fitting else None


def _shares(world: World, host: Host) -> bool:
    """Whether another host is on the same gateway or waypoint."""
    own = {each.ref for each in host.through}
    return any(own & {proxy.ref for proxy in each.through} for each in world.hosts if each is not host)


def _others(traffic: Traffic, senders: list[Pod], but: Host | None = None) -> None:
    """Flows that all go their way, to every host but one."""
    world, rng = traffic.world, traffic.rng
    hosts = [each for each in world.hosts if each is not but]
    for _ in range(rng.randint(4, 12) if senders and hosts else 0):
        pod, host = rng.choice(senders), rng.choice(hosts)
        ok = BY_NAME["http" if host.scheme == "http" else "tcp", "ok"]
        begin = rng.randrange(START + 60_000, END - 120_000)
        traffic.routed(pod, host, begin, rng.choice((3, 20, 900)), ok)


def _ended(world: World, traffic: Traffic) -> World:
    inside.agents(traffic)
    for pod in world.pods:
        if pod.role in ("gateway", "waypoint", "ztunnel") or pod.mode == "sidecar":
            world.manifest.setdefault(pod.log, Manifest())
    draw.settle(world)
    return world
