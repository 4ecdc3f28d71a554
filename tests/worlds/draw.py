"""A world from a seed: the same on every machine, whatever the order in which worlds are drawn."""

from __future__ import annotations

import random

from worlds import adversary, inside, losses
from worlds.endings import BY_NAME, Ending, endings
from worlds.mesh import Builder
from worlds.model import END, START, Flow, Host, Manifest, Pod, Policy, Proxy, Rule, World
from worlds.steering import declare
from worlds.traffic import Traffic
from worlds.truth import violates

KINDS = ("honest", "lossy", "adversary")
MODES = ("sidecar", "sidecar-gateway-api", "ambient", "mixed")
_SCHEMES = {"http": 80, "tls": 443, "tcp": 5432}
_NAMES = ("docs", "api", "cdn", "feed", "db", "mail", "pkg", "img", "auth", "geo")
_ZONES = ("example.com", "example.net", "corp.example", "redhat.example")


def draw(seed: int, kind: str | None = None) -> World:
    """The world of a seed; its kind is drawn too unless it is asked for."""
    rng = random.Random(seed)
    drawn = rng.choices(KINDS, (4, 3, 3))[0]
    world = World(seed=seed, kind=kind or drawn, mode=rng.choice(MODES))
    world.nodes = rng.choice((1, 2, 2, 3))
    world.dual = rng.random() < 0.2
    world.registry_only = rng.random() < 0.15
    world.tag("dual-stack" if world.dual else "", "registry-only" if world.registry_only else "")
    world.tag("json" if rng.random() < 0.3 else "")
    builder = Builder(world, rng)
    builder.base()
    senders, peers, vip = workloads(builder, rng)
    proxies(builder, rng)
    hosts(builder, rng)
    declare(builder, world.hosts)
    world.policy = _policy(world, rng)
    for pod in world.pods:
        pod.log_format = "json" if "json" in world.tags else "text"
    for number in range(world.nodes):
        world.skew[number] = rng.randint(-20, 20)
    traffic = Traffic(world, rng)
    _traffic(traffic, senders, peers, vip)
    if world.kind == "adversary":
        adversary.act(traffic, builder)
    inside.agents(traffic)
    for pod in world.pods:
        if pod.role in ("gateway", "waypoint", "ztunnel") or pod.mode == "sidecar":
            world.manifest.setdefault(pod.log, Manifest())
    if world.kind == "lossy":
        losses.lose(world, rng)
    settle(world)
    return world


def settle(world: World) -> None:
    """Say of each flow whether it breaks the policy, and which of its lines no file has."""
    for line in world.lines:
        if not line.lost and not inside.in_files(line):
            line.lost = "not written in time"
    claims = {host.name: _claimed(host) for host in world.hosts}
    for flow in world.flows:
        if flow.attack and flow.violates is not None:
            continue
        flow.violates = violates(flow, world.policy, claims.get(flow.host))
        ending = BY_NAME.get(("http" if flow.scheme == "http" else "tcp", flow.ending))
        if ending is not None and ending.open and flow.violates is None:
            flow.decidable = False


def _claimed(host: Host) -> tuple[str, ...]:
    return tuple(f"{each.kind} {each.ref}" for each in host.through)


def workloads(builder: Builder, rng: random.Random) -> tuple[list[Pod], list[Pod], str]:
    """Who sends; who answers within the mesh, and the address of their Service."""
    world = builder.world
    modes = {"ambient": ("ambient",), "mixed": ("sidecar", "ambient")}.get(world.mode, ("sidecar",))
    if "ambient" in modes:
        builder.ztunnels()
    senders: list[Pod] = []
    for number in range(rng.choice((1, 2, 2, 3))):
        mode = modes[number % len(modes)]
        ns = f"team-{number}"
        builder.namespace(ns, mode)
        kind = rng.choice(("Deployment", "Deployment", "StatefulSet"))
        senders += builder.workload(ns, f"app-{number}", mode, kind, rng.choice((1, 1, 2)))
    builder.namespace("shop", modes[-1])
    peers = builder.workload("shop", "shop", modes[-1], replicas=rng.choice((1, 2)))
    vips = builder.service_of("shop", "shop", peers, {80: 8080})
    return senders, peers, vips[0]


def proxies(builder: Builder, rng: random.Random) -> None:
    """The gateways, and the waypoints of a mesh with ambient mode."""
    world = builder.world
    api = {"sidecar": "istio", "mixed": rng.choice(("istio", "gateway-api"))}.get(world.mode, "gateway-api")
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        builder.namespace(f"egress-{number}")
        builder.gateway(f"egress-{number}", f"gw-{number}", api, rng.choice((1, 1, 2)))
    if world.mode in ("ambient", "mixed"):
        for number in range(rng.choice((1, 1, 2))):
            builder.namespace(f"waypoints-{number}")
            builder.waypoint(f"waypoints-{number}", f"wp-{number}", rng.choice((1, 1, 2)))


def hosts(builder: Builder, rng: random.Random) -> None:
    """The external hosts, each with its way."""
    world = builder.world
    gateways = [each for each in world.proxies if each.kind == "gateway"]
    waypoints = [each for each in world.proxies if each.kind == "waypoint"]
    for number in range(rng.choice((2, 3, 4, 5))):
        scheme = rng.choice(("http", "http", "http", "tls", "tls", "tcp"))
        way, through = _way(world, rng, gateways, waypoints)
        if scheme == "tcp" and any(
            each.scheme == "tcp" and {p.ref for p in each.through} & {p.ref for p in through} for each in world.hosts
        ):
            # One port of a gateway takes the bytes of one host.
            scheme = "http"
        name = f"{_NAMES[number]}.{rng.choice(_ZONES)}"
        addresses = [
            f"{rng.choice(('203.0.113', '198.51.100', '93.184.216'))}.{10 * number + n + 1}"
            for n in range(rng.choice((1, 1, 2)))
        ]
        if world.dual and rng.random() < 0.3:
            addresses.append(f"2606:2800:220:1::{number + 1:x}")
        host = Host(name, tuple(addresses), _SCHEMES[scheme], scheme, way, through, registered=way != "none")
        host.far_port = 443 if scheme == "http" and way == "gateway" and rng.random() < 0.25 else host.port
        host.resolution = rng.choice(("DNS", "DNS", "STATIC"))
        host.namespace = through[0].namespace if through else "egress-0"
        host.vip = builder.auto() if host.registered else ""
        world.hosts.append(host)


def _way(
    world: World, rng: random.Random, gateways: list[Proxy], waypoints: list[Proxy]
) -> tuple[str, tuple[Proxy, ...]]:
    ways = ["gateway"] * 5 + ["direct", "none"]
    if len(gateways) > 1:
        ways.append("chain")
    if waypoints:
        routable = [each for each in gateways if each.api == "gateway-api"]
        ways += ["waypoint"] * 6 + (["waypoint-gateway"] if routable else [])
    way = rng.choice(ways)
    if world.mode == "ambient" and way in ("gateway", "chain"):
        way = "waypoint"
    if way == "gateway":
        return way, (rng.choice(gateways),)
    if way == "chain":
        return way, tuple(rng.sample(gateways, 2))
    if way == "waypoint":
        return way, (rng.choice(waypoints),)
    if way == "waypoint-gateway":
        return way, (rng.choice(waypoints), rng.choice([each for each in gateways if each.api == "gateway-api"]))
    return way, ()


def _policy(world: World, rng: random.Random) -> Policy:
    gateways = [each.ref for each in world.proxies if each.kind == "gateway"]
    waypoints = [each.ref for each in world.proxies if each.kind == "waypoint"]
    rules = []
    for number, host in enumerate(world.hosts):
        if rng.random() < 0.1:
            continue
        via = {
            "gateway": "gateway",
            "chain": "gateway",
            "waypoint-gateway": "gateway",
            "waypoint": "waypoint",
            "direct": "direct",
        }.get(host.way, "blocked")
        if rng.random() < 0.15:
            via = rng.choice(["gateway", "direct", "blocked", *(["waypoint"] if waypoints else [])])
        proxies: tuple[str, ...] = ()
        if via in ("gateway", "waypoint") and rng.random() < 0.3:
            known = gateways if via == "gateway" else waypoints
            own = [each.ref for each in host.through if each.ref in known]
            proxies = (rng.choice(known),) if rng.random() < 0.2 or not own else tuple(own)
        hosts: tuple[str, ...] = (host.name,)
        if not host.registered:
            hosts = (*hosts, *host.addresses)
        # A rule that names ports is about those that are really reached: with TLS origination that is another one.
        ports = tuple(sorted({host.port, host.far_port})) if rng.random() < 0.2 else ()
        rules.append(Rule(f"rule-{number}", hosts, via, proxies, ports))
    if rng.random() < 0.15:
        rules.append(Rule("network", ("198.51.100.0/24",), "blocked"))
    return Policy(rules, rng.choices(("deny", "allow"), (8, 2))[0], gateways, waypoints)


# ---------------------------------------------------------------- traffic


def _traffic(traffic: Traffic, senders: list[Pod], peers: list[Pod], vip: str) -> None:
    rng, world = traffic.rng, traffic.world
    clean = rng.random() < 0.35
    for _ in range(rng.randint(3, 14)):
        pod, host = rng.choice(senders), rng.choice(world.hosts)
        begin, length = _time(world, rng)
        ambient = pod.mode == "ambient"
        via = host.way in (("waypoint", "waypoint-gateway") if ambient else ("gateway", "chain"))
        ending = (
            BY_NAME["http" if host.scheme == "http" else "tcp", "ok"]
            if clean
            else _ending(rng, host, at_source=not via)
        )
        requests = rng.choice((1, 1, 2, 4)) if host.scheme == "http" and length < 2000 else 1
        if ending.same:
            requests = 1
        flows = traffic.routed(pod, host, begin, length, ending, requests)
        world.tag(f"way:{host.way}", f"end:{ending.name}", f"scheme:{host.scheme}")
        if rng.random() < 0.1:
            _escaped(traffic, pod, host, flows[0])
    for _ in range(rng.randint(0, 4)):
        inside.to_service(
            traffic,
            rng.choice(senders),
            peers,
            vip,
            "shop.shop.svc.cluster.local",
            rng.randrange(START, END - 5000),
            20,
        )
        world.tag("inside")


def _ending(rng: random.Random, host: Host, at_source: bool) -> Ending:
    every = endings(host.scheme, at_source)
    return rng.choices(every, [each.weight for each in every])[0]


def _time(world: World, rng: random.Random) -> tuple[int, int]:
    """When it begins and how long it lasts: mostly within the window, some across its ends."""
    turn = rng.random()
    if turn < 0.04:
        world.tag("open-before")
        return START - rng.randint(1000, 7_200_000), rng.randint(7_210_000, 9_000_000)
    if turn < 0.07:
        world.tag("open-after")
        return END - rng.randint(5000, 50_000), rng.randint(51_000, 100_000)
    if turn < 0.1:
        world.tag("early")
        return START - rng.randint(120_000, 7_200_000), rng.randint(100, 60_000)
    return rng.randrange(START + 30_000, END - 60_000), rng.choice((3, 20, 150, 900, 15_000))


def _escaped(traffic: Traffic, pod: Pod, host: Host, after: Flow) -> None:
    """The far side redirects to https, for which the mesh has no route: the usual way around a gateway."""
    if host.scheme != "http" or host.far_port != host.port:
        return
    ok = BY_NAME["tcp", "ok"]
    other = Host(host.name, host.addresses, 443, "tls", "none", registered=False, far_port=443)
    traffic.world.tag("redirect-escapes")
    traffic.straight(pod, other, after.end + 50, 300, ok)
